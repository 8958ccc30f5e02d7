package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"deskbell/agent/event"
)

// exportTimeout is for one piece of an export to leave. A person may have it in
// a pager.
const exportTimeout = 10 * time.Minute

// Export writes events after a sequence to w, those that there are when it
// begins, of one kind or, when kind is empty, of all: each as one line of JSON,
// what EventDocument tells of it. Its data is as it was received, but for line
// breaks between its tokens, which are blanks. A limit of 0 is none.
func Export(ctx context.Context, w io.Writer, r Reader, d *event.Decoder, after uint64, limit int, kind string) error {
	if limit == 0 {
		limit = math.MaxInt
	}
	var lines bytes.Buffer
	for last := r.Stats().LastSequence; after < last && limit > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		records, err := r.Read(after, chunk)
		if err != nil {
			return fmt.Errorf("export events after %d: %w", after, err)
		}
		if len(records) == 0 {
			return nil
		}
		lines.Reset()
		for _, record := range records {
			after = record.Sequence
			if after > last || limit == 0 {
				break
			}
			if kind != "" && string(d.Kind(record.Data)) != kind {
				continue
			}
			doc, err := EventDetail{EventItem: item(record, d), Data: oneLine(jsonOf(record.Data))}.JSON()
			if err != nil {
				return err
			}
			lines.Write(doc)
			lines.WriteByte('\n')
			limit--
		}
		if _, err := w.Write(lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// oneLine returns data without line breaks. In JSON they stand between tokens
// alone: within a string they are escaped.
func oneLine(data json.RawMessage) json.RawMessage {
	if !bytes.ContainsAny(data, "\r\n") {
		return data
	}
	line := bytes.ReplaceAll(data, []byte("\n"), []byte(" "))
	return bytes.ReplaceAll(line, []byte("\r"), []byte(" "))
}

// getExport sends events, a line each, and breaks off where it cannot send
// them all: the reader then sees that the end is missing.
func (s *Server) getExport(w http.ResponseWriter, r *http.Request) {
	q, err := parseEventQuery(r.URL.Query(), 0, math.MaxInt)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, end, err := s.openStream(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer end()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &patientWriter{w: w, control: http.NewResponseController(w)}
	_ = out.control.SetReadDeadline(time.Time{})
	err = Export(ctx, out, s.events, s.decoder, q.after, q.limit, q.kind)
	switch {
	case err == nil:
	case out.began:
		panic(http.ErrAbortHandler)
	default:
		s.fail(w, r, err)
	}
}

// patientWriter gives each write the time of a person.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
	began   bool // something was written
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.began = true
	_ = p.control.SetWriteDeadline(time.Now().Add(exportTimeout))
	return p.w.Write(b)
}
