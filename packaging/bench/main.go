// Bench measures deskbell beside the floor, the least program that keeps the
// same promise, and prints what deskbell must reach as a table of ratios. Both
// take turns with a real mosquitto; figures are medians of the rounds, and
// only ratios within one run mean something.
//
// It is a report: it ends with 0 unless something could not be measured or an
// event was lost. It needs Linux, go and mosquitto, and for some rows root and
// strace.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// An extent is how much is measured.
type extent struct {
	Rounds int           `json:"rounds"`
	Load   time.Duration `json:"load_ns"`     // of each run
	Away   time.Duration `json:"away_ns"`     // the broker
	Idle   time.Duration `json:"idle_ns"`     // in each round
	Store  int64         `json:"store_bytes"` // of the default
	Large  int64         `json:"large_bytes"` // of a large store
}

var (
	whole = extent{Rounds: 3, Load: 5 * time.Second, Away: 20 * time.Second, Idle: 20 * time.Second, Store: 64 << 20, Large: 512 << 20}
	short = extent{Rounds: 1, Load: 1500 * time.Millisecond, Away: 4 * time.Second, Idle: 5 * time.Second, Store: 16 << 20, Large: 64 << 20}
)

func run(ctx context.Context) error {
	var (
		brief   = flag.Bool("short", false, "one round of short runs with small stores: shows that it works")
		rounds  = flag.Int("rounds", 0, "rounds (default 3, with --short 1)")
		seconds = flag.Float64("seconds", 0, "length of each run under load (default 5, with --short 1.5)")
		only    = flag.String("rows", "", "measure only rows whose name matches this regular expression")
		asJSON  = flag.Bool("json", false, "print JSON")
		root    = flag.String("root", ".", "the repository")
		place   = flag.String("dir", "", "folder on the disk to measure (default: dist in the repository)")
	)
	flag.Parse()
	e := whole
	if *brief {
		e = short
	}
	if *rounds > 0 {
		e.Rounds = *rounds
	}
	if *seconds > 0 {
		e.Load = time.Duration(*seconds * float64(time.Second))
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("what is %q? See --help", flag.Arg(0))
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("--rows: %w", err)
	}
	if *place == "" {
		*place = filepath.Join(*root, "dist")
		if err := os.MkdirAll(*place, 0o755); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(*place, "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	b := &bench{extent: e, dir: dir, root: *root, wanted: wanted, progress: os.Stderr,
		samples: map[string][]sample{}, skipped: map[string]string{}, stores: map[int64]string{}}
	if b.machine, err = describe(dir); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	r := b.report()
	if *asJSON {
		err = r.writeJSON(os.Stdout)
	} else {
		err = r.writeTable(os.Stdout)
	}
	for _, f := range b.faults {
		err = errors.Join(err, errors.New(f))
	}
	return err
}
