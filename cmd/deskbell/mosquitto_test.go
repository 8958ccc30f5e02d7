//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// TestWhatMosquittoRefuses is about the ways in which a real broker does not
// take an event. For a client of MQTT 3.1.1 it ends the connection on some, and
// acknowledges the others like any other: these nobody can know of.
func TestWhatMosquittoRefuses(t *testing.T) {
	dir := t.TempDir()
	acl := filepath.Join(dir, "acl")
	if err := os.WriteFile(acl, []byte("topic readwrite deskbell/lobby/availability\ntopic readwrite deskbell/lobby/event/message\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, line string
		event      string // the type of the one that is refused
		size       int    // of its text
		told       bool   // the broker ends the connection
	}{
		{"packets that are too large", "max_packet_size 5000", "message", 10_000, true},
		{"messages that are too large", "message_size_limit 5000", "message", 10_000, false},
		{"topics that are not allowed", "acl_file " + acl + "\nmax_queued_messages 100000", "status_change", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			broker := mqtttest.StartMosquitto(t, tt.line)
			sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
			p := newProgram(t, "", hubForward(broker.Addr))
			p.start()
			want := []string{"mark-0-0-1.", "mark-0-0-2.", "mark-0-0-4.", "mark-0-0-5."}
			p.say("message", want[0])
			p.say("message", want[1])
			p.say(tt.event, "mark-0-0-3."+strings.Repeat("x", tt.size))
			p.say("message", want[2])
			p.say("message", want[3])
			p.eventually("the forward goes on", func() bool { return p.status().Forward[0].Pending == 0 })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { order, _ := marks(all); return len(order) >= len(want) }) {
				t.Fatal("the others did not arrive")
			}
			if order, _ := marks(sub.Messages()); !slices.Equal(order, want) {
				t.Errorf("arrived %q", order)
			}
			aside, problem := 0, "forward hub: 1 event is set aside"
			if tt.told {
				aside = 1
			}
			s := p.status()
			if s.Forward[0].SetAside != aside || s.Forward[0].AckedSequence != 5 {
				t.Errorf("%+v", s.Forward[0])
			}
			if told := slices.ContainsFunc(s.Problems, func(p string) bool {
				return strings.HasPrefix(p, problem) && strings.HasSuffix(p, "run: deskbell events set-aside")
			}); told != tt.told {
				t.Errorf("problems %q", s.Problems)
			}
			// It stays so over a restart, and is not tried again by itself.
			p.stop()
			p.start()
			p.say("message", "mark-0-0-6.")
			p.eventually("the next is delivered", func() bool { return fine(p.status()) })
			if s := p.status(); s.Forward[0].SetAside != aside {
				t.Errorf("after a restart %+v", s.Forward[0])
			}
		})
	}
}

// TestEventsAreDeliveredThoughTheDeskMayNotBeTold has a mosquitto that ends the
// connection on a topic that is not allowed: without a limit of what it queues
// it does so where more follows at once.
func TestEventsAreDeliveredThoughTheDeskMayNotBeTold(t *testing.T) {
	acl := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(acl, []byte("topic readwrite deskbell/lobby/availability\ntopic readwrite deskbell/lobby/event/message\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	broker := mqtttest.StartMosquitto(t, "acl_file "+acl)
	sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
	p := newProgram(t, "", hubForward(broker.Addr))
	p.start()
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("mark-0-0-%d.", i))
		p.say("message", want[i])
	}
	p.eventually("all is delivered, and nothing is wrong any more", func() bool { return fine(p.status()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { order, _ := marks(all); return len(order) >= len(want) }) {
		t.Fatal("some did not arrive")
	}
	if order, _ := marks(sub.Messages()); !slices.Equal(order, want) {
		t.Errorf("arrived %q", order)
	}
	if s := p.status(); s.Forward[0].SetAside != 0 {
		t.Errorf("%+v, problems %q", s.Forward[0], s.Problems)
	}
}

// TestEventsAreDeliveredWhereNothingIsRetained has a mosquitto that ends the
// connection on every retained message, such as that we are there.
func TestEventsAreDeliveredWhereNothingIsRetained(t *testing.T) {
	t.Parallel()
	broker := mqtttest.StartMosquitto(t, "retain_available false")
	sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
	p := newProgram(t, "", hubForward(broker.Addr)+"[[forward]]\nname = \"second\"\nbroker = \"mqtt://"+broker.Addr+"\"\ntopic = \"second/{kind}\"\n")
	p.start()
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("mark-0-0-%d.", i))
		p.say("message", want[i])
	}
	p.eventually("all is delivered, and told", func() bool {
		s := p.status()
		for _, f := range s.Forward {
			if f.Pending > 0 || f.SetAside > 0 || !slices.ContainsFunc(s.Problems, func(p string) bool {
				return strings.HasPrefix(p, "forward "+f.Name+": the broker ends the connection on ") && strings.Contains(p, "deskbell/lobby/availability")
			}) {
				return false
			}
		}
		return true
	})
	if order, _ := marks(sub.Messages()); !slices.Equal(order, want) {
		t.Errorf("arrived %q", order)
	}
}

func TestRetainedCommandsAreFromAnotherTime(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	publish := func(topic, payload string, retained bool) {
		t.Helper()
		if err := mqtttest.PublishOnce(ctx, broker.Addr, "deskbell/lobby/"+topic, payload, retained); err != nil {
			t.Fatal(err)
		}
	}
	publish("command/mute", "PRESS", true)
	publish("command/ack", "PRESS", true)
	publish("output/lamp/set", "ON", true)
	publish("command/test", strings.Repeat("x", 2<<20), true) // nor is one that nobody would take
	p := newProgram(t, "", hubForward(broker.Addr))
	p.start()
	p.eventually("the broker is there", func() bool { return p.status().Forward[0].Connected })
	publish("output/buzzer/set", "ON", false) // comes after those that are retained
	p.eventually("a command is done", func() bool { return p.output("buzzer").Pattern == "on" })
	if s := p.status(); s.Desk.MutedUntil != nil || p.output("lamp").Pattern == "on" || !s.Forward[0].Connected {
		t.Errorf("muted until %v, lamp %+v, %+v", s.Desk.MutedUntil, p.output("lamp"), s.Forward[0])
	}
}
