// Command deskbell is the box at a front desk that never misses a chat: it
// takes the webhooks of a live-chat platform, stores every event before it
// answers, forwards them to MQTT brokers, and drives lights and buzzers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at build time by -ldflags "-X main.version=…".
var version = "dev"

// The exit statuses.
const (
	exitGood    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3 // run refuses its configuration
)

func main() {
	// A write to a pipe that nobody reads is an error then, and not the end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, errorStream())
	stop()
	os.Exit(code)
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(output{stdout})
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, errReaderGone) {
		return exitGood
	}
	var f *failure
	if !errors.As(err, &f) { // from cobra itself: an unknown command, flag or a wrong number of arguments
		f = &failure{code: exitUsage, err: err, hint: "see: deskbell --help"}
		if text, meant, ok := strings.Cut(err.Error(), "\n\nDid you mean this?\n"); ok {
			f.err, f.hint = errors.New(text), "did you mean: deskbell "+strings.Join(strings.Fields(meant), ", deskbell ")
		}
	}
	if f.err != nil {
		for line := range strings.Lines(f.err.Error()) {
			fmt.Fprintf(stderr, "deskbell: error: %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	if f.hint != "" {
		fmt.Fprintf(stderr, "deskbell: hint: %s\n", f.hint)
	}
	return f.code
}

// errReaderGone says that nobody reads the output any more, such as head when
// it has seen enough. That is no failure.
var errReaderGone = errors.New("nobody reads the output")

// output is standard output, which knows errReaderGone.
type output struct{ w io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = errReaderGone
	}
	return n, err
}

// failure is an error with its exit status and, where there is one, a remedy.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// wrong is a failure of usage.
func wrong(hint, format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// failed is a failure with a remedy.
func failed(err error, hint string) error {
	return &failure{code: exitFailed, err: err, hint: hint}
}

// group makes a command that only has subcommands: anything else is wrong
// usage, and none prints the help.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return wrong("see: "+cmd.CommandPath()+" --help", "unknown command %q for %q", args[0], cmd.CommandPath())
		}
		return cmd.Help()
	})
	return cmd
}

// does makes a function a command's RunE: its plain errors are failures.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		var told *failure
		if err == nil || errors.As(err, &told) {
			return err
		}
		return &failure{code: exitFailed, err: err}
	}
}
