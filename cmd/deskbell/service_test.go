//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kardianos/service"

	"deskbell/systemd"
)

func TestServiceInstallWritesTheShippedUnit(t *testing.T) {
	home, bin := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("PATH", bin)
	tests := []struct {
		name, executable string
		arguments        []string
		want             func(string) string
	}{
		{"from the package's path it is the same bytes", "/usr/bin/deskbell", nil, func(s string) string { return s }},
		{"from another path, with a configuration", "/opt/a b/deskbell", []string{"--config", "/srv/desk.toml"}, func(s string) string {
			s = strings.ReplaceAll(s, "/usr/bin/deskbell run", `/opt/a\x20b/deskbell run "--config" "/srv/desk.toml"`)
			return strings.ReplaceAll(s, "/usr/bin/deskbell gpio off --for 1s", `/opt/a\x20b/deskbell gpio off --for 1s "--config" "/srv/desk.toml"`)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s service.Service
			for _, system := range service.AvailableSystems() {
				if system.String() != "linux-systemd" {
					continue
				}
				var err error
				s, err = system.New(nil, &service.Config{Name: systemd.Name, Executable: tt.executable, Arguments: tt.arguments, Option: service.KeyValue{
					"SystemdScript": systemd.Script(), "UserService": true,
				}})
				if err != nil {
					t.Fatal(err)
				}
			}
			if s == nil {
				t.Fatal("kardianos/service knows no systemd")
			}
			if err := s.Install(); err != nil {
				t.Fatal(err)
			}
			unit := filepath.Join(home, ".config/systemd/user/deskbell.service")
			got, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.want(systemd.Unit()); string(got) != want {
				t.Errorf("installed\n%s\nwant\n%s", got, want)
			}
			if err := os.Remove(unit); err != nil {
				t.Fatal(err)
			}
		})
	}
}
