package admin

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"deskbell/agent/event"
)

const (
	maxConnections = 128 // of one listener; each is a file descriptor the webhook may need
	maxStreams     = 16
	maxHeader      = 16 << 10
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 60 * time.Second
	writeTimeout   = 30 * time.Second // of one answer, of one item on a stream
	stopTimeout    = 2 * time.Second  // for requests in flight when the server ends
)

// Config says where people and programs find the page and the API.
type Config struct {
	Listen   string   // address and port; port 0 takes a free one
	Password string   // of basic auth, with any user name; empty: none is asked for
	Device   string   // the name of the device, which may be used as a host name
	Hosts    []string // more host names of this machine; nil: the system's
	Names    []string // of the certificate: host names of this machine, too
	// Control sets up the socket before it is bound, see net.ListenConfig. May be
	// nil.
	Control func(network, address string, c syscall.RawConn) error
	// Working is told true when the page's listener has got a connection, false when
	// it waits for one. It must not block. May be nil.
	Working  func(busy bool)
	Timezone string // of the page, a name such as Europe/Berlin; "local" or empty: the browser's

	TLS *tls.Config // what the network is served with; nil: without TLS
}

// Validate returns an error where c would show the desk to everybody on the
// network, or has no address. It resolves no names: a host name counts as
// beyond loopback, localhost apart.
func (c Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen %q: %w", c.Listen, err)
	}
	if c.Password == "" && !loopback(host) {
		return fmt.Errorf("listen %q: beyond loopback a password is needed", c.Listen)
	}
	return nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Server answers on [Config.Listen] and on the control socket. All methods may
// be called at once.
type Server struct {
	config   Config
	agent    Agent
	events   Events
	decoder  *event.Decoder
	metrics  *Metrics
	log      *slog.Logger
	hosts    map[string]bool
	password [sha256.Size]byte
	streams  chan struct{} // holds a token for each open stream

	mu   sync.Mutex
	addr string // guarded by mu
}

// New makes a server; nothing is opened yet. It binds m to the status of a; m
// may be nil, and then there is no /metrics.
func New(c Config, a Agent, e Events, d *event.Decoder, m *Metrics, log *slog.Logger) *Server {
	if c.Hosts == nil {
		if name, err := os.Hostname(); err == nil {
			c.Hosts = []string{name}
		}
	}
	m.bind(a.Status)
	return &Server{
		config: c, agent: a, events: e, decoder: d, metrics: m, log: log,
		hosts:    hostNames(slices.Concat([]string{"localhost", c.Device}, c.Hosts, c.Names)),
		password: sha256.Sum256([]byte(c.Password)),
		streams:  make(chan struct{}, maxStreams),
	}
}

// Run listens on [Config.Listen] and serves until ctx ends, then ends streams,
// lets requests finish for 2 s at most, and returns nil. It returns an error
// when it cannot listen, and may be called again.
func (s *Server) Run(ctx context.Context) error {
	if err := s.config.Validate(); err != nil {
		return err
	}
	bind := net.ListenConfig{Control: s.config.Control}
	l, err := bind.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("serve the page: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve is Run on a listener the caller has opened; it closes l. Whether l is
// beyond loopback is the caller's to check.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.setAddr(l.Addr().String())
	defer s.setAddr("")
	scheme := "http://"
	over := s.telling
	if s.config.TLS != nil {
		scheme = "https://"
		over = func(l net.Listener) net.Listener { return s.telling(tls.NewListener(l, s.config.TLS)) }
	}
	s.log.Info("page and API are served", "address", scheme+l.Addr().String())
	return s.serve(ctx, l, over, s.Handler(true))
}

// Addr returns where Run or Serve listens at the moment, or "".
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *Server) setAddr(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr = addr
}

// stopKey leads to the context whose end means that the server stops. The
// requests' own contexts outlive it, so that a command in flight gets done.
type stopKey struct{}

// serve puts over over the connections, once they are counted.
func (s *Server) serve(ctx context.Context, l net.Listener, over func(net.Listener) net.Listener, h http.Handler) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithValue(requests, stopKey{}, ctx) },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(over(netutil.LimitListener(l, maxConnections))) }()
	select {
	case err := <-done:
		server.Close()
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, end := context.WithTimeout(requests, stopTimeout)
	defer end()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

// Handler returns the whole surface. With auth it is what the network sees:
// password, known host names only, no requests from other sites. Without it is
// what the control socket sees, which has a backup
// and forget, too.
func (s *Server) Handler(auth bool) http.Handler {
	mux := http.NewServeMux()
	get := func(path string, h http.HandlerFunc) { mux.Handle(path, only(h, http.MethodGet, http.MethodHead)) }
	post := func(path string, h http.HandlerFunc) { mux.Handle(path, only(h, http.MethodPost)) }

	get("/{$}", page("index.html"))
	for _, name := range pageFiles() {
		get("/"+name, page(name))
	}
	get("/settings.json", s.getSettings)
	if s.metrics != nil {
		get("/metrics", s.metrics.Handler().ServeHTTP)
	}
	get("/api/status", s.getStatus)
	get("/api/events", s.getEvents)
	get("/api/events/{seq}", s.getEvent)
	get("/api/why", s.getWhy)
	get("/api/rejected", s.getRejected)
	get("/api/set-aside", s.getAside)
	mux.Handle("/api/export", only(s.getExport, http.MethodGet))
	mux.Handle("/api/stream", only(s.getStream, http.MethodGet))
	post("/api/ack", s.postAck)
	post("/api/mute", s.postMute)
	post("/api/unmute", s.postUnmute)
	post("/api/outputs/{name}/test", s.postTest)
	post("/api/replay", s.postReplay)
	post("/api/inputs/{name}/press", s.postPress)
	post("/api/inputs/{name}/lock", s.postLock)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &Error{Code: http.StatusNotFound, Message: "there is nothing at this address"})
	})

	var h http.Handler = mux
	if auth {
		h = s.guard(mux)
	} else {
		mux.Handle("/api/backup", only(s.getBackup, http.MethodGet))
		post("/api/forget", s.postForget)
	}
	return common(h)
}

// only answers 405 to every method but the given ones.
func only(h http.HandlerFunc, methods ...string) http.Handler {
	allow := methods[0]
	for _, m := range methods[1:] {
		allow += ", " + m
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, m := range methods {
			if r.Method == m {
				h(w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		writeError(w, &Error{Code: http.StatusMethodNotAllowed, Message: "the method here is " + methods[0]})
	})
}

// telling returns a listener that tells Config.Working when it waits for a
// connection, or for the end of another.
func (s *Server) telling(l net.Listener) net.Listener {
	if s.config.Working == nil {
		return l
	}
	return telling{l, s.config.Working}
}

type telling struct {
	net.Listener
	works func(busy bool)
}

func (l telling) Accept() (net.Conn, error) {
	l.works(false)
	c, err := l.Listener.Accept()
	if err == nil {
		l.works(true)
	}
	return c, err
}
