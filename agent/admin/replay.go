package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"deskbell/storage"
)

// Replayed says what a replay comes to.
type Replayed struct {
	Forward string `json:"forward"`
	From    uint64 `json:"from"`
	To      uint64 `json:"to"`
	Events  int    `json:"events"`  // to be sent again
	Pending int    `json:"pending"` // of the range, but not sent before: they go in their turn
}

func (s *Server) postReplay(w http.ResponseWriter, r *http.Request) {
	var action struct {
		Forward string  `json:"forward"`
		From    *uint64 `json:"from"`
		To      *uint64 `json:"to"`
	}
	if err := decodeAction(w, r, &action); err != nil {
		s.fail(w, r, err)
		return
	}
	var to uint64 // the newest
	switch {
	case action.Forward == "" || action.From == nil:
		e := badArgument("forward and from are missing")
		e.Hint = `write it like {"forward":"hub","from":1,"to":9}`
		s.fail(w, r, e)
		return
	case action.To == nil:
	case *action.To < *action.From:
		s.fail(w, r, badArgument("to is before from"))
		return
	default:
		to = *action.To
	}
	ctx, cancel := context.WithTimeout(r.Context(), commandTimeout)
	defer cancel()
	done, err := s.agent.Replay(ctx, action.Forward, *action.From, to)
	switch {
	case errors.Is(err, ErrUnknownForward):
		err = unknownForward(s.agent.Status().Forward, action.Forward)
	case errors.Is(err, storage.ErrNotFound):
		err = &Error{Code: http.StatusNotFound, Message: err.Error(), Hint: held(s.events.Stats()), err: err}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, done)
}

func unknownForward(forwards []ForwardStatus, name string) error {
	var names []string
	for _, f := range forwards {
		names = append(names, f.Name)
	}
	return &Error{Code: http.StatusNotFound, Message: "there is no forward of the name " + printable(name),
		Hint: "the forwards are: " + strings.Join(names, ", "), err: ErrUnknownForward}
}
