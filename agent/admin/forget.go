package admin

import (
	"context"
	"net/http"
	"time"
)

// forgetTimeout is for a store that is written anew: a large one on a slow card.
const forgetTimeout = 2 * time.Minute

// Forgotten says what was removed of what was kept about somebody.
type Forgotten struct {
	Conversations int      `json:"conversations"`
	Events        int      `json:"events"`
	Undelivered   int      `json:"undelivered"` // of these, not sent to every broker
	Others        int      `json:"others"`      // conversations of the desk, and bodies that were refused
	Damaged       []string `json:"damaged"`     // files beside the store, which may hold something still
}

// postForget is on the control socket alone: there is no way back.
func (s *Server) postForget(w http.ResponseWriter, r *http.Request) {
	var action struct {
		Conversation string `json:"conversation"`
		Visitor      string `json:"visitor"`
	}
	if err := decodeAction(w, r, &action); err != nil {
		s.fail(w, r, err)
		return
	}
	if (action.Conversation == "") == (action.Visitor == "") {
		e := badArgument("either conversation or visitor is needed")
		e.Hint = `write it like {"conversation":"8c1f"}`
		s.fail(w, r, e)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), forgetTimeout)
	defer cancel()
	done, err := s.agent.Forget(ctx, action.Conversation, action.Visitor)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, done)
}

// Forget removes what is kept about a conversation or a visitor; one of them is
// empty.
func (c *Client) Forget(ctx context.Context, conversation, visitor string) (Forgotten, error) {
	action := map[string]any{}
	if conversation != "" {
		action["conversation"] = conversation
	}
	if visitor != "" {
		action["visitor"] = visitor
	}
	return fetch[Forgotten](ctx, c.patient(forgetTimeout), http.MethodPost, "/api/forget", action)
}
