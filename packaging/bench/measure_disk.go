package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"deskbell/packaging/bench/load"
)

const (
	diskSize  = 256 << 20
	diskStore = 16 << 20 // of the store on it
)

// steps are posts of so many events, each of which is one commit, and how many:
// enough for several trimmings.
var steps = []struct{ events, posts int }{{1, 1024}, {10, 256}, {100, 80}}

// deviceBytes compares what reaches the device for an event, in stores that are
// as full as they get: each commit gives up old events for new ones, as it does
// for most of a store's life.
func deviceBytes(b *bench, ctx context.Context, round int) (err error) {
	d, err := newDisk(b.dir, diskSize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	bytes := map[kind][]float64{}
	for _, k := range both(round) {
		if bytes[k], err = b.bytesAnEvent(ctx, d, k); err != nil {
			return err
		}
	}
	for i, s := range steps {
		b.add(fmt.Sprint("bytes-", s.events), bytes[floor][i], bytes[deskbell][i])
	}
	return nil
}

// bytesAnEvent returns them for each of the steps.
func (b *bench) bytesAnEvent(ctx context.Context, d *disk, k kind) (list []float64, err error) {
	s := setting{dir: filepath.Join(d.folder, string(k)), size: diskStore, ids: true, lines: k == floor, keep: diskStore / 100 * 85}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, err
	}
	st, err := b.stage(ctx, k, s)
	if err != nil {
		return nil, err
	}
	defer st.end()
	p := st.program.poster(1)
	p.Batch, p.Posts = 100, diskStore/800/100*5/4
	if _, err := b.drive(ctx, st, p, 0); err != nil {
		return nil, err
	}
	if err := st.program.trims(ctx); err != nil {
		return nil, err
	}
	for _, step := range steps {
		before, err := d.written()
		if err != nil {
			return nil, err
		}
		p.Batch, p.Posts = step.events, step.posts
		o, err := b.drive(ctx, st, p, 0)
		if err != nil {
			return nil, err
		}
		after, err := d.written()
		if err != nil {
			return nil, err
		}
		list = append(list, float64(after-before)/float64(o.Accepted))
	}
	return list, nil
}

// idleBytes looks at the device while deskbell has nothing to do.
func idleBytes(b *bench, ctx context.Context, _ int) (err error) {
	d, err := newDisk(b.dir, diskSize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	dir := filepath.Join(d.folder, "idle")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	st, err := b.stage(ctx, deskbell, setting{dir: dir})
	if err != nil {
		return err
	}
	defer st.end()
	p := st.program.poster(1)
	p.Posts = 100
	if _, err := b.drive(ctx, st, p, 0); err != nil {
		return err
	}
	// New conversations blink for a while, and cursors are saved.
	if !load.Sleep(ctx, 8*time.Second) {
		return ctx.Err()
	}
	before, err := d.written()
	if err != nil {
		return err
	}
	if !load.Sleep(ctx, b.Idle) {
		return ctx.Err()
	}
	after, err := d.written()
	if err != nil {
		return err
	}
	b.add("idle-bytes", 0, float64(after-before))
	return nil
}
