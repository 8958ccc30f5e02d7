// Floor is the least program that keeps the promise of deskbell: what was
// answered with 200 is on the disk and reaches the broker. It looks into
// nothing, has one place in the log and keeps its queue in memory. What
// deskbell costs beyond it is the price of everything else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

func main() {
	var (
		listen = flag.String("listen", "127.0.0.1:8080", "where to take posts")
		broker = flag.String("broker", "tcp://127.0.0.1:1883", "where to publish")
		path   = flag.String("store", "floor.db", "the bbolt file")
		ids    = flag.Bool("ids", false, "keep an id of each of the last 100,000 events")
		lines  = flag.Bool("lines", false, "each line of a body is an event")
		keep   = flag.Int64("keep", 0, "keep delivered events until all have so many bytes (0: delete them with the next commit)")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *broker, *path, options{ids: *ids, keep: *keep}, *lines); err != nil {
		fmt.Fprintln(os.Stderr, "floor: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, broker, path string, o options, lines bool) error {
	s, err := openStore(path, o)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	f := &forward{store: s, queue: newQueue()}
	s.stored = f.queue.put
	f.queue.put(s.undelivered)
	s.undelivered = nil
	go f.run(broker)
	go s.run()

	server := &http.Server{Addr: listen, Handler: handler{s, lines}}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A handler answers a post when all of it is stored, and anything else with
// the number of commits until now.
type handler struct {
	store *store
	lines bool
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		_, _ = fmt.Fprintln(w, atomic.LoadInt64(&h.store.commits))
		return
	}
	const maxBody = 1 << 20
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		http.Error(w, "want a body of known length, 1 MiB at most", http.StatusLengthRequired)
		return
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		http.Error(w, "body is cut off", http.StatusBadRequest)
		return
	}
	if err := h.store.append(body, h.lines); err != nil {
		http.Error(w, "not stored", http.StatusServiceUnavailable)
	}
}
