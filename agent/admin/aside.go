package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// Aside names the events that one forward has set aside, because its broker
// ends the connection on each of them, or no message could be made of them.
type Aside struct {
	Forward   string
	Sequences []uint64 // ascending
}

// AsideItem is one event with the forward that has set it aside.
type AsideItem struct {
	Forward string `json:"forward"`
	EventItem
}

// AsidePage is the document of GET /api/set-aside.
type AsidePage struct {
	SetAside []AsideItem `json:"set_aside"`
}

// AsideDocument reads the events that forwards have set aside. Of one that
// cannot be read it has the sequence alone.
func AsideDocument(r Reader, d *event.Decoder, list []Aside) (AsidePage, error) {
	page := AsidePage{SetAside: []AsideItem{}}
	for _, a := range list {
		for _, seq := range a.Sequences {
			record, err := r.Get(seq)
			line := AsideItem{a.Forward, EventItem{Sequence: seq, Summary: "(cannot be read any more)"}}
			switch {
			case errors.Is(err, storage.ErrNotFound):
				continue // sent meanwhile, and given up
			case errors.Is(err, storage.ErrDamaged):
			case err != nil:
				return page, fmt.Errorf("read event %d: %w", seq, err)
			default:
				line.EventItem = item(record, d)
			}
			page.SetAside = append(page.SetAside, line)
		}
	}
	return page, nil
}

// WriteAside writes a line for each event, times in loc.
func WriteAside(w io.Writer, page AsidePage, loc *time.Location) error {
	if len(page.SetAside) == 0 {
		_, err := fmt.Fprintln(w, "nothing is set aside")
		return err
	}
	var rows [][]string
	for _, e := range page.SetAside {
		rows = append(rows, []string{printable(e.Forward), fmt.Sprint(e.Sequence), stamp(e.Received, loc), e.Kind, printable(e.Summary)})
	}
	var b bytes.Buffer
	table(&b, rows)
	first := page.SetAside[0]
	fmt.Fprintf(&b, "to send one again, when the broker takes it: deskbell replay --forward %s --from %d --to %d\n",
		printable(first.Forward), first.Sequence, first.Sequence)
	_, err := w.Write(b.Bytes())
	return err
}

func (s *Server) getAside(w http.ResponseWriter, r *http.Request) {
	page, err := AsideDocument(s.events, s.decoder, s.agent.SetAside())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, page)
}
