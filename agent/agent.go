package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/broker"
	"deskbell/agent/event"
	"deskbell/agent/indicator"
	"deskbell/agent/webhook"
	"deskbell/gpio"
	"deskbell/storage"
)

// Options is what an Agent needs beside its Config. The zero value works.
type Options struct {
	Version string
	Log     *slog.Logger // nil: slog.Default
	// CheckStore runs storage.Check in another process, and calls progress while
	// that comes forward. Nil: the store is opened unchecked.
	CheckStore func(ctx context.Context, path string, progress func()) error
	// SalvageStore runs storage.Salvage in another process, as CheckStore. Nil: of
	// a damaged store nothing is saved.
	SalvageStore func(ctx context.Context, from, to string, limit int64, progress func()) (storage.Report, error)
	// Listener takes the webhooks, such as one that a service manager has kept
	// over a restart; Run closes it. Nil: Run binds webhook.listen.
	Listener net.Listener
	// Bound is told the listener, before anything is accepted, and answers whether
	// somebody keeps its socket beyond this process: a stop then leaves to the next
	// one whoever has not been accepted. It must not block. Nil: nobody does.
	Bound func(net.Listener) (kept bool)
	// Ready is called once, when events are taken and everything runs.
	Ready func()
	// Trace is called at every change of an output's level; it must not block.
	Trace func(output string, on bool, at time.Time)
	// Broker switches the built-in broker off (false) and on again. It is read
	// while Run runs; nil: it stays on.
	Broker <-chan bool
	// Now is the wall clock of what is stored and shown. It may jump; no timer
	// looks at it. Nil: time.Now.
	Now func() time.Time
}

// Agent is the whole program. Make one with New and call Run once.
type Agent struct {
	config  Config
	options Options
	log     *slog.Logger
	started time.Time
	signal  signal

	decoder *event.Decoder
	step    doorstep
	webhook *webhook.Handler
	metrics *admin.Metrics
	broker  *broker.Broker // nil: none
	board   *gpio.Board
	census  census
	reach   *reach // nil: nobody said where we can be reached
	secrecy secrecy
	buttons *buttons
	tasks   supervisor
	pulses  pulses

	open     atomic.Pointer[rooms] // nil until the store is open
	told     atomic.Uint32         // the store's trouble that the indicator was told of
	listener atomic.Pointer[net.Listener]
	kept     bool // somebody keeps the listener's socket beyond this process
}

// rooms is what there is once the store is open.
type rooms struct {
	store     *storage.Log
	forwards  []*destination
	indicator *indicator.Indicator
	admin     *admin.Server
}

// New checks what the rooms ask of c, which Load has completed. It opens
// nothing.
func New(c Config, o Options) (*Agent, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Agent{config: c, options: o, log: o.Log, started: time.Now()}
	a.step.soon = make(chan struct{})
	a.census.meant = c.Webhook.Types
	a.pulses = pulses{began: time.Now(), asked: make(chan struct{}, 1)}
	a.buttons = newButtons(c, o.Log, a.signal.Notify)
	a.tasks = supervisor{log: o.Log, changed: a.signal.Notify}
	a.secrecy = newSecrecy(c, o.Now, a.signal.Notify, o.Log)
	var names []string
	for _, f := range c.Forward {
		names = append(names, f.Name)
	}
	a.metrics = admin.NewMetrics(o.Version, names...)
	var err error
	if a.decoder, err = event.NewDecoder(c.Events()); err != nil {
		return nil, err
	}
	hooks := c.Webhook.handler()
	if a.reach = newReach(c.Webhook, o.Now, a.reachChanged, o.Log); a.reach != nil {
		hooks.Own = a.reach.mark
	}
	a.webhook, err = webhook.New(hooks, &a.step, a.decoder, observer{a.metrics, &a.signal}, o.Log)
	if err != nil {
		return nil, err
	}
	if c.Broker != nil {
		a.broker, err = broker.New(broker.Config{
			Listen: c.Broker.Listen, Username: c.Broker.Username, Password: c.Broker.Password,
			MaxPacket: max(4<<20, int64(c.Webhook.MaxBody)+64<<10), // an event and what goes around it
		}, o.Log)
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Run runs the agent until ctx ends; then it takes no more webhooks, finishes
// what is in flight, turns the outputs off and returns nil, within 10 s. An
// error means that it cannot do its work: the webhook's address is taken, or
// the store may not be used.
func (a *Agent) Run(ctx context.Context) error {
	l, err := a.listen()
	if err != nil {
		return err
	}
	defer l.Close()
	a.board, err = gpio.Open(a.boardConfig(), a.log)
	if err != nil {
		return fmt.Errorf("open the outputs: %w", err)
	}
	defer a.board.Close()

	// The webhook answers while the store is checked.
	_, err = a.tasks.run(ctx, stopWithin,
		stage{tasks: []Task{
			essential{task{"webhook", func(ctx context.Context) error { return a.serveWebhook(ctx, l) }}},
			task{"outputs", a.board.Run},
			task{"status", a.look},
		}, patience: answerWithin},
		stage{tasks: []Task{essential{task{"core", a.runCore}}}},
	)
	return err
}

// How long a stop may take. Whatever hangs, it is over after 10 s, and the store
// had its last commit: it is stopped 2 s before the end of core at the latest.
const (
	answerWithin = 3 * time.Second // posts in flight, and the outputs off
	coreWithin   = 6 * time.Second
	stopWithin   = answerWithin + coreWithin + 250*time.Millisecond
)

// runCore opens the store, wires the rooms that read it and runs them.
func (a *Agent) runCore(ctx context.Context) error {
	var store *storage.Log
	var err error
	unlessWithin(startingAfter, a.showStarting, func() {
		store, err = storage.Open(ctx, a.config.DataDir, a.storageOptions())
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while the store was being checked
		}
		return err
	}
	r, err := a.wire(store)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	a.open.Store(r)
	a.step.opened(store)
	ready := task{"ready", func(ctx context.Context) error {
		a.log.Info("ready", "device", a.config.Device, "webhook", a.WebhookAddr(), "last_sequence", store.Stats().LastSequence)
		if a.options.Ready != nil {
			a.options.Ready()
		}
		<-ctx.Done()
		return nil
	}}
	ended, err := a.tasks.run(ctx, coreWithin, append([]stage{{tasks: []Task{ready}}}, a.stages(r)...)...)
	if !ended {
		return err // to close the store would wait for who is still in it
	}
	return errors.Join(err, store.Close())
}

func (a *Agent) storageOptions() storage.Options {
	works := a.pulses.of(storePart)
	comes := func() { works(true) }
	o := storage.Options{
		MaxSize:    int64(a.config.Storage.MaxSize),
		Keep:       time.Duration(a.config.Storage.Keep),
		DropOldest: a.config.Storage.WhenFull == dropOldest,
		Cursors:    []storage.CursorSpec{{Name: deskCursor}},
		Waiting:    a.step.waits,
		Working:    works,
		Committed:  a.metrics.Committed,
		Changed:    a.storeChanged,
		Log:        a.log,
		Now:        a.options.Now,
	}
	if check := a.options.CheckStore; check != nil {
		o.Check = func(ctx context.Context, path string) error { return check(ctx, path, comes) }
	}
	if salvage := a.options.SalvageStore; salvage != nil {
		o.Salvage = func(ctx context.Context, from, to string, limit int64) (storage.Report, error) {
			return salvage(ctx, from, to, limit, comes)
		}
	}
	for _, f := range a.config.Forward {
		o.Cursors = append(o.Cursors, storage.CursorSpec{Name: forwardCursor + f.Name, Delivers: true})
	}
	return o
}

// The names of the cursors in the store.
const (
	deskCursor    = "desk"
	forwardCursor = "forward/"
)

// Asides tells from what cursors hold, as storage.Reader says it, what forwards
// have set aside.
func Asides(held map[string][]uint64) []admin.Aside {
	var list []admin.Aside
	for _, cursor := range slices.Sorted(maps.Keys(held)) {
		if name, ours := strings.CutPrefix(cursor, forwardCursor); ours {
			list = append(list, admin.Aside{Forward: name, Sequences: held[cursor]})
		}
	}
	return list
}

// wire makes the rooms that read the store.
func (a *Agent) wire(store *storage.Log) (*rooms, error) {
	r := &rooms{store: store}
	cursor, err := store.Cursor(deskCursor)
	if err != nil {
		return nil, err
	}
	r.indicator, err = indicator.New(a.indication(store), store, cursor, a.decoder, a.board)
	if err != nil {
		return nil, err
	}
	face := &face{agent: a, rooms: r}
	brokers := map[string]bool{}
	for _, f := range a.config.Forward {
		d, err := a.destination(f, !brokers[f.Broker], store, device{face})
		brokers[f.Broker] = true
		if err != nil {
			return nil, err
		}
		r.forwards = append(r.forwards, d)
	}
	r.admin = admin.New(admin.Config{
		Listen: a.config.Admin.Listen, Password: a.config.Admin.Password, Device: a.config.Device, Timezone: a.config.Timezone,
		Control: bindAhead, Working: a.pulses.of("admin"), TLS: a.secrecy.adminTLS(), Names: a.secrecy.adminNames(),
	},
		face, store, a.decoder, a.metrics, a.log)
	return r, nil
}

// stages lists what runs on the open store, in the order of a stop.
func (a *Agent) stages(r *rooms) []stage {
	front := []Task{
		task{"admin", r.admin.Run},
		task{"control socket", func(ctx context.Context) error { return r.admin.ServeSocket(ctx, ControlSocket(a.config.DataDir)) }},
	}
	if len(a.config.Input) > 0 {
		front = append(front, task{"buttons", func(ctx context.Context) error { return a.buttons.run(ctx, r.indicator) }})
	}
	if a.secrecy.acme != nil {
		front = append(front, task{"certificate", a.secrecy.acme.Run})
	}
	if a.reach != nil {
		front = append(front, task{"reach", a.reach.run})
	}
	middle := []Task{task{"indicator", r.indicator.Run}}
	for _, d := range r.forwards {
		middle = append(middle, task{"forward " + d.name, d.link.Run}, task{"filter of " + d.name, d.forwarder.Run})
	}
	var behind []Task
	if a.broker != nil {
		behind = append(behind, task{"broker", a.runBroker})
	}
	return []stage{
		{tasks: front, patience: 500 * time.Millisecond}, // an answer under way; whoever reads slowly is cut off later
		{tasks: middle, patience: 3250 * time.Millisecond},
		{tasks: behind, patience: 250 * time.Millisecond},
		{tasks: []Task{essential{task{"store", r.store.Run}}}},
	}
}

// ControlSocket is the path of the socket on which the agent of a data folder
// answers commands.
func ControlSocket(dataDir string) string { return filepath.Join(dataDir, "control.sock") }

func (a *Agent) boardConfig() gpio.Config {
	c := a.config.Board()
	c.Trace, c.Changed, c.Pressed = a.options.Trace, a.signal.Notify, a.buttons.pressed
	c.Working = a.pulses.of("outputs")
	return c
}

func (a *Agent) indication(store *storage.Log) indicator.Config {
	c := a.config.indication()
	c.Seen, c.Now, c.Log = a.census.count, a.options.Now, a.log
	c.Changed, c.Shown = a.signal.Notify, a.metrics.OutputSet
	c.Working = a.pulses.of("indicator")
	c.ClockSet = func() bool { return storage.ClockSet(a.options.Now()) }
	c.Conditions = func() indicator.Conditions {
		n, oldest := store.Undelivered()
		refuses, fills := trouble(store)
		return indicator.Conditions{Undelivered: oldest, ForwardPending: n, Unreachable: a.reach.unreachable(), StoreRefuses: refuses, StoreFills: fills}
	}
	return c
}

// AdminAddr is the address of page and API, or "" while there is none.
func (a *Agent) AdminAddr() string {
	if r := a.open.Load(); r != nil {
		return r.admin.Addr()
	}
	return ""
}

// BrokerAddr is the address of the built-in broker, or "" while there is none.
func (a *Agent) BrokerAddr() string {
	if a.broker == nil {
		return ""
	}
	return a.broker.Addr()
}

// Changed returns a channel that is closed when Status has changed after the
// call.
func (a *Agent) Changed() <-chan struct{} { return a.signal.Changed() }

// runBroker runs the built-in broker, but for the times that it is switched
// off.
func (a *Agent) runBroker(ctx context.Context) error {
	for {
		on, off := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- a.broker.Run(on) }()
		select {
		case err := <-ended:
			off()
			return err
		case <-a.options.Broker:
			off()
			<-ended
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.options.Broker:
		}
	}
}
