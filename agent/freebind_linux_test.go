package agent

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// TestAnAddressThatIsNotThereYet: a router may boot for longer than this
// machine.
func TestAnAddressThatIsNotThereYet(t *testing.T) {
	for address, want := range map[string]bool{"192.0.2.1": true, "2001:db8::1": true, "127.0.0.1": false, "::": false, "0.0.0.0": false} {
		host := address
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		c, err := Load([]byte("data_dir = '"+t.TempDir()+"'\nwebhook = { listen = '"+host+":0', tokens = ['secret'] }\nadmin = { listen = '"+host+":0', password = 'x' }\n[[forward]]\nname='a'\nbroker='mqtt://127.0.0.1:1'"), testMachine)
		if err != nil {
			t.Fatal(err)
		}
		ready := make(chan struct{})
		a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- a.Run(ctx) }()
		select {
		case <-ready:
		case err := <-done:
			t.Fatalf("%s: %v", address, err)
		}
		until(t, a, "the page is served", func() bool { return a.AdminAddr() != "" })
		told := func(what string) bool {
			return slices.ContainsFunc(a.Status().Problems, func(p string) bool {
				return strings.HasPrefix(p, what+": no network interface of this machine has the address "+address)
			})
		}
		if told("webhook") != want || told("admin") != want {
			t.Errorf("%s: %q", address, a.Status().Problems)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
