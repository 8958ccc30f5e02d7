package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/storage"
)

func backupCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the store, while it is in use or not",
		Long: `Writes a consistent copy of the store to a file. With the agent stopped, it is
put in place as deskbell.db in the data folder, owned by the user of the agent;
events that were delivered since it was made are then sent again.`,
		Example: "  deskbell backup /mnt/usb/deskbell.db",
		Args:    cobra.ExactArgs(1),
	})
	force := cmd.Flags().Bool("force", false, "replace a file that is there")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, err := loadPublic(cmd)
		if err != nil {
			return err
		}
		if err := mayWrite(args[0], c.DataDir, *force); err != nil {
			return err
		}
		s, err := openSource(cmd)
		if err != nil {
			return err
		}
		defer s.Close()
		r, err := s.backup(cmd.Context(), c)
		if err != nil {
			return told(err)
		}
		defer r.Close()
		found, err := storage.Restore(cmd.Context(), r, args[0], *force)
		if err != nil {
			return failed(err, backupHint(err))
		}
		return tellBackup(cmd, args[0], found)
	})
	return cmd
}

// mayWrite says whether a backup may be written to a file.
func mayWrite(file, dataDir string, force bool) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(file)); err != nil {
			return failed(fmt.Errorf("write a backup to %s: %w", file, err), "make the folder first")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("write a backup to %s: %w", file, err)
	}
	store, err := os.Stat(filepath.Join(dataDir, "deskbell.db"))
	switch {
	case info.IsDir():
		return failed(fmt.Errorf("%s is a folder", file), "name a file in it")
	case err == nil && os.SameFile(info, store):
		return failed(fmt.Errorf("%s is the store itself", file), "name another file")
	case !force:
		return failed(fmt.Errorf("%s is there already", file), "to replace it, add --force")
	}
	return nil
}

// backup is the backup of the running agent, or of a stopped one's store.
func (s *source) backup(ctx context.Context, c agent.Config) (io.ReadCloser, error) {
	if s.reader == nil {
		return s.api.Backup(ctx)
	}
	if err := soundStore(ctx, c.DataDir); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.reader.Backup(ctx, w)) }()
	return r, nil
}

// soundStore returns an error unless the store of a stopped agent is known to
// be whole.
func soundStore(ctx context.Context, dataDir string) error {
	err := checkStore(ctx, filepath.Join(dataDir, "deskbell.db"), func() {})
	if err == nil || ctx.Err() != nil || errors.Is(err, storage.ErrUnchecked) {
		return err
	}
	return failed(fmt.Errorf("the store in %s is damaged: %w", dataDir, err), savesHint)
}

// savesHint is what to do about a damaged store.
const savesHint = "start the agent once: it saves what can be read and begins a new store with it"

func backupHint(err error) string {
	switch {
	case errors.Is(err, storage.ErrNoSpace):
		return "make room there, or name a file on another disk"
	case errors.Is(err, fs.ErrPermission):
		return "name a file where you may write"
	}
	return ""
}

func tellBackup(cmd *cobra.Command, file string, found storage.Restored) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]any{"file": file, "bytes": info.Size(), "events": found.Records, "left_out": found.LeftOut})
	}
	if found.LeftOut > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d places of the store cannot be read and are not in it: the disk or card may be failing\n", found.LeftOut)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s in %s (%d KiB)\n", eventCount(found.Records), file, info.Size()>>10)
	return err
}
