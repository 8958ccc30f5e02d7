package admin

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"deskbell/agent/event"
)

// scanTimeout ends the search for events of a rare kind in a large store. The
// page then holds what was found, and its next goes on from there.
const scanTimeout = 10 * time.Second

func (s *Server) getStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.agent.Status())
}

func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	q, err := parseEventQuery(r.URL.Query(), DefaultLimit, MaxLimit)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), scanTimeout)
	defer cancel()
	page, err := EventsDocument(ctx, s.events, s.decoder, q.after, q.limit, q.kind)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, page)
}

func (s *Server) getEvent(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		s.fail(w, r, badArgument("a sequence is a whole number"))
		return
	}
	detail, err := EventDocument(s.events, s.decoder, seq)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	detail.Decisions = s.agent.Reasons(seq).Decisions
	body, err := detail.JSON()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeBody(w, http.StatusOK, append(body, '\n'))
}

func (s *Server) getRejected(w http.ResponseWriter, r *http.Request) {
	page, err := RejectedDocument(s.events)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, page)
}

type eventQuery struct {
	after uint64
	limit int
	kind  string
}

// parseEventQuery reads which events are asked for: of how many, standard is
// used where nothing is said, and most may be asked for.
func parseEventQuery(v url.Values, standard, most int) (eventQuery, error) {
	q := eventQuery{limit: standard, kind: v.Get("kind")}
	var err error
	if t := v.Get("after"); t != "" {
		if q.after, err = strconv.ParseUint(t, 10, 64); err != nil {
			return q, badArgument("after is a sequence, a whole number")
		}
	}
	if t := v.Get("limit"); t != "" {
		if q.limit, err = strconv.Atoi(t); err != nil || q.limit < 1 || q.limit > most {
			return q, badArgument("limit is a whole number from 1" + upTo(most))
		}
	}
	if q.kind != "" && !event.Kind(q.kind).Valid() {
		e := badArgument("there is no such kind of event")
		e.Hint = "the kinds are:"
		for _, k := range event.Kinds() {
			e.Hint += " " + string(k)
		}
		return q, e
	}
	return q, nil
}

func upTo(most int) string {
	if most == math.MaxInt {
		return ""
	}
	return " to " + strconv.Itoa(most)
}

func badArgument(text string) *Error {
	return &Error{Code: http.StatusBadRequest, Message: text, err: ErrBadArgument}
}

// fail answers with err, and logs it where it is ours.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := apiError(err)
	if e.Code == http.StatusInternalServerError && r.Context().Err() == nil {
		s.log.Error("request not answered", "path", r.URL.Path, "error", err)
	}
	writeError(w, e)
}

func writeError(w http.ResponseWriter, e *Error) {
	if e.Code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, e.Code, e)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // none of our types can cause it
		code, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	writeBody(w, code, append(body, '\n'))
}

func writeBody(w http.ResponseWriter, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // an error means that the reader has gone
}
