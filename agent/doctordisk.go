package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

const (
	slowSync  = 100 * time.Millisecond // a good SD card takes 5 to 30 ms
	syncTries = 5
	leastFree = 1 << 20 // bytes; with less not even a few events fit
)

// folder looks whether the data folder can be written, how long its disk takes
// to sync, and whether the store can grow as it may.
func (d *doctor) folder(ctx context.Context) {
	const name = "data folder"
	dir := d.config.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.warn(name, dir+" is not there yet", "the service and deskbell run make it, where their user may: sudo mkdir -p "+dir)
		return
	case err == nil && !info.IsDir():
		d.fail(name, dir+" is no folder", "move it away, or give data_dir another name")
		return
	}
	var took []time.Duration
	if err == nil && info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows" {
		d.warn(name, "every user of this machine may write into "+dir+", and so put another store there", "chmod o-w "+dir)
	}
	if err == nil {
		took, err = syncs(ctx, dir)
	}
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, fs.ErrPermission) && (d.status != nil || d.hidden):
		d.good(name, dir+" is the running agent's alone")
	case errors.Is(err, fs.ErrPermission):
		d.fail(name, dir+" cannot be written by this user", "run it as root or as the user of the service, to whom the folder must belong")
	case err != nil:
		d.fail(name, err.Error(), "make room on the disk, or look at dmesg: a disk that fails is mounted read-only")
	default:
		d.good(name, dir+" can be written")
		d.latency(took)
	}
	d.space(dir)
}

func (d *doctor) latency(took []time.Duration) {
	slices.Sort(took)
	median := took[len(took)/2]
	text := fmt.Sprintf("a sync takes %v (median of %d, at most %v)", short(median), len(took), short(took[len(took)-1]))
	if median > slowSync {
		d.warn("disk", text, "each event waits for one: take a faster card or an SSD, or find what else writes to it")
		return
	}
	d.good("disk", text)
}

func short(t time.Duration) time.Duration { return t.Round(100 * time.Microsecond) }

func (d *doctor) space(dir string) {
	free, err := freeSpace(dir)
	if err != nil {
		return // not known on this system
	}
	need := int64(d.config.Storage.MaxSize)
	if info, err := os.Stat(filepath.Join(dir, "deskbell.db")); err == nil {
		need = max(0, need-info.Size())
	}
	text := fmt.Sprintf("%d MiB are free", free>>20)
	switch {
	case free < leastFree:
		d.fail("free space", text, "make room on the disk of "+dir)
	case free < uint64(need):
		d.warn("free space", fmt.Sprintf("%s, and the store may grow by %d MiB", text, need>>20), "make room on the disk of "+dir+", or lower storage.max_size")
	default:
		d.good("free space", text)
	}
}

// syncs writes and syncs a small file in dir a few times, removes it, and says
// how long each took. It returns at least one time, or an error.
func syncs(ctx context.Context, dir string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	page := make([]byte, 4096)
	for range syncTries {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
