package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Poster posts events over keep-alive connections. What is left zero is as
// said.
type Poster struct {
	URL   string // of the webhook, http://
	Token string // sent as X-Webhook-Token; empty: none

	Connections int     // 0: 1
	Rate        float64 // posts a second over all connections, due at even times; 0: each connection posts again when it was answered
	Batch       int     // events in one post; 0: 1
	Pad         int     // bytes that each event is made larger by
	Again       int     // after so many posts one that was accepted is posted a second time; 0: never
	Bare        bool    // the events alone, a line each, without the platform's envelope
	Posts       int     // of each connection at most; 0: no end

	Tries   int           // of one post that is not answered 200; 0: 1
	Pause   time.Duration // before another try, and after a post that was not answered 200; 0: 100 ms
	Timeout time.Duration // for an answer; 0: 30 s
}

// Run posts until ctx ends or Posts were made; what is under way then is still
// answered. It returns an error only where p cannot be used. With a Rate an
// event's time counts from when it was due, so that a program that stalls is
// not flattered.
func (p Poster) Run(ctx context.Context, l *Ledger) error {
	p.Connections, p.Batch, p.Tries = max(p.Connections, 1), max(p.Batch, 1), max(p.Tries, 1)
	if p.Pause == 0 {
		p.Pause = 100 * time.Millisecond
	}
	if p.Timeout == 0 {
		p.Timeout = 30 * time.Second
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return fmt.Errorf("post to %q: want http://host:port/path", p.URL)
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", u.RequestURI(), u.Host)
	if p.Token != "" {
		head += "X-Webhook-Token: " + p.Token + "\r\n"
	}
	first, start := l.open(p.Connections, p.Pad), l.now()
	var wg sync.WaitGroup
	for i := range p.Connections {
		s := &sender{Poster: p, ledger: l, lane: first + i, address: u.Host, head: head + "Content-Length: "}
		wg.Go(func() { s.run(ctx, i, start) })
	}
	wg.Wait()
	return nil
}

// A sender is one connection. It speaks HTTP itself, without the goroutines and
// headers of net/http's client: it shares the machine with what is measured.
type sender struct {
	Poster
	ledger  *Ledger
	lane    int
	address string
	head    string
	conn    net.Conn
	reader  *bufio.Reader
	body    []byte
	request []byte
}

func (s *sender) run(ctx context.Context, index int, start time.Duration) {
	defer s.drop()
	for k := 0; ctx.Err() == nil && (s.Posts == 0 || k < s.Posts); k++ {
		due := s.ledger.now()
		if s.Rate > 0 {
			due = start + time.Duration(float64(k*s.Connections+index)/s.Rate*float64(time.Second))
			if !Sleep(ctx, due-s.ledger.now()) {
				return
			}
		}
		number := s.ledger.send(s.lane, s.Batch, due)
		s.body = s.ledger.text.appendBody(s.body[:0], s.lane, number, s.Batch, s.Pad, s.Bare)
		status, err := s.post(ctx)
		s.ledger.answer(s.lane, number, s.Batch, status, err, s.ledger.now())
		if status != http.StatusOK {
			Sleep(ctx, s.Pause)
		}
		if s.Again > 0 && k%s.Again == s.Again-1 {
			s.repeat(ctx)
		}
	}
}

// repeat posts what was accepted before. Whatever is answered, the account of it
// stays as it is.
func (s *sender) repeat(ctx context.Context) {
	if number, ok := s.ledger.earlier(s.lane, s.Batch); ok {
		s.body = s.ledger.text.appendBody(s.body[:0], s.lane, number, s.Batch, s.Pad, s.Bare)
		_, _ = s.post(ctx)
	}
}

// post returns the last answer's status, or 0 and why there is none.
func (s *sender) post(ctx context.Context) (status int, err error) {
	for try := 1; ; try++ {
		status, err = s.exchange()
		if err != nil {
			s.drop()
		}
		if status == http.StatusOK || try >= s.Tries || !Sleep(ctx, s.Pause) {
			return status, err
		}
	}
}

func (s *sender) exchange() (status int, err error) {
	if s.conn == nil {
		if s.conn, err = net.DialTimeout("tcp", s.address, s.Timeout); err != nil {
			return 0, err
		}
		s.reader = bufio.NewReader(s.conn)
	}
	s.request = strconv.AppendInt(append(s.request[:0], s.head...), int64(len(s.body)), 10)
	s.request = append(append(s.request, "\r\n\r\n"...), s.body...)
	if err := s.conn.SetDeadline(time.Now().Add(s.Timeout)); err != nil {
		return 0, err
	}
	if _, err := s.conn.Write(s.request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(s.reader, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, err
	}
	if answer.Close {
		s.drop()
	}
	return answer.StatusCode, nil
}

func (s *sender) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// Sleep reports whether ctx still goes on after d.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// reason is err without addresses, which differ from post to post.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}
