package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestFileIsRemovedWhileInUse removes the file, or puts another one in its place:
// what is answered well from then on is there at the next start.
func TestFileIsRemovedWhileInUse(t *testing.T) {
	for what, do := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte("another one"), 0o640), os.Rename(path+".x", path))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			l := openLog(t, dir, testOptions())
			l.append(events(0, 3)...)
			l.cursor("hub").Save(Update{Position: 2})
			if err := do(l.path); err != nil {
				t.Fatal(err)
			}
			l.append(events(3, 2)...)
			if seqs := l.append(events(1, 3)...); seqs[0]+seqs[1]+seqs[2] != 0 {
				t.Errorf("stored once more: %v", seqs)
			}
			l.stop()
			l = openLog(t, dir, testOptions())
			if got := l.sequences(); len(got) != 5 || l.cursor("hub").Position() != 2 {
				t.Errorf("after a restart: %v, at %d", got, l.cursor("hub").Position())
			}
			aside, err := os.ReadFile(damagedPath(dir, 1))
			if what == "replaced" && (err != nil || string(aside) != "another one") {
				t.Errorf("what was put there: %q, %v", aside, err)
			}
		})
	}
	t.Run("folder removed", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		l := openLog(t, dir, testOptions())
		l.append(events(0, 3)...)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(context.Background(), events(3, 1)); !errors.Is(err, ErrBroken) {
			t.Error(err)
		}
		l.cancel()
		l.cancel = nil // what is saved cannot be stored
		<-l.ended
		_ = l.Close()
	})
}
