package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"deskbell/storage"
)

// exitDamaged is what check-store exits with when it has found damage; any
// other status but 0 and that of a crash says nothing about the store.
const exitDamaged = 4

// checkStoreCommand looks a store through in a process of its own, which the
// agent starts before it opens the store: on a damaged file it may die.
func checkStoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "check-store FILE",
		Short:  "Look a store through (used by run)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: does(func(_ *cobra.Command, args []string) error {
			err := storage.Check(args[0])
			if err == nil || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrNewer) {
				return err
			}
			return &failure{code: exitDamaged, err: err}
		}),
	}
}

// checkStore runs check-store. Its error means that the store is damaged, which
// a crash of the child shows too, unless it is a storage.ErrUnchecked: a child
// that was stopped, for one, says nothing about the store.
func checkStore(ctx context.Context, path string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%w: find this program: %w", storage.ErrUnchecked, err)
	}
	cmd := exec.CommandContext(ctx, self, "check-store", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	apart(cmd)
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &exit):
		return fmt.Errorf("%w: %w", storage.ErrUnchecked, err)
	case exit.ExitCode() == exitDamaged:
		return errors.New(firstLine(said.String()))
	case crashed(exit):
		return fmt.Errorf("looking it through ended in a crash (%s)", exit)
	}
	return fmt.Errorf("%w: %s (%s)", storage.ErrUnchecked, firstLine(said.String()), exit)
}

func firstLine(s string) string {
	line, _, _ := bytes.Cut([]byte(s), []byte("\n"))
	return string(bytes.TrimPrefix(line, []byte("deskbell: error: ")))
}
