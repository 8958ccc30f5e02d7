package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// speed has so many connections post as fast as they are answered.
func speed(connections int) func(*bench, context.Context, int) error {
	return func(b *bench, ctx context.Context, round int) error {
		got, err := b.pair(ctx, round, connections, 0)
		if err != nil {
			return err
		}
		f, d := got[floor], got[deskbell]
		b.add(fmt.Sprint("speed-", connections), f.perSecond(), d.perSecond())
		b.add(fmt.Sprint("cpu-", connections), f.perEvent(), d.perEvent())
		b.add(fmt.Sprint("answer-", connections), f.Answer.P99.Seconds(), d.Answer.P99.Seconds())
		return nil
	}
}

// delivery has events come at a rate that everything can keep up with.
func delivery(b *bench, ctx context.Context, round int) error {
	got, err := b.pair(ctx, round, 16, 200)
	if err != nil {
		return err
	}
	b.add("delivery", got[floor].Delivery.P50.Seconds(), got[deskbell].Delivery.P50.Seconds())
	return nil
}

// pair has both programs run under the same load, one after the other. Both keep
// what is delivered until there is no room for more.
func (b *bench) pair(ctx context.Context, round, connections int, rate float64) (map[kind]outcome, error) {
	got := map[kind]outcome{}
	for _, k := range both(round) {
		st, err := b.stage(ctx, k, setting{keep: b.Store / 100 * 85})
		if err != nil {
			return nil, err
		}
		p := st.program.poster(connections)
		p.Rate = rate
		dir := st.program.setting.dir
		got[k], err = b.drive(ctx, st, p, b.Load)
		st.end()
		_ = os.RemoveAll(dir)
		if err != nil {
			return nil, err
		}
	}
	return got, nil
}

// pin reads from deskbell's own histograms how long after its coming an event
// has set a pin, and how long commits took meanwhile. Each event sets one.
func pin(b *bench, ctx context.Context, _ int) error {
	st, err := b.stage(ctx, deskbell, setting{})
	if err != nil {
		return err
	}
	defer st.end()
	before, err := get(ctx, st.program.admin, "/metrics")
	if err != nil {
		return err
	}
	p := st.program.poster(1)
	p.Rate = 200
	o, err := b.driveWith(ctx, st, p, b.Load, load.NewHandovers())
	if err != nil {
		return err
	}
	after, err := get(ctx, st.program.admin, "/metrics")
	if err != nil {
		return err
	}
	during := func(name string) histogram { return readHistogram(after, name).since(readHistogram(before, name)) }
	output, commit := during("deskbell_output_seconds"), during("deskbell_storage_commit_seconds")
	if n := output.count(); n < float64(o.Accepted)/2 {
		return fmt.Errorf("%d events set an output %.0f times only", o.Accepted, n)
	}
	b.add("pin", commit.quantile(.99), output.quantile(.99))
	return nil
}

func strace() error {
	_, err := exec.LookPath("strace")
	return err
}

// syncs counts the system calls that sync, and the commits, while 16
// connections post; then, while events come one at a time, the commits that no
// event was in.
func syncs(b *bench, ctx context.Context, round int) error {
	per, own := map[kind]float64{}, map[kind]float64{}
	for _, k := range both(round) {
		var err error
		if per[k], own[k], err = b.countSyncs(ctx, k); err != nil {
			return err
		}
	}
	b.add("syncs", per[floor], per[deskbell])
	b.add("own-commits", own[floor], own[deskbell])
	return nil
}

// countSyncs returns the syncs a commit, and the commits a second that no event
// was in.
func (b *bench) countSyncs(ctx context.Context, k kind) (per, own float64, err error) {
	trace := filepath.Join(b.dir, "trace")
	st, err := b.stage(ctx, k, setting{tracer: []string{"strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=fsync,fdatasync", "-o", trace}})
	if err != nil {
		return 0, 0, err
	}
	defer st.end()
	if st.program.pid, err = process.Child(st.program.process.PID()); err != nil {
		return 0, 0, err
	}
	var commits [3]float64
	if commits[0], err = st.program.commits(ctx); err != nil {
		return 0, 0, err
	}
	from := time.Now()
	if _, err := b.drive(ctx, st, st.program.poster(16), b.Load/2); err != nil {
		return 0, 0, err
	}
	if !load.Sleep(ctx, 1500*time.Millisecond) { // what is saved afterwards counts as well
		return 0, 0, ctx.Err()
	}
	if commits[1], err = st.program.commits(ctx); err != nil {
		return 0, 0, err
	}
	to := time.Now()
	p := st.program.poster(1)
	p.Rate = 20
	o, err := b.drive(ctx, st, p, 3*time.Second)
	if err != nil {
		return 0, 0, err
	}
	if commits[2], err = st.program.commits(ctx); err != nil {
		return 0, 0, err
	}
	st.end() // now the trace is whole
	n, err := traced(trace, from, to)
	return float64(n) / (commits[1] - commits[0]), (commits[2] - commits[1] - float64(o.Accepted)) / o.Span.Seconds(), err
}

// traced counts the calls that began between two times in what strace wrote:
// a thread, a time, a call.
func traced(file string, from, to time.Time) (n int, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(fields[2], "fsync(") && !strings.HasPrefix(fields[2], "fdatasync(") {
			continue
		}
		at, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", file, err)
		}
		if at >= float64(from.UnixMicro())/1e6 && at <= float64(to.UnixMicro())/1e6 {
			n++
		}
	}
	return n, nil
}
