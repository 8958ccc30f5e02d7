//go:build unix

package systemd

import (
	"net"
	"path/filepath"
	"slices"
	"testing"
)

// manager is the receiving end of sd_notify: it returns a function that ends the listening and gives the datagrams in order.
func manager(t *testing.T) func() []string {
	t.Helper()
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", address.Name)
	all := make(chan []string, 1)
	go func() {
		var got []string
		for b := make([]byte, 512); ; {
			n, err := conn.Read(b)
			if err != nil || string(b[:n]) == "end of test" {
				all <- got
				return
			}
			got = append(got, string(b[:n]))
		}
	}()
	return func() []string {
		if err := Notify("end of test"); err != nil {
			t.Fatal(err)
		}
		return <-all
	}
}

func TestTheManagerIsToldInOrder(t *testing.T) {
	told := manager(t)
	for _, err := range []error{Status("checking the store\n12 %"), Ready(), Stopping()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"STATUS=checking the store 12 %", "READY=1", "STOPPING=1"}
	if got := told(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWithoutAManagerNothingIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready(); err != nil {
		t.Error(err)
	}
}

func TestAManagerThatIsGoneIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := Ready(); err == nil {
		t.Error("no error")
	}
}
