package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// A bench is one run of all measurements.
type bench struct {
	extent
	dir      string // of its own, removed at the end
	root     string // the repository
	machine  string
	wanted   *regexp.Regexp // names of rows
	progress io.Writer
	programs map[kind]string // paths

	samples map[string][]sample // by the name of their row
	skipped map[string]string   // why a row has none
	faults  []string            // events that deskbell lost and the like
	stores  map[int64]string    // folders with a full store, by its size
	others  []float64           // share of the machine that others took, a round each
	loads   [2]string           // averages before and after
	took    time.Duration
}

// A sample is one round's pair: what deskbell reached, and beside what.
type sample struct {
	Beside float64 `json:"beside"`
	Value  float64 `json:"value"`
}

// A measurement gives some rows one sample each a round.
type measurement struct {
	rows  []string
	needs func() error // what it cannot be made without; may be nil
	round func(b *bench, ctx context.Context, round int) error
}

func measurements() []measurement {
	return []measurement{
		{rows: []string{"speed-1"}, round: speed(1)},
		{rows: []string{"speed-16", "cpu-16"}, round: speed(16)},
		{rows: []string{"speed-64", "answer-64", "cpu-64"}, round: speed(64)},
		{rows: []string{"delivery"}, round: delivery},
		{rows: []string{"pin"}, round: pin},
		{rows: []string{"syncs", "own-commits"}, needs: strace, round: syncs},
		{rows: []string{"bytes-1", "bytes-10", "bytes-100"}, needs: disks, round: deviceBytes},
		{rows: []string{"idle-bytes"}, needs: disks, round: idleBytes},
		{rows: []string{"away-accepted", "away-lost", "away-order", "away-drained"}, round: away},
		{rows: []string{"memory-full"}, round: fullMemory},
		{rows: []string{"large-time", "large-cpu"}, round: largeStore},
		{rows: []string{"start-cold"}, round: startCold},
		{rows: []string{"start-large"}, round: startLarge},
		{rows: []string{"idle-memory", "first-200"}, round: startEmpty},
		{rows: []string{"armv6"}, round: binarySize},
	}
}

// measure makes all measurements, each in so many rounds. What cannot be made
// is a fault, and the others go on.
func (b *bench) measure(ctx context.Context) error {
	began := time.Now()
	b.loads[0] = loadAverage()
	if b.programs == nil {
		b.say("build")
		var err error
		if b.programs, err = build(ctx, b.root, b.dir, false); err != nil {
			return err
		}
	}
	for _, m := range measurements() {
		if !b.wants(m) {
			continue
		}
		if m.needs != nil {
			if why := m.needs(); why != nil {
				b.skip(m, why)
				continue
			}
		}
		for round := range b.Rounds {
			b.say("%s, round %d of %d", m.rows, round+1, b.Rounds)
			before, err := look()
			if err != nil {
				return err
			}
			if err := m.round(b, ctx, round); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				b.skip(m, err)
				b.faults = append(b.faults, fmt.Sprintf("measure %s: %v", m.rows, err))
				break
			}
			share, err := before.since()
			if err != nil {
				return err
			}
			b.others = append(b.others, share)
		}
	}
	b.loads[1] = loadAverage()
	b.took = time.Since(began)
	return nil
}

func (b *bench) wants(m measurement) bool {
	for _, name := range m.rows {
		if b.wanted.MatchString(name) {
			return true
		}
	}
	return false
}

func (b *bench) skip(m measurement, why error) {
	for _, name := range m.rows {
		b.skipped[name] = why.Error()
	}
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

func (b *bench) add(row string, beside, value float64) {
	b.samples[row] = append(b.samples[row], sample{beside, value})
}

// folder makes an empty one.
func (b *bench) folder() (string, error) { return os.MkdirTemp(b.dir, "store-") }

// A stage is a broker and a program that runs beside it.
type stage struct {
	broker  *broker
	program *program
}

// stage starts both and waits until they are ready.
func (b *bench) stage(ctx context.Context, k kind, s setting) (st *stage, err error) {
	st = &stage{}
	defer func() {
		if err != nil {
			st.end()
		}
	}()
	if st.broker, err = newBroker(b.dir); err != nil {
		return st, err
	}
	if err := st.broker.start(ctx); err != nil {
		return st, err
	}
	s.broker = st.broker
	if s.dir == "" {
		if s.dir, err = b.folder(); err != nil {
			return st, err
		}
	}
	if st.program, err = b.run(k, s); err != nil {
		return st, err
	}
	return st, st.program.ready(ctx)
}

// end ends both. A second call does nothing.
func (st *stage) end() {
	if st.program != nil {
		st.program.stop()
	}
	if st.broker != nil {
		st.broker.end()
	}
	*st = stage{}
}

// An outcome is what one load showed.
type outcome struct {
	load.Report
	cpu time.Duration // that the program used
}

// perSecond is how many events a second came through.
func (o outcome) perSecond() float64 { return float64(o.Delivered) / o.Span.Seconds() }

// perEvent is what an event cost the program, in seconds of CPU.
func (o outcome) perEvent() float64 { return o.cpu.Seconds() / float64(o.Accepted) }

// settleWithin is how long accepted events may take to come before they count
// as lost.
const settleWithin = time.Minute

// drive posts for so long and waits until everything has come. Latencies leave
// out the first tenth.
func (b *bench) drive(ctx context.Context, st *stage, p load.Poster, length time.Duration) (outcome, error) {
	return b.driveWith(ctx, st, p, length, load.NewLedger())
}

func (b *bench) driveWith(ctx context.Context, st *stage, p load.Poster, length time.Duration, ledger *load.Ledger) (o outcome, err error) {
	s, err := load.Subscribe(ctx, "tcp://"+st.broker.address, st.program.topic(), ledger)
	if err != nil {
		return o, err
	}
	defer s.Close()
	before, err := process.CPU(st.program.pid)
	if err != nil {
		return o, err
	}
	if err := posting(ctx, p, ledger, length); err != nil {
		return o, err
	}
	if err := settle(ctx, ledger); err != nil {
		return o, err
	}
	after, err := process.CPU(st.program.pid)
	if err != nil {
		return o, err
	}
	o = outcome{ledger.Report(length / 10), after - before}
	if o.Accepted == 0 {
		return o, fmt.Errorf("%s accepted none of %d events: %v %v", st.program.kind, o.Sent, o.Answers, o.Errors)
	}
	b.judge(st.program.kind, o.Report, ledger)
	return o, nil
}

// posting runs p for so long, or, where length is 0, until its own end.
func posting(ctx context.Context, p load.Poster, l *load.Ledger, length time.Duration) error {
	limited, cancel := ctx, func() {}
	if length > 0 {
		limited, cancel = context.WithTimeout(ctx, length)
	}
	defer cancel()
	if err := p.Run(limited, l); err != nil {
		return err
	}
	return ctx.Err()
}

// settle waits until everything has come, or long enough to call it lost.
func settle(ctx context.Context, l *load.Ledger) error {
	limited, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	_ = l.Settle(limited) // what is missing is in the report
	return ctx.Err()
}

// judge notes what must not be. The floor promises no order.
func (b *bench) judge(k kind, r load.Report, l *load.Ledger) {
	if k == floor {
		r.OutOfOrder = 0
	}
	if f := r.Faults(); f != "" {
		b.faults = append(b.faults, fmt.Sprintf("%s: %s %v", k, f, l.LostMarks(3)))
	}
}
