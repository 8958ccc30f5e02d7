package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// startCold starts with a full store that the disk has to give, beside one
// reading of it from one end to the other.
func startCold(b *bench, ctx context.Context, _ int) error {
	dir, err := b.full(ctx, b.Store)
	if err != nil {
		return err
	}
	store := filepath.Join(dir, "deskbell.db")
	if err := dropCache(store); err != nil {
		return err
	}
	read, err := readAll(store)
	if err != nil {
		return err
	}
	if err := dropCache(store); err != nil {
		return err
	}
	ready, err := b.timeToReady(ctx, setting{dir: dir, size: b.Store})
	if err != nil {
		return err
	}
	b.add("start-cold", read.Seconds(), ready.Seconds())
	return nil
}

// startLarge starts with a large full store that is in memory, beside one with
// an empty one.
func startLarge(b *bench, ctx context.Context, _ int) error {
	dir, err := b.full(ctx, b.Large)
	if err != nil {
		return err
	}
	none, err := b.folder()
	if err != nil {
		return err
	}
	empty, err := b.timeToReady(ctx, setting{dir: none, size: b.Large})
	if err != nil {
		return err
	}
	if _, err := readAll(filepath.Join(dir, "deskbell.db")); err != nil {
		return err
	}
	ready, err := b.timeToReady(ctx, setting{dir: dir, size: b.Large})
	if err != nil {
		return err
	}
	b.add("start-large", empty.Seconds(), ready.Seconds())
	return nil
}

// timeToReady starts deskbell and returns how long it took until it could store.
func (b *bench) timeToReady(ctx context.Context, s setting) (time.Duration, error) {
	broker, err := newBroker(b.dir) // not started: it does not count
	if err != nil {
		return 0, err
	}
	defer broker.end()
	s.broker = broker
	p, err := b.run(deskbell, s)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	if err := p.ready(ctx); err != nil {
		return 0, err
	}
	return time.Since(p.began), nil
}

// readAll returns how long it takes to read a file.
func readAll(path string) (time.Duration, error) {
	began := time.Now()
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	buffer := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Read(buffer)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return time.Since(began), errors.Join(err, f.Close())
}

// startEmpty starts both programs with nothing: how soon the first event is
// answered, and what they take once they are connected and idle.
func startEmpty(b *bench, ctx context.Context, round int) error {
	first, idle := map[kind]float64{}, map[kind]float64{}
	for _, k := range both(round) {
		broker, err := newBroker(b.dir)
		if err != nil {
			return err
		}
		took, memory, err := b.first200(ctx, k, broker)
		broker.end()
		if err != nil {
			return err
		}
		first[k], idle[k] = took.Seconds(), float64(memory)
	}
	b.add("first-200", first[floor], first[deskbell])
	b.add("idle-memory", idle[floor], idle[deskbell])
	return nil
}

func (b *bench) first200(ctx context.Context, k kind, broker *broker) (took time.Duration, all int64, err error) {
	if err := broker.start(ctx); err != nil {
		return 0, 0, err
	}
	dir, err := b.folder()
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p, err := b.run(k, setting{dir: dir, broker: broker})
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	ledger, poster := load.NewLedger(), p.poster(1)
	poster.Posts, poster.Tries, poster.Pause = 1, 20000, time.Millisecond
	if err := poster.Run(p.process.lives(ctx), ledger); err != nil {
		return 0, 0, err
	}
	took = time.Since(p.began)
	if ledger.Answered(http.StatusOK) != 1 {
		return 0, 0, fmt.Errorf("%s did not answer its first event\n%s", k, p.process.output.String())
	}
	if err := p.ready(ctx); err != nil {
		return 0, 0, err
	}
	if !load.Sleep(ctx, 2*time.Second) {
		return 0, 0, ctx.Err()
	}
	all, _, err = process.Memory(p.pid, p.store())
	return took, all, err
}

// binarySize builds for ARMv6, once.
func binarySize(b *bench, ctx context.Context, round int) error {
	if round > 0 {
		return nil
	}
	dir := filepath.Join(b.dir, "armv6")
	programs, err := build(ctx, b.root, dir, true)
	if err != nil {
		return err
	}
	size := map[kind]float64{}
	for k, path := range programs {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		size[k] = float64(info.Size())
	}
	b.add("armv6", size[floor], size[deskbell])
	return nil
}
