package admin

import (
	"context"
	"io"
	"net/http"
	"time"
)

// getBackup sends the whole store. It is on the control socket alone: what it
// sends is everything that guests wrote.
func (s *Server) getBackup(w http.ResponseWriter, r *http.Request) {
	ctx, end, err := s.openStream(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer end()
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &patientWriter{w: w, control: http.NewResponseController(w)}
	_ = out.control.SetReadDeadline(time.Time{})
	// Where it fails later, the backup itself says so, or breaks off.
	if err := s.agent.Backup(ctx, out); err != nil && !out.began {
		s.fail(w, r, err)
	}
}

// Backup returns what storage.Restore makes a store of. It is the caller's to
// close.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodGet, "/api/backup", nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}
