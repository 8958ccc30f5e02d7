package webhook

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// Store is where events are made durable; *storage.Log is one.
type Store interface {
	// Append returns when all entries are durable, or none; a sequence of 0 stands for a repeat. It must have no
	// use for entries once it has returned.
	Append(ctx context.Context, entries []storage.Entry) (sequences []uint64, err error)
	// Ready is nil when Append can be expected to work now.
	Ready() error
	// Remember keeps the newest few of a list. It must not block.
	Remember(list string, data []byte)
}

// Opening is a Store that may not be open yet.
type Opening interface {
	// Opened returns what is closed when it is of no use to wait any longer for the store to be opened: Append then tells
	// whether it is. Nil: it is open.
	Opened() <-chan struct{}
}

// Observer is told what happened, for metrics. Its methods are called by many goroutines at once and must not block.
type Observer interface {
	Request(code int)         // a request to Config.Path was answered
	Accepted(kind event.Kind) // one new event is durable
	Duplicates(n int)         // n events were known already; n > 0
}

type nobody struct{}

func (nobody) Request(int)         {}
func (nobody) Accepted(event.Kind) {}
func (nobody) Duplicates(int)      {}

// Counts are totals since New.
type Counts struct {
	Accepted   uint64 // new events made durable
	Duplicates uint64 // events that were known already
	Rejected   uint64 // requests to Config.Path answered 4xx
}

// Handler answers Config.Path, /healthz and /readyz. It is safe for concurrent use.
type Handler struct {
	compiled
	store    Store
	opening  Opening // nil: it is open
	decoder  *event.Decoder
	observer Observer
	seen     seen
	log      *slog.Logger
	now      func() time.Time

	rates     *rates
	gate      *gate
	strangers *budget
	ours      *budget            // for bodies that came with a right token beside them: strangers cannot use it up
	exchanges sync.Pool          // of *exchange
	parsers   chan *event.Parser // as many as can work at once: one may take ten times the memory of its body

	stopping                       chan struct{} // closed by Stop
	stop                           sync.Once
	draining                       atomic.Bool
	failing                        atomic.Bool // the last append failed
	accepted, duplicates, rejected atomic.Uint64
}

// New checks c and returns a handler; the error joins those of Config.Validate. s may be an Opening; o may be nil.
func New(c Config, s Store, d *event.Decoder, o Observer, log *slog.Logger) (*Handler, error) {
	k, faults := c.compile()
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if o == nil {
		o = nobody{}
	}
	h := &Handler{compiled: k, store: s, decoder: d, observer: o, log: log, now: time.Now, stopping: make(chan struct{}), rates: newRates(c.Rate), gate: newGate(),
		strangers: newBudget(k.maxBody),
		ours:      newBudget(k.maxBody), parsers: make(chan *event.Parser, max(2, runtime.GOMAXPROCS(0)))}
	h.opening, _ = s.(Opening)
	h.exchanges.New = func() any { return new(exchange) }
	for range cap(h.parsers) {
		h.parsers <- new(event.Parser)
	}
	return h, nil
}

// Counts returns the totals so far.
func (h *Handler) Counts() Counts {
	return Counts{Accepted: h.accepted.Load(), Duplicates: h.duplicates.Load(), Rejected: h.rejected.Load()}
}

// Stop says that a stop has begun, which /readyz tells from then on. Posts that wait for the store to be opened do so no
// longer. Unless somebody keeps the listening socket, every later post is answered 503 with Retry-After; posts in flight
// are finished. Where it is kept, whoever has got a connection is answered as ever, and the next process takes the others.
// Each answer from then on is the last of its connection, and says so.
func (h *Handler) Stop(kept bool) {
	h.draining.Store(!kept)
	h.stop.Do(func() { close(h.stopping) })
}

// ServeHTTP blocks until the events of the request are durable; for a store that is being opened it waits 10 s at most. It panics with http.ErrAbortHandler, which a server
// takes for the wish to close the connection, when the request did not arrive in time.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != h.path {
		h.serveOther(w, r)
		return
	}
	a := h.post(r)
	if a.code == 0 {
		panic(http.ErrAbortHandler)
	}
	if !h.isOwn(r) {
		switch {
		case a.code == http.StatusOK:
			h.seen.good(Post{Time: stamp(h.now()), TokenIn: a.place, Events: a.events, Code: a.code})
		case a.code >= 400 && a.code < 500:
			h.rejected.Add(1)
			h.seen.refused(Post{Time: stamp(h.now()), TokenIn: a.place, Code: a.code, Address: address(client(r, h.trusted))})
		}
		h.observer.Request(a.code)
	}
	a.close = a.close || h.isStopping()
	a.write(w)
}

// isOwn says whether a post is one of this program's own, see Config.Own.
func (h *Handler) isOwn(r *http.Request) bool {
	mark := r.Header[OwnHeader]
	return len(h.own) > 0 && len(mark) == 1 && subtle.ConstantTimeCompare([]byte(mark[0]), h.own) == 1
}

// post decides on a request to the path, in the order that the platform was promised.
func (h *Handler) post(r *http.Request) answer {
	if len(h.allow) > 0 && !h.isOwn(r) && !h.allow.contain(client(r, h.trusted)) {
		return failure(http.StatusForbidden, "this address may not post here").unread(r)
	}
	f := h.places.outside(&h.tokens, r)
	if r.Method != http.MethodPost {
		return h.refuse(r, f, failure(http.StatusMethodNotAllowed, "only POST is understood here").unread(r))
	}
	if e := r.Header["Content-Encoding"]; len(e) > 0 && !plain(e) {
		return h.refuse(r, f, failure(http.StatusUnsupportedMediaType, "send the body without Content-Encoding").unread(r))
	}
	if r.ContentLength > h.maxBody {
		return h.refuse(r, f, h.tooLarge())
	}
	if h.draining.Load() {
		return failure(http.StatusServiceUnavailable, "stopping").retry(afterFive).unread(r)
	}
	x := h.exchanges.Get().(*exchange)
	defer func() {
		x.reset()
		h.exchanges.Put(x)
	}()
	if f.found && !h.tokens.open() {
		x.budget = h.ours
	} else {
		x.budget = h.strangers
	}
	switch err := x.read(r, h.maxBody); {
	case err == nil:
	case errors.Is(err, errCut):
		return answer{}
	case errors.Is(err, errTooLarge):
		return h.refuse(r, f, h.tooLarge())
	case errors.Is(err, errBusy):
		return failure(http.StatusServiceUnavailable, errBusy.Error()).retry(afterOne).unread(r)
	default:
		return h.refuse(r, f, failure(http.StatusBadRequest, "the body could not be read: "+err.Error()).unread(r))
	}
	f, a := h.parse(r, f, x)
	if a.code == 0 && len(x.entries) > 0 {
		h.await(r)
		a = h.append(x)
	}
	a.place, a.events = f.place, len(x.entries)
	if a.code != 0 {
		return a
	}
	a.code = http.StatusOK
	text, isJSON := f.reply(&h.tokens)
	switch {
	case text == nil:
	case isJSON:
		a.form, a.body = formJSON, text
	default:
		a.form, a.body = formText, text
	}
	return a
}

// parse looks for a right token and for events, and fills x.entries. The answer has no code when all is well.
func (h *Handler) parse(r *http.Request, f finding, x *exchange) (finding, answer) {
	parser := <-h.parsers
	defer func() {
		parser.Forget()
		h.parsers <- parser
	}()
	err := parser.Parse(x.body)
	if err == nil && !f.found {
		f = h.places.inside(&h.tokens, parser, f)
	}
	if !f.found && !h.tokens.open() {
		now := h.now()
		from := client(r, h.trusted)
		if !h.rates.allow(from, now) {
			return f, tooMany()
		}
		if h.gate.open(now) {
			h.store.Remember(ListRefused, line(newShape(r, from, x.body, parser, now)))
		}
		return f, failure(http.StatusUnauthorized, "no right token")
	}
	if err == nil {
		x.elements, err = h.decoder.Elements(parser, x.elements)
	}
	if err != nil {
		h.store.Remember(ListRejected, line(Rejected{Time: stamp(h.now()), Reason: err.Error(), Bytes: len(x.body),
			Body: x.body[:min(len(x.body), maxRejected)]}))
		return f, failure(http.StatusBadRequest, err.Error())
	}
	for _, e := range x.elements {
		x.entries = append(x.entries, storage.Entry{ID: e.ID, Data: e.Data})
	}
	return f, answer{}
}

// openTime is how long a post waits for the store to be opened, so that a restart is a delay and not a refusal.
const openTime = 10 * time.Second

// await waits for the store to be opened, or until that is of no use any more. The connection keeps its place.
func (h *Handler) await(r *http.Request) {
	if h.opening == nil {
		return
	}
	opened := h.opening.Opened()
	if opened == nil {
		return
	}
	defer hold(r)()
	over := time.NewTimer(openTime)
	defer over.Stop()
	select {
	case <-opened:
	case <-over.C:
	case <-h.stopping:
	case <-r.Context().Done(): // whoever asked is gone
	}
}

// append makes the entries durable. The answer has no code when they are.
func (h *Handler) append(x *exchange) answer {
	// Not the request's context: what was begun is finished though nobody may be there for the answer, and the store
	// has then no use for x any more.
	sequences, err := h.store.Append(context.Background(), x.entries)
	if err != nil {
		why := reason(err)
		if !h.failing.Swap(true) {
			h.log.Warn("events are refused", "reason", why)
		}
		return failure(http.StatusServiceUnavailable, why).retry(afterFive)
	}
	if h.failing.Load() && h.failing.Swap(false) {
		h.log.Info("events are accepted again")
	}
	repeats := 0
	for i, s := range sequences {
		if s == 0 {
			repeats++
			continue
		}
		h.observer.Accepted(h.decoder.KindOf(x.elements[i].Type))
	}
	h.accepted.Add(uint64(len(sequences) - repeats))
	if repeats > 0 {
		h.duplicates.Add(uint64(repeats))
		h.observer.Duplicates(repeats)
	}
	return answer{}
}

// refuse is for requests that are refused before their body is known: without a right token outside of it they count
// against their address.
func (h *Handler) refuse(r *http.Request, f finding, a answer) answer {
	a.place = f.place
	if f.found || h.tokens.open() || h.rates.allow(client(r, h.trusted), h.now()) {
		return a
	}
	a = tooMany().unread(r)
	a.place = f.place
	return a
}

func (h *Handler) tooLarge() answer {
	a := failure(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", h.maxBody))
	a.close = true
	return a
}

func tooMany() answer {
	return failure(http.StatusTooManyRequests, "too many requests without a right token").retry(afterOne)
}

// plain says whether Content-Encoding asks for nothing.
func plain(values []string) bool {
	for _, v := range values {
		if v != "" && !strings.EqualFold(v, "identity") {
			return false
		}
	}
	return true
}

// reason says why events cannot be made durable, without paths of this machine.
func reason(err error) string {
	for _, known := range []error{storage.ErrFull, storage.ErrNoSpace, storage.ErrBroken, storage.ErrClosed} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "events cannot be made durable now"
}

// serveOther answers what is not for the path.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request) {
	if h.isStopping() {
		w.Header()["Connection"] = closing
	}
	if len(h.allow) > 0 {
		if from := client(r, h.trusted); !from.IsLoopback() && !h.allow.contain(from) {
			failure(http.StatusForbidden, "this address may not ask here").unread(r).write(w)
			return
		}
	}
	if r.URL.Path != healthPath && r.URL.Path != readyPath {
		failure(http.StatusNotFound, "nothing is here").unread(r).write(w)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header()["Allow"] = allowGet
		w.Header()["Content-Type"] = formText
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	code, text := http.StatusOK, "ok"
	if r.URL.Path == readyPath {
		text = "ready"
		if err := h.ready(); err != nil {
			code, text = http.StatusServiceUnavailable, err.Error()
		}
	}
	w.Header()["Content-Type"] = formText
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a client that is gone is no fault
}

func (h *Handler) ready() error {
	err := h.store.Ready()
	if h.isStopping() {
		return errors.Join(errors.New("stopping"), err)
	}
	return err
}

func (h *Handler) isStopping() bool {
	select {
	case <-h.stopping:
		return true
	default:
		return false
	}
}
