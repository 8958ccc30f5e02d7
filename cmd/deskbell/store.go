package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"deskbell/storage"
)

// What check-store exits with when it has found damage, and salvage-store when
// there is no room for the new file; any other status but 0 and that of a crash
// says nothing about the store.
const (
	exitDamaged = 4
	exitNoSpace = 5
)

// salvageFor is how long salvage-store may take. It stops reading and copying
// earlier by itself, and what it has then is a whole store, so this is for a disk
// that gives no answer at all. The unit of the service gives more time to a start.
const salvageFor = 8 * time.Minute

// checkStoreCommand looks a store through in a process of its own, which the
// agent starts before it opens the store: on a damaged file it may die.
func checkStoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "check-store FILE",
		Short:  "Look a store through (used by run)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer tellProgress(cmd.OutOrStdout())()
			err := storage.Check(args[0])
			if err == nil || isShort(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrNewer) {
				return err
			}
			return &failure{code: exitDamaged, err: err}
		}),
	}
}

// checkStore runs check-store. Its error means that the store is damaged, which
// a crash of the child shows too, unless it is a storage.ErrUnchecked: a child
// that was stopped, for one, says nothing about the store.
func checkStore(ctx context.Context, path string, progress func()) error {
	cmd, err := ourselves(ctx, "check-store", path)
	if err != nil {
		return err
	}
	cmd.Stdout = progressing{io.Discard, progress}
	said, exit, err := runApart(cmd)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case exit == nil:
		return err
	case exit.ExitCode() == exitDamaged:
		return errors.New(said)
	case crashed(exit):
		return fmt.Errorf("looking it through ended in a crash (%s)", exit)
	}
	return fmt.Errorf("%w: %s (%s)", storage.ErrUnchecked, said, exit)
}

// ourselves is a command of this very program: after an upgrade its path leads
// to another version, which need not understand what it is asked.
func ourselves(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("%w: find this program: %w", storage.ErrUnchecked, err)
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Args[0] = os.Args[0]
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		cmd.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", limit/2)) // beside ours, in the limit of the service
	}
	return cmd, nil
}

// runApart runs a command of this program on the store. It returns what that
// said and how it ended, where it did not end well; else why it could not be
// run.
func runApart(cmd *exec.Cmd) (said string, exit *exec.ExitError, err error) {
	// A child that is to die with this process dies with the thread that started
	// it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all bytes.Buffer
	cmd.Stderr = &all
	apart(cmd)
	err = cmd.Run()
	switch {
	case err == nil:
		return "", nil, nil
	case errors.As(err, &exit) && crashed(exit) && ranShort(all.String()):
		return "", nil, fmt.Errorf("%w: %s (%s)", storage.ErrUnchecked, firstLine(all.String()), exit)
	case errors.As(err, &exit):
		return firstLine(all.String()), exit, nil
	}
	return "", nil, fmt.Errorf("%w: %w", storage.ErrUnchecked, err)
}

// isShort tells an error of a machine that is short of something from one of the store: that is not damaged, and as sound as before
// once there is enough again.
func isShort(err error) bool {
	for _, short := range []syscall.Errno{syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOLCK} {
		if errors.Is(err, short) {
			return true
		}
	}
	return false
}

// ranShort is isShort for a Go program that has died of it, by what that said.
func ranShort(said string) bool {
	for _, short := range []string{
		"failed to create new OS thread", "pthread_create failed", "out of memory", "cannot allocate memory", "failed to reserve page summary memory",
		"netpollinit failed", "eventfd failed",
	} {
		if strings.Contains(said, short) {
			return true
		}
	}
	return false
}

// salvageStoreCommand makes a store of what can be read of a damaged one, in a
// process of its own, for which the time is limited.
func salvageStoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "salvage-store FROM TO LIMIT",
		Short:  "Make a store of what can be read of a damaged one (used by run)",
		Hidden: true,
		Args:   cobra.ExactArgs(3),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			limit, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return &failure{code: exitUsage, err: fmt.Errorf("limit %q: %w", args[2], err)}
			}
			ended := tellProgress(cmd.OutOrStdout())
			report, err := storage.Salvage(cmd.Context(), args[0], args[1], limit)
			ended()
			if errors.Is(err, storage.ErrNoSpace) {
				return &failure{code: exitNoSpace, err: err}
			}
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
		}),
	}
}

// salvageStore runs salvage-store. An error that is neither storage.ErrNoSpace
// nor storage.ErrUnchecked means that nothing can be read of the store.
func salvageStore(ctx context.Context, from, to string, limit int64, progress func()) (r storage.Report, err error) {
	limited, cancel := context.WithTimeout(ctx, salvageFor)
	defer cancel()
	cmd, err := ourselves(limited, "salvage-store", from, to, strconv.FormatInt(limit, 10))
	if err != nil {
		return r, err
	}
	var out bytes.Buffer
	cmd.Stdout = progressing{&out, progress}
	said, exit, err := runApart(cmd)
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case limited.Err() != nil:
		return r, fmt.Errorf("it was not done after %v", salvageFor)
	case exit == nil && err == nil:
		return r, json.Unmarshal(out.Bytes(), &r)
	case exit == nil:
		return r, err
	case exit.ExitCode() == exitNoSpace:
		return r, fmt.Errorf("%w: %s", storage.ErrNoSpace, said)
	case crashed(exit):
		return r, fmt.Errorf("it ended in a crash (%s)", exit)
	}
	return r, fmt.Errorf("%w: %s (%s)", storage.ErrUnchecked, said, exit)
}

func firstLine(s string) string {
	line, _, _ := bytes.Cut([]byte(s), []byte("\n"))
	return string(bytes.TrimPrefix(line, []byte("deskbell: error: ")))
}
