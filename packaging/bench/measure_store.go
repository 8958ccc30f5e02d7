package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// away takes the broker away while events go on to come.
func away(b *bench, ctx context.Context, round int) error {
	type result struct{ accepted, lost, order, drained float64 }
	got := map[kind]result{}
	for _, k := range both(round) {
		st, err := b.stage(ctx, k, setting{})
		if err != nil {
			return err
		}
		r, drained, err := b.takeAway(ctx, st)
		st.end()
		if err != nil {
			return err
		}
		got[k] = result{float64(r.Accepted) / float64(r.Sent), float64(r.Lost), float64(r.OutOfOrder), drained.Seconds()}
	}
	f, d := got[floor], got[deskbell]
	b.add("away-accepted", f.accepted, d.accepted)
	b.add("away-lost", f.lost, d.lost)
	b.add("away-order", f.order, d.order)
	b.add("away-drained", f.drained, d.drained)
	return nil
}

// takeAway returns what came of the events, and how long after the broker was
// back the last of them had come.
func (b *bench) takeAway(ctx context.Context, st *stage) (r load.Report, drained time.Duration, err error) {
	ledger := load.NewLedger()
	s, err := load.Subscribe(ctx, "tcp://"+st.broker.address, st.program.topic(), ledger)
	if err != nil {
		return r, 0, err
	}
	defer s.Close()
	p := st.program.poster(16)
	p.Rate = 500
	if err := posting(ctx, p, ledger, time.Second); err != nil {
		return r, 0, err
	}
	st.broker.stop()
	if err := posting(ctx, p, ledger, b.Away); err != nil {
		return r, 0, err
	}
	if err := st.broker.start(ctx); err != nil {
		return r, 0, err
	}
	back := time.Now()
	if err := settle(ctx, ledger); err != nil {
		return r, 0, err
	}
	if n, _, last := ledger.Came(back); n > 0 {
		drained = last.Sub(back)
	}
	r = ledger.Report(0)
	b.judge(st.program.kind, r, ledger)
	return r, drained, nil
}

// fullMemory fills the store while the broker is away, and lets it drain. The
// most that deskbell takes meanwhile, beside the mapped store, is compared with
// what it takes before.
func fullMemory(b *bench, ctx context.Context, _ int) error {
	st, err := b.stage(ctx, deskbell, setting{size: b.Store})
	if err != nil {
		return err
	}
	defer st.end()
	ledger := load.NewLedger()
	s, err := load.Subscribe(ctx, "tcp://"+st.broker.address, st.program.topic(), ledger)
	if err != nil {
		return err
	}
	defer s.Close()
	if !load.Sleep(ctx, time.Second) {
		return ctx.Err()
	}
	var most, now int64
	// watch looks at the memory every 0.1 s until done, or ctx ends.
	watch := func(what string, done func() bool) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
		defer cancel()
		for {
			all, mapped, err := process.Memory(st.program.pid, st.program.store())
			if err != nil {
				return err
			}
			now = all - mapped
			most = max(most, now)
			if done() {
				return nil
			}
			if !load.Sleep(ctx, 100*time.Millisecond) {
				return fmt.Errorf("wait until %s: %w", what, ctx.Err())
			}
		}
	}
	if err := watch("it runs", func() bool { return true }); err != nil {
		return err
	}
	empty := now
	st.broker.stop()

	filling, stop := context.WithCancel(ctx)
	defer stop()
	p := st.program.poster(16)
	p.Batch = 10
	ended := make(chan error, 1)
	go func() { ended <- p.Run(filling, ledger) }()
	err = watch("the store is full", func() bool { return ledger.Answered(http.StatusServiceUnavailable) > 0 })
	stop()
	if err2 := <-ended; err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	if err := st.broker.start(ctx); err != nil {
		return err
	}
	if err := watch("the store is drained", func() bool { return ledger.Pending() == 0 }); err != nil {
		return fmt.Errorf("%w: %d events are missing", err, ledger.Pending())
	}
	b.judge(deskbell, ledger.Report(0), ledger)
	b.add("memory-full", float64(empty), float64(most))
	return nil
}

// full returns a folder with a store that is full of delivered events, which it
// makes once: through the front door, with a forward that wants none of them.
func (b *bench) full(ctx context.Context, size int64) (dir string, err error) {
	if dir, ok := b.stores[size]; ok {
		return dir, nil
	}
	b.say("fill a store of %d MiB", size>>20)
	st, err := b.stage(ctx, deskbell, setting{size: size, only: "sla_breached"})
	if err != nil {
		return "", err
	}
	defer st.end()
	p := st.program.poster(4)
	p.Batch = 100
	p.Posts = int(size/800/100/4) * 5 / 4
	if err := posting(ctx, p, load.NewLedger(), 0); err != nil {
		return "", err
	}
	if err := st.program.trims(ctx); err != nil {
		return "", err
	}
	b.stores[size] = st.program.setting.dir
	return b.stores[size], nil
}

// trims makes sure that a store of deskbell is so full that its first events
// were given up.
func (p *program) trims(ctx context.Context) error {
	if p.kind != deskbell {
		return nil
	}
	page, err := get(ctx, p.admin, "/api/status")
	if err != nil {
		return err
	}
	var status struct {
		Storage struct {
			First   uint64 `json:"first_sequence"`
			Records int
		}
	}
	if err := json.Unmarshal([]byte(page), &status); err != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	if status.Storage.First <= 1 {
		return fmt.Errorf("the store is not full of %d events", status.Storage.Records)
	}
	return nil
}

// largeStore compares an event's cost in a large store that is full with that
// in one as large that is empty.
func largeStore(b *bench, ctx context.Context, round int) error {
	full, err := b.full(ctx, b.Large)
	if err != nil {
		return err
	}
	empty, err := b.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(empty) }()
	dirs := []string{empty, full}
	if round%2 == 1 {
		dirs = []string{full, empty}
	}
	got := map[string]outcome{}
	for _, dir := range dirs {
		st, err := b.stage(ctx, deskbell, setting{dir: dir, size: b.Large})
		if err != nil {
			return err
		}
		got[dir], err = b.drive(ctx, st, st.program.poster(16), b.Load)
		st.end()
		if err != nil {
			return err
		}
	}
	b.add("large-time", 1/got[empty].perSecond(), 1/got[full].perSecond())
	b.add("large-cpu", got[empty].perEvent(), got[full].perEvent())
	return nil
}
