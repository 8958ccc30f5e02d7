package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// The bounds of what may be asked for, so that a slip of the pen neither
// silences a desk for good nor keeps a pattern for a day.
const (
	maxMute     = 30 * 24 * time.Hour
	maxTest     = time.Hour
	defaultTest = 3 * time.Second
	maxAction   = 4 << 10 // bytes of a request's body
)

// commandTimeout is less than a client waits for the beginning of an answer.
const commandTimeout = 20 * time.Second

func (s *Server) postAck(w http.ResponseWriter, r *http.Request) {
	if err := decodeAction(w, r, &struct{}{}); err != nil {
		s.fail(w, r, err)
		return
	}
	s.command(w, r, s.agent.Acknowledge)
}

func (s *Server) postMute(w http.ResponseWriter, r *http.Request) {
	var action struct {
		For *string `json:"for"`
	}
	if err := decodeAction(w, r, &action); err != nil {
		s.fail(w, r, err)
		return
	}
	d, err := duration(action.For, DefaultMute, maxMute)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.command(w, r, func(ctx context.Context) error { return s.agent.Mute(ctx, d) })
}

func (s *Server) postUnmute(w http.ResponseWriter, r *http.Request) {
	if err := decodeAction(w, r, &struct{}{}); err != nil {
		s.fail(w, r, err)
		return
	}
	s.command(w, r, s.agent.Unmute)
}

func (s *Server) postTest(w http.ResponseWriter, r *http.Request) {
	var action struct {
		Pattern string  `json:"pattern"`
		For     *string `json:"for"`
	}
	name := r.PathValue("name")
	outputs := s.agent.Status().Outputs
	output, ok := findOutput(outputs, name)
	if !ok {
		s.fail(w, r, unknownOutput(outputs, name))
		return
	}
	if err := decodeAction(w, r, &action); err != nil {
		s.fail(w, r, err)
		return
	}
	d, err := duration(action.For, defaultTest, maxTest)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if action.Pattern == "" {
		action.Pattern = output.testPattern()
	}
	s.command(w, r, func(ctx context.Context) error { return s.agent.Test(ctx, name, action.Pattern, d) })
}

func (s *Server) postPress(w http.ResponseWriter, r *http.Request) {
	var action struct {
		For *string `json:"for"`
	}
	name, ok := s.input(w, r, &action)
	if !ok {
		return
	}
	d, err := duration(action.For, 0, maxTest)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.command(w, r, func(ctx context.Context) error { return s.agent.Press(ctx, name, d) })
}

func (s *Server) postLock(w http.ResponseWriter, r *http.Request) {
	var action struct {
		Locked *bool `json:"locked"`
	}
	name, ok := s.input(w, r, &action)
	if !ok {
		return
	}
	if action.Locked == nil {
		s.fail(w, r, badArgument(`locked is missing: write {"locked":true} or {"locked":false}`))
		return
	}
	s.command(w, r, func(ctx context.Context) error { return s.agent.Lock(ctx, name, *action.Locked) })
}

// input reads which input a request is about, and its body into v. Where that
// cannot be, it answers and returns false.
func (s *Server) input(w http.ResponseWriter, r *http.Request, v any) (name string, ok bool) {
	name = r.PathValue("name")
	inputs := s.agent.Status().Inputs
	var names []string
	for _, in := range inputs {
		names, ok = append(names, in.Name), ok || in.Name == name
	}
	if !ok {
		e := &Error{Code: http.StatusNotFound, Message: "there is no input of the name " + printable(name),
			Hint: "no input is configured", err: ErrUnknownInput}
		if len(names) > 0 {
			e.Hint = "the inputs are: " + strings.Join(names, ", ")
		}
		s.fail(w, r, e)
		return "", false
	}
	if err := decodeAction(w, r, v); err != nil {
		s.fail(w, r, err)
		return "", false
	}
	return name, true
}

// command has the agent do something, and answers with the status that it led
// to, or with its error. A disk that hangs must not hang who asked.
func (s *Server) command(w http.ResponseWriter, r *http.Request, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(r.Context(), commandTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, s.agent.Status())
}

// decodeAction reads the body of a command into v. No body at all stands for an
// empty object; a key that v does not have is an error.
func decodeAction(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, more := d.Token(); errors.Is(more, io.EOF) {
			return nil
		} else if err = more; err == nil {
			return badArgument("the body holds more than one JSON value")
		}
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &Error{Code: http.StatusRequestEntityTooLarge, Message: "the body is too large"}
	}
	return badArgument("the body cannot be read: " + strings.TrimPrefix(err.Error(), "json: "))
}

// duration reads a duration above 0 and up to longest; nil stands for standard.
func duration(text *string, standard, longest time.Duration) (time.Duration, error) {
	if text == nil {
		return standard, nil
	}
	d, err := time.ParseDuration(strings.TrimSpace(*text))
	if err != nil || d <= 0 {
		e := badArgument("for is not a duration")
		e.Hint = `write it like "30s", "10m" or "1h30m"`
		return 0, e
	}
	if d > longest {
		return 0, badArgument("for is longer than " + span(longest))
	}
	return d, nil
}

func findOutput(outputs []OutputStatus, name string) (OutputStatus, bool) {
	for _, o := range outputs {
		if o.Name == name {
			return o, true
		}
	}
	return OutputStatus{}, false
}

func unknownOutput(outputs []OutputStatus, name string) error {
	names := make([]string, len(outputs))
	for i, o := range outputs {
		names[i] = o.Name
	}
	return &Error{Code: http.StatusNotFound, Message: "there is no output of the name " + printable(name),
		Hint: "the outputs are: " + strings.Join(names, ", "), err: ErrUnknownOutput}
}

// testPattern is what a test shows unless it says another: an output that sounds chirps.
func (o OutputStatus) testPattern() string {
	if o.Kind == "buzzer" || o.Kind == "tone" {
		return "chirp"
	}
	return "blink"
}
