package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// savedOptions are those of an agent.
func savedOptions() Options {
	o := testOptions()
	o.Check, o.Salvage = checkInChild, salvageInChild
	return o
}

// damagedFilesOf are the names of what lies beside the store.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func TestDamagedStoreIsSaved(t *testing.T) {
	p := newPatient(t)
	p.spoil(p.find("events", sequenceKey(900)))
	damaged, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	aside := p.path + ".damaged-1"
	for start := range 3 {
		l := openLog(t, p.dir, savedOptions())
		problems := l.Problems()
		if start < 2 && (len(problems) != 1 || !strings.Contains(problems[0], aside)) || start == 0 && !strings.Contains(problems[0], "events were saved") || start == 2 && len(problems) > 0 {
			t.Errorf("start %d: problems: %q", start, problems)
		}
		if got := l.sequences(); len(got) < count(p.healthy, "events ")-10 || slices.Contains(got, 900) || !slices.Contains(got, 1204) {
			t.Errorf("start %d: %d events", start, len(got))
		}
		if got := l.cursor("hub"); got.Position() != 530 || !slices.Equal(got.Held(), []uint64{7, 300}) {
			t.Errorf("start %d: hub at %d holds %v", start, got.Position(), got.Held())
		}
		l.stop()
		if got, err := os.ReadFile(aside); start < 2 && (err != nil || !bytes.Equal(got, damaged)) {
			t.Errorf("set aside: %d bytes, %v", len(got), err)
		}
		if start == 1 {
			if err := os.Remove(aside); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := namesIn(t, p.dir); !slices.Equal(got, []string{fileName}) {
		t.Errorf("%q", got)
	}
}

// TestNothingCanBeSaved: of the file, or by the child.
func TestNothingCanBeSaved(t *testing.T) {
	for name, salvage := range map[string]func(context.Context, string, string, int64) (Report, error){
		"it crashes": func(context.Context, string, string, int64) (Report, error) { return Report{}, errors.New("a crash") },
		"it crashes halfway": func(_ context.Context, _, to string, _ int64) (Report, error) {
			return Report{}, errors.Join(os.WriteFile(to, []byte("half"), 0o600), errors.New("a crash"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t)
			p.spoil(p.find("events", sequenceKey(900)))
			o := savedOptions()
			o.Salvage = salvage
			l := openLog(t, p.dir, o)
			if got := l.append(event("anew")); got[0] != 1 {
				t.Errorf("the new store begins with %v", got)
			}
			if got := l.Problems(); len(got) != 1 || !strings.Contains(got[0], ".damaged-1") {
				t.Errorf("%q", got)
			}
			if got := namesIn(t, p.dir); len(got) != 2 {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestSalvageThatIsStopped leaves everything as it is.
func TestSalvageThatIsStopped(t *testing.T) {
	p := newPatient(t)
	p.spoil(p.find("events", sequenceKey(900)))
	ctx, cancel := context.WithCancel(context.Background())
	o := savedOptions()
	o.Salvage = func(context.Context, string, string, int64) (Report, error) {
		cancel()
		return Report{}, errors.New("killed")
	}
	if _, err := Open(ctx, p.dir, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := namesIn(t, p.dir); !slices.Equal(got, []string{fileName}) {
		t.Errorf("%q", got)
	}
}

// TestStartsThatWereCutOff leave the folder in a state that the next start makes
// the whole store of: nothing is lost, and nothing is set aside twice.
func TestStartsThatWereCutOff(t *testing.T) {
	type folder struct{ path, fresh, aside string }
	for _, test := range []struct {
		name  string
		state func(t *testing.T, f folder)
		aside int // damaged files after that
	}{
		{"saved, and not synced", func(t *testing.T, f folder) {
			patch(t, f.fresh, func(data []byte) { clear(data[3*pageSize:]) })
		}, 1},
		{"saved", func(*testing.T, folder) {}, 1},
		{"saved, and set aside by a link", func(t *testing.T, f folder) {
			if err := os.Link(f.path, f.aside); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"set aside by another name, where there are no links", func(t *testing.T, f folder) {
			if err := os.Rename(f.path, f.aside); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"done", func(t *testing.T, f folder) {
			if err := errors.Join(os.Link(f.path, f.aside), os.Rename(f.fresh, f.path)); err != nil {
				t.Fatal(err)
			}
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t)
			p.spoil(p.rootOf(p.commit, "events"))
			f := folder{p.path, filepath.Join(p.dir, newName), p.path + ".damaged-1"}
			if _, err := Salvage(context.Background(), f.path, f.fresh, 1<<30); err != nil {
				t.Fatal(err)
			}
			test.state(t, f)
			for range 3 {
				l := openLog(t, p.dir, savedOptions())
				if got, want := len(l.sequences()), count(p.healthy, "events ")-1; got != want {
					t.Errorf("%d events of %d", got, want)
				}
				l.stop()
			}
			if got := namesIn(t, p.dir); len(got) != 1+test.aside {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestLinkOfASoundStore: a mend was cut off, and the file was sound after all.
func TestLinkOfASoundStore(t *testing.T) {
	p := newPatient(t)
	if err := os.Link(p.path, p.path+".damaged-4"); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, p.dir, savedOptions())
	if got := l.Problems(); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if got := namesIn(t, p.dir); !slices.Equal(got, []string{fileName}) {
		t.Errorf("%q", got)
	}
}

// TestRemainsBesideAnOldDamage: a creation was cut off, long after a damaged
// store was set aside. That one is not taken for the store.
func TestRemainsBesideAnOldDamage(t *testing.T) {
	p := newPatient(t)
	if err := errors.Join(os.Rename(p.path, p.path+".damaged-1"), os.WriteFile(filepath.Join(p.dir, newName), make([]byte, 5000), 0o600)); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, p.dir, savedOptions())
	if got := l.sequences(); len(got) > 0 {
		t.Errorf("%d events", len(got))
	}
}

func TestNewestThreeDamagedStoresAreKept(t *testing.T) {
	p := newPatient(t)
	for i := range 5 {
		p.spoil(uint64(i % 2))
		openLog(t, p.dir, savedOptions()).stop()
	}
	if got := namesIn(t, p.dir); fmt.Sprint(got) != "[deskbell.db deskbell.db.damaged-3 deskbell.db.damaged-4 deskbell.db.damaged-5]" {
		t.Errorf("%q", got)
	}
}

// startStore is the child: it opens the store, all in one process.
func startStore(dir string) error {
	o := testOptions()
	o.Check = func(_ context.Context, path string) error { return checkTree(path) }
	o.Salvage = Salvage
	l, err := Open(context.Background(), dir, o)
	if err != nil {
		return err
	}
	return l.Close()
}
