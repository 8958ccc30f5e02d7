package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	// connectTimeout bounds everything up to the broker's acceptance.
	connectTimeout = 5 * time.Second
	// keepAlive is after how much silence a ping is sent. The library looks
	// every 5 s, so a ping goes out after 25 s at most and is given up after
	// another ackTimeout + 5 s.
	keepAlive = 20 * time.Second
	// ackTimeout is how long a PUBACK or a PINGRESP may take.
	ackTimeout = 20 * time.Second
	// watchEvery is how often the oldest publish is looked at.
	watchEvery = 3 * time.Second
	// goodbye is how long sessions may go on after a stop.
	goodbye = 3 * time.Second
	// leaveWait is how long the DISCONNECT may take after that.
	leaveWait = 250 * time.Millisecond
	// sendWait is how long the library waits for the network before a subscription
	// is offered again.
	sendWait = 250 * time.Millisecond
	// settled is how long a connection must live to count as a good one.
	settled = 15 * time.Second
	// contest is after how many connections in a row that did not settle
	// somebody else is thought to take them from us.
	contest = 3
	// modesty is for how long the broker is not asked to retain the last will,
	// when it ended the logins that did.
	modesty = time.Hour
	// maxReceived is the size in bytes of the largest message taken.
	maxReceived = 1 << 20
	// sendBuffer is how many bytes the system may hold for the network. What
	// is there counts as sent: on a slow line it must be gone well before a
	// PUBACK is missed.
	sendBuffer = 64 << 10
)

// A Link keeps one connection to a broker, for ever. All methods may be called
// at once from several goroutines; Run has one caller.
type Link struct {
	config   Config
	sessions []Session
	log      *slog.Logger
	changed  func()

	backoff backoff   // of Run
	short   int       // of Run: connections in a row that the broker ended soon,
	unasked bool      // one of them although nothing was to be acknowledged
	ended   bool      // of Run: the connection before was ended by us, for a reason that may come again
	shut    int       // of Run: logins in a row that the broker ended without a word
	modest  time.Time // of Run: until then no login asks the broker to retain the last will
	willing sync.Once

	mu    sync.Mutex
	state State
	told  string // to the log: the last problem; empty: that there is a connection
}

// NewLink returns a link that serves sessions on each connection, in this
// order. changed is called when State changes; it must not block, and may be
// nil. log is expected to name the connection. A Config that cannot work shows
// as State.LastError.
func NewLink(c Config, sessions []Session, log *slog.Logger, changed func()) *Link {
	if changed == nil {
		changed = func() {}
	}
	if c.Working == nil {
		c.Working = func(bool) {}
	}
	return &Link{config: c, sessions: sessions, log: log, changed: changed}
}

// State returns what is known of the connection now. It does not block.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Run connects and serves until ctx ends. Then the sessions have 3 s to take
// their leave. It returns nil, after every session has returned.
func (l *Link) Run(ctx context.Context) error {
	defer l.config.Working(false)
	for ctx.Err() == nil {
		l.config.Working(false)
		began := time.Now()
		err := l.connect(ctx)
		if ctx.Err() != nil {
			break
		}
		l.set(false, err.Error(), l.doubtful())
		there := !errors.As(err, new(unreached))
		wait := l.backoff.next(there)
		if !there {
			wait = max(wait-time.Since(began), wait/8) // the try was a wait, too
		}
		timer := time.NewTimer(wait)
		l.config.Working(false)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	l.set(false, "", false)
	return nil
}

// doubtful says that the next connection may go the way of the one before. It
// is Run's.
func (l *Link) doubtful() bool { return l.short >= contest || l.ended }

// set notes a change of state, and logs it.
func (l *Link) set(connected bool, problem string, doubtful bool) {
	l.mu.Lock()
	old, told := l.state, l.told
	if good := connected && problem == ""; good || problem != "" {
		l.told = problem
	}
	l.state.LastError, l.state.Doubtful = problem, doubtful
	if l.state.Connected != connected || l.state.Since.IsZero() {
		l.state.Connected = connected
		l.state.Since = time.Now()
	}
	l.mu.Unlock()
	if old.Connected == connected && old.LastError == problem && old.Doubtful == doubtful {
		return
	}
	switch {
	case connected && problem == "" && (told != "" || old.Since.IsZero()):
		l.log.Info("connected to the broker", "broker", l.config.Broker)
	case problem != "" && problem != told:
		l.log.Warn("no connection to the broker", "broker", l.config.Broker, "error", problem)
	}
	l.changed()
}

// connect makes one connection and serves it to its end, which it returns.
func (l *Link) connect(ctx context.Context) error {
	address, err := ParseBroker(l.config.Broker)
	if err != nil && l.config.Dial == nil {
		return fmt.Errorf("broker address: %w", err)
	}
	c, err := l.login(ctx, address)
	if err != nil {
		return err
	}
	began := time.Now()
	if l.doubtful() {
		l.set(true, l.State().LastError, true)
	} else {
		l.set(true, "", false)
	}
	return l.serve(ctx, c, began)
}

// judge is called at the loss of a connection. It puts it into words and says
// how soon the next is to be tried. A second client that uses our id shows in
// one way only: the broker closes connections, again and again, whether or not
// something is to be acknowledged.
func (l *Link) judge(c *Conn, err error, lived time.Duration) error {
	acked, unacked := c.flights.counts()
	if lived >= settled || !closedByPeer(err) {
		l.short, l.unasked = 0, false
	} else {
		l.short++
		l.unasked = l.unasked || unacked == 0
	}
	l.ended = errors.Is(err, errPuback) || errors.Is(err, errStuck) || errors.Is(err, errNotMQTT) || errors.Is(err, ErrSession)
	contested := l.short >= contest && l.unasked
	switch {
	case lived >= settled, !contested && acked > 0 && lived >= 2*time.Second:
		l.backoff.reset()
	case !contested && c.useful.Load():
		l.backoff.ease()
	}
	switch {
	case contested:
		return fmt.Errorf("broker closes each connection within seconds: another client uses the id %s: a second box of this name?",
			l.config.ClientID)
	case l.short >= contest:
		return fmt.Errorf("broker closes each connection within seconds, with publishes unacknowledged: "+
			"it refuses one of them, or another client uses the id %s: see its log", l.config.ClientID)
	}
	return errors.New(lost(err, unacked))
}

// login connects and presents us to the broker.
func (l *Link) login(ctx context.Context, address Address) (*Conn, error) {
	where := l.config.Broker
	timed, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := l.config.open(timed, address)
	if err != nil {
		said := fmt.Errorf("connect to %s: %s", where, plainly(err))
		if errors.As(err, new(unreached)) {
			return nil, unreached{said}
		}
		return nil, said
	}
	if tcp, ok := underlying(conn).(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it a slow line is lost now and then
	}
	c := &Conn{log: l.log, flights: newFlights(), gone: make(chan struct{}),
		received: make(chan delivery, maxWaiting), left: make(chan uint16, maxLeft)}
	c.wire = newWire(conn, c.flights, c.leaveOut)
	c.client = paho.NewClient(l.options(c))
	token := c.client.Connect().(*paho.ConnectToken)
	select {
	case <-token.Done():
	case <-timed.Done():
		c.wire.cut(context.Cause(timed))
		<-token.Done()
	}
	if err := token.Error(); err != nil {
		cause := c.wire.fail(err)
		if closedByPeer(cause) {
			l.shut++
		} else {
			l.shut = 0
		}
		return nil, fmt.Errorf("connect to %s: %s", where, refusal(token.ReturnCode(), cause, l.config.ClientID, address.TLS))
	}
	if l.keepsWill() {
		l.shut = 0
	} else if now := time.Now(); now.After(l.modest) {
		l.willing.Do(func() {
			l.log.Warn("the broker takes no last will that is to be retained", "topic", l.config.Will.Topic)
		})
		l.modest, l.shut = now.Add(modesty), contest-1 // then one more try
	}
	return c, nil
}

// keepsWill says whether the next login asks the broker to retain the last
// will. One that retains nothing may end each such login, so after some every
// second asks for less, and when one is taken so do the following, for a while.
func (l *Link) keepsWill() bool {
	w := l.config.Will
	return w == nil || !w.Retained || time.Now().After(l.modest) && (l.shut < contest || l.shut%2 != contest%2)
}

// options are the library's: a client for one connection, which does not
// reconnect, keeps nothing and resends nothing.
func (l *Link) options(c *Conn) *paho.ClientOptions {
	o := paho.NewClientOptions()
	o.Servers = []*url.URL{{}} // one, whatever it is: the connection is open already
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return c.wire, nil })
	o.SetClientID(l.config.ClientID)
	o.SetUsername(l.config.Username)
	o.SetPassword(l.config.Password)
	o.SetProtocolVersion(4)
	o.SetCleanSession(true)
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	o.SetStore(noStore{})
	o.SetConnectTimeout(connectTimeout)
	o.SetKeepAlive(keepAlive)
	o.SetPingTimeout(ackTimeout)
	o.SetWriteTimeout(sendWait)
	o.SetOrderMatters(true)
	o.SetAutoAckDisabled(true)
	o.SetConnectionLostHandler(func(paho.Client, error) { close(c.gone) })
	if w := l.config.Will; w != nil {
		o.SetBinaryWill(w.Topic, w.Payload, w.QoS, w.Retained && l.keepsWill())
	}
	return o
}

// serve runs the sessions on c until the connection ends, or ctx does and they
// have taken their leave. It returns why the connection ended, ErrLeft in the
// latter case.
func (l *Link) serve(ctx context.Context, c *Conn, began time.Time) error {
	sessions, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	var wg sync.WaitGroup
	wg.Go(c.dispatch)
	wg.Go(c.send)
	proven := func() bool { return true }
	switch {
	case l.short >= contest:
		proven = func() bool { return time.Since(began) >= settled }
	case l.ended:
		proven = func() bool { return c.useful.Load() || time.Since(began) >= settled && c.Unacked() == 0 }
	}
	wg.Go(func() { l.watch(c, proven) })
	served := make(chan struct{})
	wg.Go(func() {
		defer close(served)
		l.runSessions(sessions, c)
	})
	hurry := false
	var why error
	select {
	case <-c.Done():
		// Told at once: the sessions may take a while to end.
		why = l.judge(c, c.Err(), time.Since(began))
		l.set(false, why.Error(), l.doubtful())
	case <-ctx.Done():
		why = ErrLeft
		stop(ErrLeft)
		timer := time.NewTimer(goodbye)
		select {
		case <-served:
		case <-timer.C:
			hurry = true
		case <-c.Done():
		}
		timer.Stop()
	}
	l.config.Working(true)
	stop(c.Err())
	c.leave(hurry)
	wg.Wait() // the sessions have to end, and it is not for the broker to say when
	return why
}

// runSessions greets, serves every session and waits for them.
func (l *Link) runSessions(ctx context.Context, c *Conn) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, s := range l.sessions {
		if g, ok := s.(Greeter); ok {
			if err := g.Greet(ctx, c); err != nil {
				c.wire.cut(fmt.Errorf("%w: %w", ErrSession, err))
				return
			}
		}
	}
	for _, s := range l.sessions {
		wg.Go(func() {
			if err := s.Serve(ctx, c); err != nil && ctx.Err() == nil {
				c.wire.cut(fmt.Errorf("%w: %w", ErrSession, err))
			}
		})
	}
}

// watch ends a connection on which a publish is not acknowledged, and takes
// back what was said against it when it is proven to be good.
func (l *Link) watch(c *Conn, proven func() bool) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	good := false
	for {
		select {
		case <-c.Done():
			return
		case <-ticker.C:
		}
		if since := c.flights.dueSince(); !since.IsZero() && time.Since(since) >= ackTimeout {
			c.wire.cut(errPuback)
			return
		}
		if !good && proven() && c.Err() == nil {
			good = true
			l.set(true, "", false)
		}
	}
}

// noStore is the library's store of what it has not delivered: it has nothing.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) Del(string)                        {}
func (noStore) All() []string                     { return nil }
