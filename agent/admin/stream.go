package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"deskbell/storage"
)

const (
	statusGap     = 100 * time.Millisecond // at least between two statuses of a stream
	keepAlive     = 15 * time.Second
	streamTimeout = 10 * time.Second // for one item to leave; a slower reader is cut
)

// getStream sends events and statuses as they come. A reader that is slow
// holds up nobody: the events wait in the log, of the statuses it gets the
// last.
func (s *Server) getStream(w http.ResponseWriter, r *http.Request) {
	after, err := streamStart(r, s.events.Stats().LastSequence)
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
	ctx, cancel := context.WithCancel(ctx)
	records := s.follow(ctx, after)
	defer func() {
		cancel()
		for range records { // until its goroutine has ended
		}
	}()

	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // nginx would hold back what is small
	out := &streamWriter{w: w, control: http.NewResponseController(w)}
	// The time limit for reading a request would end the stream.
	_ = out.control.SetReadDeadline(time.Time{})
	s.play(ctx, out, records)
}

// openStream admits one more answer that may go on for long. Its context ends
// with the request or the server; end gives the place back.
func (s *Server) openStream(r *http.Request) (ctx context.Context, end func(), err error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, nil, &Error{Code: http.StatusServiceUnavailable, Message: "too many streams are open"}
	}
	ctx, cancel := context.WithCancel(r.Context())
	unhook := func() bool { return true }
	if stop, ok := ctx.Value(stopKey{}).(context.Context); ok {
		unhook = context.AfterFunc(stop, cancel)
	}
	return ctx, func() {
		unhook()
		cancel()
		<-s.streams
	}, nil
}

// play writes the stream until ctx ends, the records do, or a write fails.
func (s *Server) play(ctx context.Context, out *streamWriter, records <-chan []storage.Record) {
	changed := s.agent.Changed()
	out.status(s.agent.Status())
	last := time.Now()
	due := time.NewTimer(0)
	due.Stop()
	defer due.Stop()
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	for out.flush() == nil {
		select {
		case <-ctx.Done():
			return
		case batch, ok := <-records:
			if !ok {
				return
			}
			for _, record := range batch {
				out.event(item(record, s.decoder))
			}
			idle.Reset(keepAlive)
		case <-changed:
			changed = nil // until the next status is out: a burst is one change
			due.Reset(statusGap - time.Since(last))
		case <-due.C:
			changed = s.agent.Changed() // before Status: no change is missed
			out.status(s.agent.Status())
			last = time.Now()
			idle.Reset(keepAlive)
		case <-idle.C:
			out.comment("keep-alive")
		}
	}
}

// follow reads the log until ctx ends or the log does, then closes the channel.
func (s *Server) follow(ctx context.Context, after uint64) <-chan []storage.Record {
	records := make(chan []storage.Record)
	go func() {
		defer close(records)
		for {
			batch, err := s.events.Next(ctx, after, chunk)
			if err != nil {
				return
			}
			select {
			case records <- batch:
				after = batch[len(batch)-1].Sequence
			case <-ctx.Done():
				return
			}
		}
	}()
	return records
}

// streamStart returns the sequence after which a stream begins. What the
// browser saw last wins over the address, which it repeats on every attempt.
// A sequence that was never given belongs to a store that is gone.
func streamStart(r *http.Request, last uint64) (uint64, error) {
	name, text := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		name, text = "after", r.URL.Query().Get("after")
	}
	if text == "" {
		return last, nil
	}
	after, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, badArgument(name + " is a sequence, a whole number")
	}
	return min(after, last), nil
}

// streamWriter writes server-sent events. The first error stays.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (o *streamWriter) status(s Status) {
	o.write("event: status\n", s)
}

func (o *streamWriter) event(e EventItem) {
	o.write(fmt.Sprintf("event: event\nid: %d\n", e.Sequence), e)
}

func (o *streamWriter) write(head string, v any) {
	data, err := json.Marshal(v) // has no line feeds
	if err == nil && o.start() {
		_, err = fmt.Fprintf(o.w, "%sdata: %s\n\n", head, data)
	}
	o.keep(err)
}

func (o *streamWriter) comment(text string) {
	if o.start() {
		_, err := io.WriteString(o.w, ": "+text+"\n\n")
		o.keep(err)
	}
}

// start gives the next write its time; writers of tests know no deadlines.
func (o *streamWriter) start() bool {
	_ = o.control.SetWriteDeadline(time.Now().Add(streamTimeout))
	return o.err == nil
}

func (o *streamWriter) flush() error {
	if o.start() {
		o.keep(o.control.Flush())
	}
	return o.err
}

func (o *streamWriter) keep(err error) {
	if o.err == nil {
		o.err = err
	}
}
