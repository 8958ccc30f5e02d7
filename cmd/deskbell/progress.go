package main

import (
	"io"
	"time"
)

// tellEvery is how often a child tells that it comes forward.
const tellEvery = time.Second

// tellProgress writes an empty line each second in which this process has come
// forward, until the returned function is called. (JSON that follows is the same
// with empty lines before it.)
func tellProgress(to io.Writer) (end func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(tellEvery)
		defer ticker.Stop()
		for before := work(); ; {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			if now := work(); now.beyond(before) {
				before = now
				_, _ = io.WriteString(to, "\n") // who started it may be gone
			}
		}
	}()
	return func() {
		close(stop)
		<-ended
	}
}

// worked is what a process has done so far.
type worked struct {
	cpu  time.Duration
	disk int64 // blocks read and written, and pages read of a mapped file
}

// idleWork is what a second takes of the processor in which nothing is done but
// to look: whatever is more is work.
const idleWork = 5 * time.Millisecond

func (w worked) beyond(before worked) bool {
	return w.cpu-before.cpu > idleWork || w.disk != before.disk
}

// progressing is the standard output of a child: whatever it writes says that it
// comes forward.
type progressing struct {
	io.Writer
	progress func()
}

func (p progressing) Write(b []byte) (int, error) {
	p.progress()
	return p.Writer.Write(b)
}
