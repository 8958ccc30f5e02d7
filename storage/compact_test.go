package storage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func checkHere(_ context.Context, path string) error { return Check(path) }

func TestCompactGivesUnusedSpaceBackAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	l := liveStore(t, dir)
	l.pass(1200)
	l.append(mixed(1202, 1)...)
	l.stop()
	path := storePath(dir)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	want := contents(t, path)
	// What a command that was cut off has left is no hindrance.
	if err := os.WriteFile(filepath.Join(dir, newName), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(t.Context(), dir, checkHere)
	if err != nil || after >= before/2 {
		t.Fatalf("from %d to %d: %v", before, after, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != after || info.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes, %v: %v", info.Size(), info.Mode(), err)
	}
	for _, d := range differences(want, contents(t, path)) {
		t.Error(d)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) != 1 {
		t.Errorf("there is %v", files)
	}
	c := openLog(t, dir, testOptions())
	c.knows(1203)
}

func TestACompactThatCannotBeLeavesTheStoreAsItIs(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Compact(t.Context(), dir, checkHere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a store: %v", err)
	}
	l := liveStore(t, dir)
	if _, _, err := Compact(t.Context(), dir, checkHere); !errors.Is(err, ErrLocked) {
		t.Errorf("of a store in use: %v", err)
	}
	l.stop()
	want, err := os.ReadFile(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	bad := errors.New("it is damaged")
	for name, c := range map[string]struct {
		ctx   context.Context
		check func(context.Context, string) error
		is    error
	}{
		"that is damaged":      {t.Context(), func(context.Context, string) error { return bad }, bad},
		"that is told to stop": {ended, checkHere, context.Canceled},
		"damaged since it was looked through": {t.Context(), func(_ context.Context, path string) error {
			return os.WriteFile(path, bytes.ReplaceAll(want, []byte("event 1200"), []byte("event 12OO")), 0o640)
		}, ErrDamaged},
	} {
		if _, _, err := Compact(c.ctx, dir, c.check); !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "damaged since it was looked through" {
			if err := os.WriteFile(storePath(dir), want, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(storePath(dir)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the store is another one: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, newName)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there is half a new one: %v", name, err)
		}
	}
}
