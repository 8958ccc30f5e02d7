package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

// A desk is a Device that notes what it is told to do.
type desk struct {
	mu      sync.Mutex
	payload string
	outputs map[string]string
	inputs  []string // each is as its name says
	presses []Press
	changed chan struct{}
	done    []string
	broken  error
	hub     *Hub // that shows it
}

func newDesk() *desk {
	return &desk{payload: `{"open":0}`, outputs: map[string]string{"lamp": "on", "buzzer": "off"}, changed: make(chan struct{})}
}

func (d *desk) Desk() []byte { d.mu.Lock(); defer d.mu.Unlock(); return []byte(d.payload) }

func (d *desk) Outputs() []OutputState {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []OutputState
	for _, name := range slices.Sorted(maps.Keys(d.outputs)) {
		all = append(all, OutputState{Name: name, State: []byte(d.outputs[name]), Off: []byte("off")})
	}
	return all
}

func (d *desk) Inputs() []InputState {
	var all []InputState
	for _, name := range d.inputs {
		all = append(all, InputState{Name: name, State: []byte(name + " is up"), Off: []byte(name + " was")})
	}
	return all
}

func (d *desk) Presses(after uint64) (list []Press, newest uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.presses {
		if newest = p.Number; newest > after {
			list = append(list, p)
		}
	}
	return list, newest
}

// press notes that an input was pressed.
func (d *desk) press(input, payload string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.presses = append(d.presses, Press{uint64(len(d.presses) + 1), input, []byte(payload)})
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *desk) Changed() <-chan struct{} { d.mu.Lock(); defer d.mu.Unlock(); return d.changed }

// change sets an output, or the desk's own payload.
func (d *desk) change(name, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == "" {
		d.payload = state
	} else {
		d.outputs[name] = state
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *desk) note(format string, args ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		d.done = append(d.done, fmt.Sprintf(format, args...))
	}
	return d.broken
}

func (d *desk) Acknowledge(context.Context) error               { return d.note("ack") }
func (d *desk) Mute(_ context.Context, t time.Duration) error   { return d.note("mute %v", t) }
func (d *desk) Unmute(context.Context) error                    { return d.note("unmute") }
func (d *desk) Test(_ context.Context, output string) error     { return d.note("test %s", output) }
func (d *desk) Set(_ context.Context, o string, p []byte) error { return d.note("set %s %s", o, p) }
func (d *desk) Lock(_ context.Context, i string, locked bool) error {
	return d.note("lock %s %v", i, locked)
}

func (d *desk) deeds() []string { d.mu.Lock(); defer d.mu.Unlock(); return slices.Clone(d.done) }

// serve runs a hub of d on fake until stop is called.
func serve(d *desk, fake *mqtttest.Fake) (log *bytes.Buffer, l *mqtt.Link, stop func()) {
	log = new(bytes.Buffer)
	logger := slog.New(slog.NewTextHandler(log, nil))
	h := New("deskbell/front", d, logger)
	d.hub = h
	l = mqtt.NewLink(mqtt.Config{Broker: "mqtt://broker.test", Dial: fake.Dial, Will: Will("deskbell/front")}, []mqtt.Session{h}, logger, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }()
	return log, l, func() {
		cancel()
		<-ended
		fake.Close()
	}
}

// said lists what fake was told on a connection, as topic=payload.
func said(t *testing.T, fake *mqtttest.Fake, connection int) []string {
	t.Helper()
	var all []string
	for _, p := range fake.Publishes() {
		if p.Connection != connection {
			continue
		}
		if p.QoS != 1 || !p.Retained {
			t.Errorf("not retained at QoS 1: %+v", p)
		}
		all = append(all, strings.TrimPrefix(p.Topic, "deskbell/front/")+"="+p.Payload)
	}
	return all
}

func TestEachConnectionIsToldEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &mqtttest.Fake{}
		_, _, stop := serve(newDesk(), fake)
		synctest.Wait()
		fake.Drop()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		want := []string{"availability=online", `desk={"open":0}`, "output/buzzer/state=off", "output/lamp/state=on"}
		for connection := range 2 {
			if got := said(t, fake, connection+1); !slices.Equal(got, want) {
				t.Errorf("connection %d was told %q", connection+1, got)
			}
		}
		filters := []string{"deskbell/front/command/+", "deskbell/front/output/+/set"}
		if got := fake.Filters(); !slices.Equal(got, slices.Concat(filters, filters)) {
			t.Errorf("subscribed to %q", got)
		}
		if w := fake.Logins()[0]; w.WillTopic != "deskbell/front/availability" || w.WillPayload != "offline" || !w.WillRetained || w.WillQoS != 1 {
			t.Errorf("will %+v", w)
		}
		stop()
	})
}

func TestOnlyWhatChangesIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		_, _, stop := serve(d, fake)
		time.Sleep(time.Second)
		d.change("lamp", "blinks")
		time.Sleep(time.Second)
		d.change("", `{"open":1}`)
		d.change("lamp", "blinks") // as it was
		time.Sleep(time.Second)
		stop()
		want := []string{"output/lamp/state=blinks", `desk={"open":1}`, "output/lamp/state=off", "availability=offline"}
		if got := said(t, fake, 1)[4:]; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if fake.Leaves() != 1 {
			t.Error("no goodbye")
		}
	})
}

func TestABurstOfChangesIsNoBurstOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		_, _, stop := serve(d, fake)
		time.Sleep(time.Second)
		for i := range 1000 {
			d.change("", fmt.Sprint(i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		got := said(t, fake, 1)[4:]
		if len(got) > 6 || got[len(got)-1] != "desk=999" {
			t.Errorf("a second of changes was %d messages, the last %q", len(got), got[len(got)-1])
		}
		stop()
	})
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		name, topic, payload string
		want                 string // "": not done
	}{
		{"acknowledge with nothing", "command/ack", "", "ack"},
		{"acknowledge pressed", "command/ack", "PRESS", "ack"},
		{"acknowledge with something else", "command/ack", "yes", ""},
		{"mute as by default", "command/mute", "PRESS", "mute 0s"},
		{"mute with nothing", "command/mute", "", "mute 0s"},
		{"mute for a time", "command/mute", " 30m\n", "mute 30m0s"},
		{"mute for no time", "command/mute", "0s", ""},
		{"mute for less", "command/mute", "-5m", ""},
		{"mute for what is no time", "command/mute", "soon", ""},
		{"unmute", "command/unmute", "PRESS", "unmute"},
		{"unmute with something else", "command/unmute", "1h", ""},
		{"test an output", "command/test", "lamp", "test lamp"},
		{"test one that there is not", "command/test", "siren", ""},
		{"set an output", "output/lamp/set", `{"pattern":"alarm","for":"5s"}`, `set lamp {"pattern":"alarm","for":"5s"}`},
		{"set one that there is not", "output/siren/set", "ON", ""},
		{"lock an input", "input/ack/lock", "ON", "lock ack true"},
		{"unlock an input", "input/ack/lock", "OFF\n", "lock ack false"},
		{"lock with something else", "input/ack/lock", "PRESS", ""},
		{"lock with nothing", "input/ack/lock", "", ""},
		{"lock one that there is not", "input/lamp/lock", "ON", ""},
		{"a command that there is not", "command/reboot", "PRESS", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, d := &mqtttest.Fake{}, newDesk()
				d.inputs = []string{"ack"}
				log, l, stop := serve(d, fake)
				synctest.Wait()
				for id := range uint16(3) {
					fake.Send("deskbell/front/"+tt.topic, tt.payload, id+1, false)
				}
				synctest.Wait()
				var want []string
				if tt.want != "" {
					want = []string{tt.want, tt.want, tt.want}
				}
				if got := d.deeds(); !slices.Equal(got, want) {
					t.Errorf("done %q, want %q", got, want)
				}
				if got := fake.Acked(); !slices.Equal(got, []uint16{1, 2, 3}) {
					t.Errorf("acknowledged %v", got)
				}
				if !l.State().Connected {
					t.Error("the connection has ended")
				}
				stop()
				lines := strings.Count(log.String(), "was not done")
				if tt.want == "" && lines != 1 || tt.want != "" && lines != 0 {
					t.Errorf("%d lines in the log: %s", lines, log)
				}
				if len(tt.payload) > 5 && strings.Contains(log.String(), tt.payload) {
					t.Errorf("the payload is in the log: %s", log)
				}
			})
		})
	}
}

func TestARetainedCommandIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		_, _, stop := serve(d, fake)
		synctest.Wait()
		fake.Send("deskbell/front/command/ack", "PRESS", 1, true)
		synctest.Wait()
		if got := d.deeds(); len(got) != 0 {
			t.Errorf("done %q", got)
		}
		stop()
	})
}

func TestACommandThatCannotBeSavedIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		d.broken = errors.New("the store cannot be written")
		log, l, stop := serve(d, fake)
		synctest.Wait()
		for id := range uint16(5) {
			fake.Send("deskbell/front/command/ack", "PRESS", id+1, false)
		}
		synctest.Wait()
		if !l.State().Connected {
			t.Error("the connection has ended")
		}
		stop()
		if n := strings.Count(log.String(), "the store cannot be written"); n != 1 {
			t.Errorf("%d lines in the log: %s", n, log)
		}
	})
}

func TestABrokerThatTakesNoSubscriptionsIsToldAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{RefuseSubscriptions: true}, newDesk()
		log, l, stop := serve(d, fake)
		time.Sleep(time.Second)
		d.change("lamp", "blinks")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := said(t, fake, 1); !l.State().Connected || got[len(got)-1] != "output/lamp/state=blinks" {
			t.Errorf("told %q", got)
		}
		stop()
		if !strings.Contains(log.String(), "lets us take no commands") {
			t.Errorf("log %s", log)
		}
	})
}

func TestAnOutputWhoseNameCannotBeATopicHidesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		d.outputs["a#b"] = "on"
		_, l, stop := serve(d, fake)
		synctest.Wait()
		if got := said(t, fake, 1); !l.State().Connected || len(got) != 4 {
			t.Errorf("told %q", got)
		}
		stop()
	})
}

func TestASlowBrokerIsNotSentMoreThanItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := 5 * time.Second
		fake, d := &mqtttest.Fake{Late: late}, newDesk()
		_, l, stop := serve(d, fake)
		for i := range 600 {
			d.change("", fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		got := said(t, fake, 1)[4:]
		if len(got) < 8 || len(got) > 12 || !l.State().Connected {
			t.Errorf("in a minute it was sent %d messages: %q", len(got), got)
		}
		stop()
	})
}
