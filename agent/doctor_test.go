package agent

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt/mqtttest"
	"deskbell/gpio"
)

// examined is a doctor for a configuration, and the list that it tells to.
func examined(t *testing.T, doc string) (*doctor, *[]Check) {
	t.Helper()
	c, err := Load([]byte(doc), Machine{Host: "lobby", Digits: "abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	var list []Check
	return &doctor{config: c, tell: func(c Check) { list = append(list, c) }, now: time.Now}, &list
}

// wants holds checks against lines such as "warn disk: slow".
func wants(t *testing.T, got []Check, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %q", got, want)
	}
	for i, c := range got {
		line := c.Result + " " + c.Name + ": " + c.Text
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("got %q, want %q", line, want[i])
		}
		if c.Result == CheckFail && c.Remedy == "" && !strings.Contains(c.Text, ": add ") {
			t.Errorf("%q has no remedy", line)
		}
	}
}

func TestDoctorPins(t *testing.T) {
	header := []gpio.Chip{{Name: "gpiochip0", Label: "pinctrl-bcm2835", Header: true, Lines: []gpio.Line{
		{Number: 0, Name: "GPIO17"}, {Number: 1, Name: "GPIO22", Used: true, Consumer: "spi0"},
		{Number: 2, Name: "GPIO23", Used: true, Consumer: "deskbell"}, {Number: 3, Name: "GPIO24", Used: true},
	}}}
	const chip = "ok gpiochip: gpiochip0 (pinctrl-bcm2835), 4 lines"
	for _, tt := range []struct {
		name, doc       string
		err             error
		running, hidden bool
		want            []string
	}{
		{name: "free", doc: "output.lamp = { pin = 'GPIO17' }", want: []string{chip, "ok output lamp: GPIO17 is free"}},
		{name: "held", doc: "output.lamp = { pin = 'GPIO22' }", want: []string{chip, `fail output lamp: GPIO22 is held by "spi0"`}},
		{name: "held by nobody knows", doc: "output.lamp = { pin = 'GPIO24' }", want: []string{chip, "fail output lamp: GPIO24 is held by the kernel"}},
		{name: "ours", doc: "output.lamp = { pin = 'GPIO23' }", running: true, want: []string{chip, "ok output lamp: GPIO23 is the running agent's"}},
		{name: "ours, it seems", doc: "output.lamp = { pin = 'GPIO23' }", hidden: true, want: []string{chip, "warn output lamp: GPIO23 is held by deskbell, perhaps"}},
		{name: "another one's", doc: "output.lamp = { pin = 'GPIO23' }", want: []string{chip, "fail output lamp: GPIO23 is held by another deskbell"}},
		{name: "not there", doc: "output.lamp = { pin = 'GPIO99' }", want: []string{chip, "fail output lamp: no such line"}},
		{name: "a button alone", doc: "input.bell = { pin = 'GPIO22' }", want: []string{chip, `fail input bell: GPIO22 is held by "spi0"`}},
		{name: "a tone without PWM", doc: "output.horn = { pin = 'GPIO18', kind = 'tone' }", want: []string{chip, "fail output horn: no pwm"}},
		{name: "simulated", doc: "gpio.driver = 'simulated'\noutput.lamp = { pin = 'GPIO99' }", err: gpio.ErrNoChip, want: []string{"ok gpiochip: none is needed"}},
		{name: "no chip", doc: "output.lamp = { pin = 'GPIO17' }", err: gpio.ErrNoChip, want: []string{"warn gpiochip: this machine has none"}},
		{name: "no chip, and one is a must", doc: "gpio.driver = 'chip'\noutput.lamp = { pin = 'GPIO17' }", err: gpio.ErrNoChip, want: []string{"fail gpiochip: this machine has none"}},
		{name: "not permitted", doc: "output.lamp = { pin = 'GPIO17' }", err: fs.ErrPermission, want: []string{"fail gpiochip: permission denied"}},
		{name: "broken", doc: "output.lamp = { pin = 'GPIO17' }", err: errors.New("odd"), want: []string{"fail gpiochip: it cannot be read: odd"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, list := examined(t, tt.doc)
			d.lines = func() ([]gpio.Chip, error) { return header, tt.err }
			d.tone = func(string) error { return gpio.ErrNoPWM }
			d.hidden = tt.hidden
			if tt.running {
				d.status = &admin.Status{}
			}
			d.pins(t.Context())
			for i := range *list { // a tone's error says what helps, but this one is bare
				if (*list)[i].Name == "output horn" {
					(*list)[i].Remedy = "in the text"
				}
			}
			wants(t, *list, tt.want...)
		})
	}
}

func TestDoctorPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for _, tt := range []struct {
		name, address   string
		running, hidden bool
		kept            string
		problem, want   string
	}{
		{name: "of a service that starts again", address: taken, kept: "activating (auto-restart)", want: "warn webhook port: " + taken + " is kept for the service, which is activating (auto-restart)"},
		{name: "free", address: "127.0.0.1:0", want: "ok webhook port: 127.0.0.1:0 is free"},
		{name: "taken", address: taken, want: "fail webhook port: " + taken + " is taken by another program"},
		{name: "ours", address: taken, running: true, want: "ok webhook port: " + taken + " is the running agent's"},
		{name: "not ours", address: taken, running: true, problem: "page: listen tcp " + taken + ": bind: address already in use",
			want: "fail webhook port: the running agent cannot have " + taken},
		{name: "ours, it seems", address: taken, hidden: true, want: "warn webhook port: " + taken + " is taken, perhaps"},
		{name: "of another machine", address: "192.0.2.1:8080", want: "fail webhook port: 192.0.2.1:8080 is no address of this machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, list := examined(t, "")
			d.hidden = tt.hidden
			d.kept = func(context.Context) string { return tt.kept }
			if tt.running {
				d.status = &admin.Status{Problems: []string{tt.problem}}
			}
			d.port(t.Context(), "webhook port", "webhook.listen", tt.address)
			wants(t, *list, tt.want)
		})
	}
}

func TestDoctorLooksAtDiskAndClock(t *testing.T) {
	d, list := examined(t, "")
	d.latency([]time.Duration{300 * time.Millisecond, time.Millisecond, 200 * time.Millisecond})
	d.latency([]time.Duration{300 * time.Millisecond, time.Millisecond, 2 * time.Millisecond})
	d.now = func() time.Time { return time.Unix(0, 0) }
	d.clock(t.Context())
	wants(t, *list, "warn disk: a sync takes 200ms (median of 3, at most 300ms)", "ok disk: a sync takes 2ms", "warn clock: it was never set: it shows 1970-01-01")
}

func TestDoctorLeavesNothingInTheDataFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := syncs(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
	d, list := examined(t, "")
	d.config.DataDir = filepath.Join(dir, "file")
	if err := os.WriteFile(d.config.DataDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.folder(t.Context())
	wants(t, *list, "fail data folder: "+d.config.DataDir+" is no folder")
}

func TestDoctorTellsOfAFolderForEverybody(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its folders have no mode")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	d, list := examined(t, "")
	d.config.DataDir = dir
	d.folder(t.Context())
	if first := (*list)[0]; first.Result != CheckWarn || !strings.Contains(first.Text, "every user of this machine") || first.Remedy != "chmod o-w "+dir {
		t.Errorf("%+v", *list)
	}
}

// The session of the running agent must stay its own.
func TestDoctorLogsInUnderItsOwnID(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &mqtttest.Fake{}
	done := make(chan struct{})
	go func() { defer close(done); f.Serve(l) }()
	defer func() { l.Close(); f.Close(); <-done }()
	d, list := examined(t, "forward = [{ name = 'hub', broker = 'mqtt://"+l.Addr().String()+"', username = 'desk', client_id = 'box' }]")
	d.forwards(t.Context())
	wants(t, *list, "ok forward hub: ")
	logins := f.Logins()
	if len(logins) != 1 || !strings.HasPrefix(logins[0].ClientID, "deskbell-doctor-") || len(logins[0].ClientID) > 23 || logins[0].Username != "desk" || logins[0].WillTopic != "" {
		t.Errorf("logins: %+v", logins)
	}
}

func TestDoctorBelievesTheRunningAgentOfItsBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody is there
	d, list := examined(t, "forward = [{ name = 'hub', broker = 'mqtt://"+l.Addr().String()+"' }, { name = 'local', broker = 'embedded' }]")
	d.status = &admin.Status{Forward: []admin.ForwardStatus{{Name: "hub", Connected: true}, {Name: "local", LastError: "odd"}}}
	d.forwards(t.Context())
	wants(t, *list, "warn forward hub: the running agent is connected", "fail forward local: the built-in broker: odd")
}
