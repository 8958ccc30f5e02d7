// Command soak runs the program as a user would, for some minutes, under load
// and under everything that may go wrong around it, and holds it to its
// promise: what was answered with 200 reaches the broker.
//
// What is done is drawn from a seed, which is printed. The same seed gives the
// same plan; what it meets depends on the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"deskbell/packaging/bench/load"
)

func main() {
	duration := flag.Duration("duration", 10*time.Minute, "how long faults go on")
	seed := flag.Uint64("seed", 0, "of the plan; 0: draw one")
	race := flag.Bool("race", false, "build the program with the race detector")
	without := flag.String("without", "", "kinds of actions to leave out, with commas between them")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000) + 1
	}
	good, err := run(*duration, *seed, *race, *without, *root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if !good {
		os.Exit(1)
	}
}

func run(duration time.Duration, seed uint64, race bool, without, root string) (good bool, err error) {
	signals, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "deskbell-soak-")
	if err != nil {
		return false, err
	}
	binary := filepath.Join(dir, "deskbell")
	if err := build(signals, root, binary, race); err != nil {
		return false, errors.Join(err, os.RemoveAll(dir))
	}
	l := load.NewLedger()
	s := &soak{books: newBooks(os.Stdout, l), seed: seed, dir: dir, ledger: l, without: without, locks: map[string]*sync.Mutex{}, lasting: map[kind]bool{}}
	s.say("seed %d, %v", seed, duration)
	defer func() {
		err = errors.Join(err, s.close())
		if good || errors.Is(err, errStopped) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := s.open(signals, binary); err != nil {
		return false, fmt.Errorf("start: %w; see %s", err, dir)
	}

	watching, unwatch := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		(&watch{soak: s}).run(watching)
	}()
	s.startLoad(load.Poster{URL: s.agent.url(), Token: token, Connections: 4, Rate: 100, Timeout: 20 * time.Second})
	faults, end := context.WithTimeout(signals, duration)
	s.run(faults)
	end()
	if signals.Err() == nil {
		s.settle(signals)
	}
	unwatch()
	<-watched
	if signals.Err() != nil {
		return false, errStopped
	}
	return s.sum(seed, dir), nil
}

// build makes the program, with a clock that can be set.
func build(ctx context.Context, root, to string, race bool) error {
	args := []string{"build", "-tags", "soak", "-o", to}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/deskbell")...)
	cmd.Dir = root
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, b)
	}
	return nil
}
