package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestSalvageOnAFullDisk(t *testing.T) {
	disk := mount(t, 1<<20)
	p := newPatient(t)
	to := filepath.Join(disk, fileName)
	if _, err := Salvage(context.Background(), p.path, to, 1<<30); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// TestBadSectors has the kernel answer EIO to some reads, in a child.
func TestBadSectors(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	p := newPatient(t)
	for _, when := range []string{"1", "2", "3..5", "20..23", "100..300+7"} {
		to := filepath.Join(t.TempDir(), fileName)
		cmd := child(t.Context(), "salvage", p.path, to, fmt.Sprint(1<<30))
		cmd.Args = append([]string{strace, "-f", "-o", os.DevNull, "-P", p.path, "-e", "trace=pread64", "-e", "inject=pread64:error=EIO:when=" + when}, cmd.Args...)
		cmd.Path = strace
		out, err := cmd.Output()
		var r Report
		if err == nil {
			err = json.Unmarshal(out, &r)
		}
		if err != nil || r.Places == 0 || r.Records < 500 {
			t.Errorf("EIO at read %s: %v, %s", when, err, out)
			continue
		}
		t.Logf("EIO at read %s: %+v", when, r)
		if err := Check(to); err != nil {
			t.Errorf("EIO at read %s: %v", when, err)
		}
		got, lost := contents(t, to), uint64(0)
		for seq := uint64(1); seq <= 1204; seq++ {
			was, is := data(p.healthy, seq), data(got, seq)
			if is != "" && is != was {
				t.Errorf("EIO at read %s: event %d is %.20q", when, seq, is)
			}
			if was != "" && is == "" && seq > 530 {
				lost++
			}
		}
		if lost > r.Missing {
			t.Errorf("EIO at read %s: %d events are lost, %+v", when, lost, r)
		}
	}
}
