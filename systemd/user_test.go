package systemd

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// TestMakeUser runs against programs that only write down how they were called.
func TestMakeUser(t *testing.T) {
	if _, err := user.LookupGroup(Name); err == nil {
		t.Skip("this machine has the group deskbell")
	}
	for want, programs := range map[string][]string{
		"systemd-sysusers -\n": {"systemd-sysusers", "useradd", "adduser", "addgroup"},
		"useradd --system --user-group --no-create-home --home-dir /var/lib/deskbell --shell /sbin/nologin --comment deskbell agent deskbell\n": {"useradd", "adduser", "addgroup"},
		"addgroup -S deskbell\nadduser -S -D -H -h /var/lib/deskbell -s /sbin/nologin -G deskbell -g deskbell agent deskbell\n":                 {"adduser", "addgroup"},
	} {
		bin := t.TempDir()
		for _, name := range programs {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho "+name+" \"$@\" >>"+bin+"/called\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", bin)
		if err := makeUser(t.Context()); err != nil {
			t.Fatal(err)
		}
		called, err := os.ReadFile(filepath.Join(bin, "called"))
		if err != nil || string(called) != want {
			t.Errorf("%v: called %q, %v", programs, called, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := makeUser(t.Context()); err == nil || !strings.Contains(err.Error(), "addgroup") {
		t.Errorf("without any program: %v", err)
	}
}
