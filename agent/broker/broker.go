// Package broker is the built-in MQTT broker. It serves this machine alone
// unless a password is set, and keeps everything in memory.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// Config describes the broker.
type Config struct {
	Listen             string // host:port
	Username, Password string // asked from clients that come over the network; empty: none
	MaxPacket          int64  // bytes; 0: 4 MiB
}

// ErrStopped comes from Dial when Run has returned.
var ErrStopped = errors.New("the built-in broker is switched off")

const (
	// listenAgain is how long after a port could not be had it is tried again.
	listenAgain = 5 * time.Second
	// maxClients bounds the connections over the network.
	maxClients = 128
	// maxPacket is the default of Config.MaxPacket.
	maxPacket = 4 << 20
)

// The names of the two ways in, as the broker's library knows them.
const (
	inside  = "process"
	network = "network"
)

// A Broker serves while Run runs. All methods may be called at once from
// several goroutines; Run has one caller at a time.
type Broker struct {
	config Config
	log    *slog.Logger

	mu      sync.Mutex
	run     *session      // nil: Run does not run
	began   chan struct{} // closed when Run runs for the first time
	started bool
	addr    string
	problem string
}

// session is one call of Run: the library's server and its connections.
type session struct {
	server *mqtt.Server
	done   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

// New returns a broker that does not run yet. The error is about c.
func New(c Config, log *slog.Logger) (*Broker, error) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if c.MaxPacket == 0 {
		c.MaxPacket = maxPacket
	}
	return &Broker{config: c, log: log, began: make(chan struct{})}, nil
}

// Run serves until ctx ends, and waits for what it started. A port that cannot
// be had is not an error but a Problem: it is tried again, and Dial works all
// the same. It may be called again after it returned; nothing is kept.
func (b *Broker) Run(ctx context.Context) error {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = uint32(min(b.config.MaxPacket, math.MaxUint32))
	capabilities.MaximumClients = maxClients + 16 // those of this process come on top
	// By default what is retained is dropped after a day, also when that day is
	// but the clock being set.
	capabilities.MaximumMessageExpiryInterval = 0
	s := &session{conns: map[net.Conn]bool{}, server: mqtt.New(&mqtt.Options{
		Capabilities: capabilities,
		Logger:       slog.New(slog.DiscardHandler), // it logs whole messages, and each client that goes away as an error
		// Twice a day: nobody here reads the library's statistics.
		SysTopicResendInterval: int64((12 * time.Hour).Seconds()),
	})}
	pace := &pacer{ended: ctx.Done(), clients: map[*mqtt.Client]bool{}}
	for _, hook := range []mqtt.Hook{&doorman{config: b.config, clients: s.server.Clients}, pace} {
		if err := s.server.AddHook(hook, nil); err != nil {
			return fmt.Errorf("start the built-in broker: %w", err)
		}
	}
	if err := s.server.Serve(); err != nil {
		return fmt.Errorf("start the built-in broker: %w", err)
	}
	b.mu.Lock()
	b.run = s
	if !b.started {
		b.started = true
		close(b.began)
	}
	b.mu.Unlock()
	b.listen(ctx, s)
	b.mu.Lock()
	b.run, b.addr, b.problem = nil, "", ""
	b.mu.Unlock()
	s.close()
	if err := s.server.Close(); err != nil {
		return fmt.Errorf("stop the built-in broker: %w", err)
	}
	return nil
}

// listen takes connections over the network until ctx ends.
func (b *Broker) listen(ctx context.Context, s *session) {
	for ctx.Err() == nil {
		l, err := net.Listen("tcp", b.config.Listen)
		if err == nil {
			b.book(l.Addr().String(), b.closedDoor(l.Addr()))
			b.log.Info("the built-in broker listens", "address", l.Addr().String())
			stop := context.AfterFunc(ctx, func() { _ = l.Close() })
			err = s.accept(l)
			stop()
			_ = l.Close()
		}
		if ctx.Err() != nil {
			return
		}
		b.book("", fmt.Sprintf("the built-in broker is not reached at %s: %v; set [broker] listen to a free port",
			b.config.Listen, cause(err)))
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// closedDoor is the problem of listening to others whom nobody will let in.
func (b *Broker) closedDoor(at net.Addr) string {
	if a, ok := at.(*net.TCPAddr); !ok || a.IP.IsLoopback() || b.config.Password != "" {
		return ""
	}
	return fmt.Sprintf("the built-in broker listens on %s without a password and lets only this machine in; set [broker] username and password", at)
}

// cause leaves the address out that it is said with.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (b *Broker) book(addr, problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if problem != "" && problem != b.problem {
		b.log.Warn("the built-in broker", "problem", problem)
	}
	b.addr, b.problem = addr, problem
}

// accept serves what comes over l until that is closed.
func (s *session) accept(l net.Listener) error {
	places := make(chan struct{}, maxClients)
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		select {
		case places <- struct{}{}:
		default:
			_ = conn.Close() // full: the client comes again
			continue
		}
		if !s.serve(network, conn, func() { <-places }) {
			return net.ErrClosed
		}
	}
}

// serve hands a connection to the library; false: the session has ended.
func (s *session) serve(way string, conn net.Conn, after func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	conn = newLine(conn, way == inside)
	s.conns[conn] = true
	s.done.Go(func() {
		defer after()
		_ = s.server.EstablishConnection(way, conn) // why a client has gone is its own affair
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	})
	return true
}

// close ends every connection and waits for it.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Dial opens a connection within this process; no password is asked. It waits
// for Run to begin; after Run has returned it is ErrStopped.
func (b *Broker) Dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-b.began:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.mu.Lock()
	s := b.run
	b.mu.Unlock()
	if s == nil {
		return nil, ErrStopped
	}
	ours, theirs := net.Pipe()
	if !s.serve(inside, theirs, func() {}) {
		_ = ours.Close()
		return nil, ErrStopped
	}
	return ours, nil
}

// Addr returns the address listened on, empty while there is none.
func (b *Broker) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// Problem says in words, with the remedy, what is wrong; empty when nothing is.
func (b *Broker) Problem() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problem
}
