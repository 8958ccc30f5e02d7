package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// answerTimeout is how long an agent may take before it begins to answer.
	answerTimeout = 30 * time.Second
	// silenceTimeout is how long an answer may stop once it has begun; a stream
	// has a sign of life every 15 s.
	silenceTimeout = 60 * time.Second
)

// Client talks to a running agent over its control socket. All methods may be
// called at once. Errors: [ErrNoAgent], [ErrNotPermitted], an [*Error] with the
// text of the API, or ctx's; [Hint] has the remedy.
type Client struct {
	path string
	dial func(context.Context) (net.Conn, error)
	http *http.Client
}

// NewClient returns a client of the socket at path; nothing is opened yet.
func NewClient(path string) *Client {
	return newClient(path, func(ctx context.Context) (net.Conn, error) { return dialSocket(ctx, path) })
}

func newClient(path string, dial func(context.Context) (net.Conn, error)) *Client {
	c := &Client{path: path, dial: dial}
	return c.patient(0)
}

// patient is c for what may take so much longer than usual.
func (c *Client) patient(more time.Duration) *Client {
	return &Client{path: c.path, dial: c.dial, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := c.dial(ctx)
			if err != nil {
				return nil, err
			}
			return impatientConn{conn, silenceTimeout + more}, nil
		},
		ResponseHeaderTimeout: answerTimeout + more,
		DisableKeepAlives:     true, // a command line asks once
		DisableCompression:    true,
	}}}
}

// impatientConn ends when nothing comes for long.
type impatientConn struct {
	net.Conn
	silence time.Duration
}

func (c impatientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Status returns the snapshot of now.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return fetch[Status](ctx, c, http.MethodGet, "/api/status", nil)
}

// Events returns a page of events; see [EventsDocument].
func (c *Client) Events(ctx context.Context, after uint64, limit int, kind string) (EventPage, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	q := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(min(limit, MaxLimit))}}
	if kind != "" {
		q.Set("kind", kind)
	}
	return fetch[EventPage](ctx, c, http.MethodGet, "/api/events?"+q.Encode(), nil)
}

// Event returns one event with its data, as it was received.
func (c *Client) Event(ctx context.Context, seq uint64) (EventDetail, error) {
	return fetch[EventDetail](ctx, c, http.MethodGet, "/api/events/"+strconv.FormatUint(seq, 10), nil)
}

// Why explains an event, or for 0 the newest event or sound; see [WhyDocument].
func (c *Client) Why(ctx context.Context, seq uint64) (Why, error) {
	path := "/api/why"
	if seq > 0 {
		path += "?sequence=" + strconv.FormatUint(seq, 10)
	}
	return fetch[Why](ctx, c, http.MethodGet, path, nil)
}

// Export writes events to w as [Export] does; a limit of 0 is none. An error of
// w is returned as it is.
func (c *Client) Export(ctx context.Context, w io.Writer, after uint64, limit int, kind string) error {
	q := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if kind != "" {
		q.Set("kind", kind)
	}
	answer, err := c.do(ctx, http.MethodGet, "/api/export?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	to := &keepingWriter{w: w}
	if _, err := io.Copy(to, answer.Body); to.err == nil && err != nil {
		return c.broken(ctx, err)
	}
	return to.err
}

// keepingWriter knows the error that its writer had.
type keepingWriter struct {
	w   io.Writer
	err error
}

func (k *keepingWriter) Write(b []byte) (n int, err error) {
	n, k.err = k.w.Write(b)
	return n, k.err
}

// SetAside returns the events that forwards have set aside.
func (c *Client) SetAside(ctx context.Context) (AsidePage, error) {
	return fetch[AsidePage](ctx, c, http.MethodGet, "/api/set-aside", nil)
}

// Rejected returns what the webhook refused lately.
func (c *Client) Rejected(ctx context.Context) (RejectedPage, error) {
	return fetch[RejectedPage](ctx, c, http.MethodGet, "/api/rejected", nil)
}

// Ack takes every wait that there is now as seen.
func (c *Client) Ack(ctx context.Context) (Status, error) {
	return fetch[Status](ctx, c, http.MethodPost, "/api/ack", nil)
}

// Mute silences what sounds for d; 0 is [DefaultMute].
func (c *Client) Mute(ctx context.Context, d time.Duration) (Status, error) {
	return fetch[Status](ctx, c, http.MethodPost, "/api/mute", withFor(map[string]any{}, d))
}

// Unmute ends a mute.
func (c *Client) Unmute(ctx context.Context) (Status, error) {
	return fetch[Status](ctx, c, http.MethodPost, "/api/unmute", nil)
}

// Test shows pattern on output for d and returns as soon as it shows. An empty
// pattern is blink, or chirp on what sounds; 0 is 3 s.
func (c *Client) Test(ctx context.Context, output, pattern string, d time.Duration) (Status, error) {
	action := withFor(map[string]any{}, d)
	if pattern != "" {
		action["pattern"] = pattern
	}
	return fetch[Status](ctx, c, http.MethodPost, "/api/outputs/"+url.PathEscape(output)+"/test", action)
}

// Press presses a simulated input for d; 0 is as long as makes it count.
func (c *Client) Press(ctx context.Context, input string, d time.Duration) (Status, error) {
	return fetch[Status](ctx, c, http.MethodPost, "/api/inputs/"+url.PathEscape(input)+"/press", withFor(map[string]any{}, d))
}

// Lock locks an input, so that its presses do nothing, or unlocks it.
func (c *Client) Lock(ctx context.Context, input string, locked bool) (Status, error) {
	return fetch[Status](ctx, c, http.MethodPost, "/api/inputs/"+url.PathEscape(input)+"/lock", map[string]any{"locked": locked})
}

// Replay has a forward send events again, from one to another, both included; a
// to of 0 is the newest.
func (c *Client) Replay(ctx context.Context, forward string, from, to uint64) (Replayed, error) {
	action := map[string]any{"forward": forward, "from": from}
	if to > 0 {
		action["to"] = to
	}
	return fetch[Replayed](ctx, c, http.MethodPost, "/api/replay", action)
}

func withFor(action map[string]any, d time.Duration) map[string]any {
	if d != 0 {
		action["for"] = d.String()
	}
	return action
}

// fetch asks once and decodes the answer.
func fetch[T any](ctx context.Context, c *Client, method, path string, action map[string]any) (T, error) {
	var v T
	answer, err := c.do(ctx, method, path, action)
	if err != nil {
		return v, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil {
		return v, c.broken(ctx, err)
	}
	return v, nil
}

// do returns a good answer; its body is the caller's to close.
func (c *Client) do(ctx context.Context, method, path string, action map[string]any) (*http.Response, error) {
	var body io.Reader
	if len(action) > 0 {
		data, _ := json.Marshal(action) // strings and numbers can always be written
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	e := &Error{Code: answer.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if json.Unmarshal(text, e) != nil || e.Message == "" {
		e.Message = "the agent answered " + answer.Status
	}
	e.err = sentinel(e.Code)
	return nil, e
}

// sentinel is the error that a status code of ours stands for.
func sentinel(code int) error {
	switch code {
	case http.StatusBadRequest:
		return ErrBadArgument
	case http.StatusNotFound:
		return ErrNotFound
	}
	return nil
}

// broken says in words why there is no answer.
func (c *Client) broken(ctx context.Context, err error) error {
	dir := filepath.Dir(c.path)
	var dial *net.OpError
	var slow net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrPermission):
		return &Error{err: ErrNotPermitted, Message: "not permitted to use the control socket " + c.path,
			Hint: "use sudo, or join the group that the agent runs as"}
	case errors.As(err, &slow) && slow.Timeout():
		return &Error{err: err, Message: "the agent on " + dir + " does not answer", Hint: "what it says of itself is in: journalctl -u deskbell"}
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &dial) && dial.Op == "dial":
		return &Error{err: ErrNoAgent, Message: "no agent is running on " + dir, Hint: "start it with: sudo deskbell service start; without a service: deskbell run"}
	}
	return fmt.Errorf("the agent on %s broke off: %w", dir, err)
}
