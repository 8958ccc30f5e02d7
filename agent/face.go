package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/forward"
	"deskbell/agent/hub"
	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// face is what the outside sees of the agent and can ask of it: the page, the
// API, the command line and the brokers all go through it.
type face struct {
	agent *Agent
	rooms *rooms
}

var (
	_ admin.Agent = (*face)(nil)
	_ hub.Device  = device{}
)

// Status is the agent's.
func (f *face) Status() admin.Status { return f.agent.Status() }

// Changed is the agent's.
func (f *face) Changed() <-chan struct{} { return f.agent.Changed() }

// SetAside is what each forward has set aside.
func (f *face) SetAside() []admin.Aside {
	var list []admin.Aside
	for _, d := range f.rooms.forwards {
		list = append(list, admin.Aside{Forward: d.name, Sequences: d.forwarder.Held()})
	}
	return list
}

// Acknowledge takes every wait that there is now as seen.
func (f *face) Acknowledge(ctx context.Context) error { return f.rooms.indicator.Acknowledge(ctx) }

// Mute silences what sounds; 0 is the default time.
func (f *face) Mute(ctx context.Context, d time.Duration) error {
	return f.asked(f.rooms.indicator.Mute(ctx, d))
}

// Unmute ends a mute.
func (f *face) Unmute(ctx context.Context) error { return f.rooms.indicator.Unmute(ctx) }

// Test shows a pattern on an output.
func (f *face) Test(ctx context.Context, output, pattern string, d time.Duration) error {
	return f.asked(f.rooms.indicator.Test(ctx, output, pattern, d))
}

// Press presses a simulated input. It waits until what the press does is done, unless it lasts more than a second.
func (f *face) Press(ctx context.Context, input string, d time.Duration) error {
	if d == 0 {
		in := f.agent.config.Input[input]
		d = time.Duration(max(in.MinPress, in.Debounce)) + 20*time.Millisecond
	}
	_, before := f.agent.buttons.of(input)
	if err := f.agent.board.Press(input, d); err != nil {
		return f.asked(err)
	}
	if d > time.Second {
		return nil
	}
	over := time.NewTimer(d + time.Second) // of one that joins another nothing more is told
	defer over.Stop()
	for {
		changed := f.agent.Changed()
		if _, done := f.agent.buttons.of(input); done > before {
			return nil
		}
		select {
		case <-changed:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// Lock locks an input or unlocks it.
func (f *face) Lock(ctx context.Context, input string, locked bool) error {
	return f.asked(f.rooms.indicator.Lock(ctx, input, locked))
}

// Backup writes the store as it is now.
func (f *face) Backup(ctx context.Context, w io.Writer) error { return f.rooms.store.Backup(ctx, w) }

// Replay has a forward send events again.
func (f *face) Replay(ctx context.Context, name string, from, to uint64) (admin.Replayed, error) {
	for _, d := range f.rooms.forwards {
		if d.name == name {
			r, err := d.forwarder.Replay(ctx, from, to)
			return admin.Replayed{Forward: name, From: r.From, To: r.To, Events: r.Events, Pending: r.Pending}, replayError(err)
		}
	}
	return admin.Replayed{}, fmt.Errorf("replay: %w %q", admin.ErrUnknownForward, name)
}

func replayError(err error) error {
	if errors.Is(err, forward.ErrTooManyReplays) {
		return &admin.Error{Code: http.StatusServiceUnavailable, Message: err.Error(), Hint: "ask again when the broker has taken some"}
	}
	return err
}

// device is the face as brokers see it.
type device struct{ *face }

// Test shows the pattern that suits the output.
func (d device) Test(ctx context.Context, output string) error {
	return d.face.Test(ctx, output, "", 0)
}

// asked gives an error of indicator or board the name that the API knows.
func (f *face) asked(err error) error {
	switch {
	case errors.Is(err, indicator.ErrUnknownOutput):
		return fmt.Errorf("%w: %w", admin.ErrUnknownOutput, err)
	case errors.Is(err, indicator.ErrUnknownInput), errors.Is(err, gpio.ErrUnknownInput):
		return fmt.Errorf("%w: %w", admin.ErrUnknownInput, err)
	case errors.Is(err, gpio.ErrNotSimulated):
		return &admin.Error{Code: http.StatusConflict, Message: err.Error(), Hint: "press the button itself; gpio.driver = \"simulated\" is for trying out"}
	case errors.Is(err, indicator.ErrUnknownPattern):
		return &admin.Error{Code: http.StatusBadRequest, Message: err.Error(), Hint: "the patterns are: " + strings.Join(f.rooms.indicator.Patterns(), ", ")}
	case errors.Is(err, indicator.ErrBadDuration):
		return fmt.Errorf("%w: %w", admin.ErrBadArgument, err)
	}
	return err
}

// Set shows what a payload of <base>/output/<name>/set asks for: ON, OFF, AUTO
// or {"pattern":"alarm","for":"5s"}.
func (f *face) Set(ctx context.Context, output string, payload []byte) error {
	s, err := setting(payload)
	if err != nil {
		return err
	}
	return f.rooms.indicator.Set(ctx, output, s)
}

func setting(payload []byte) (indicator.Setting, error) {
	switch strings.ToUpper(strings.TrimSpace(string(payload))) {
	case "ON":
		return indicator.Setting{Pattern: "on"}, nil
	case "OFF":
		return indicator.Setting{Pattern: "off"}, nil
	case "AUTO":
		return indicator.Setting{Auto: true}, nil
	}
	var asked struct {
		Pattern string `json:"pattern"`
		For     string `json:"for"`
	}
	if err := json.Unmarshal(payload, &asked); err != nil || asked.Pattern == "" {
		return indicator.Setting{}, errors.New(`expected ON, OFF, AUTO or {"pattern":"alarm","for":"5s"}`)
	}
	s := indicator.Setting{Pattern: asked.Pattern}
	if asked.For != "" {
		d, err := time.ParseDuration(asked.For)
		if err != nil || d <= 0 {
			return indicator.Setting{}, errors.New(`"for" must be a time such as "5s"`)
		}
		s.For = d
	}
	return s, nil
}

// Desk is the payload of <base>/desk: the status in short, without what
// visitors wrote or are called.
func (f *face) Desk() []byte {
	s := f.agent.Status()
	type forward struct {
		Name      string `json:"name"`
		Connected bool   `json:"connected"`
		Pending   int    `json:"pending"`
		SetAside  int    `json:"set_aside"`
	}
	doc := struct {
		Desk struct {
			Open         int        `json:"open"`
			Waiting      int        `json:"waiting"`
			Acknowledged int        `json:"acknowledged"`
			Unanswered   int        `json:"unanswered"`
			Unassigned   int        `json:"unassigned"`
			MutedUntil   *time.Time `json:"muted_until"`
		} `json:"desk"`
		Storage admin.StorageStatus `json:"storage"`
		Forward []forward           `json:"forward"`
	}{Storage: s.Storage, Forward: []forward{}}
	d := &doc.Desk
	d.Open, d.Waiting, d.Acknowledged, d.Unanswered, d.Unassigned = s.Desk.Open, s.Desk.Waiting, s.Desk.Acknowledged, s.Desk.Unanswered, s.Desk.Unassigned
	d.MutedUntil = s.Desk.MutedUntil
	for _, fw := range s.Forward {
		doc.Forward = append(doc.Forward, forward{fw.Name, fw.Connected, fw.Pending, fw.SetAside})
	}
	return mustJSON(doc)
}

// Outputs is what each output shows, for <base>/output/<name>/state. ON means
// that something is shown, at whatever phase of its blinking.
func (f *face) Outputs() []hub.OutputState {
	type state struct {
		State   string `json:"state"`
		Pattern string `json:"pattern"`
		Reason  string `json:"reason"`
	}
	off := gpio.Steady(false).Name
	var list []hub.OutputState
	for _, o := range f.agent.Status().Outputs {
		now := state{"ON", o.Pattern, o.Reason}
		if o.Pattern == "" || o.Pattern == off {
			now.State, now.Pattern = "OFF", off
		}
		list = append(list, hub.OutputState{Name: o.Name, State: mustJSON(now), Off: mustJSON(state{"OFF", off, "deskbell is stopped"})})
	}
	return list
}

// Inputs is how each input is, for <base>/input/<name>/state.
func (f *face) Inputs() []hub.InputState {
	type state struct {
		Pressed bool `json:"pressed"`
		Locked  bool `json:"locked"`
	}
	var list []hub.InputState
	for _, in := range f.agent.Status().Inputs {
		list = append(list, hub.InputState{Name: in.Name, State: mustJSON(state{in.Pressed, in.Locked}), Off: mustJSON(state{false, in.Locked})})
	}
	return list
}

// Presses is what became of the presses after a number, for <base>/input/<name>/event.
func (f *face) Presses(after uint64) ([]hub.Press, uint64) { return f.agent.buttons.since(after) }

// mustJSON marshals what this package has made of strings and numbers.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
