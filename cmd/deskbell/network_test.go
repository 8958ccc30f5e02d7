//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"deskbell/agent/mqtt/mqtttest"
)

// noticed waits until a forward is told as lost, and returns after how long.
func (p *program) noticed(forward int, since time.Time) time.Duration {
	p.t.Helper()
	p.eventually("the loss is noticed", func() bool { return !p.status().Forward[forward].Connected })
	return time.Since(since)
}

// TestALinkThatIsCutSilently pulls the wire to real brokers, so that neither
// side is told. The bounds are those of the protocol, with room for a machine
// that is busy with other things.
func TestALinkThatIsCutSilently(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	const room = 15 * time.Second
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, tt := range []struct {
		name      string
		busy      bool
		cut, mend func(*mqtttest.Network)
		within    time.Duration
	}{
		{"idle, the wire is pulled", false, (*mqtttest.Network).Unplug, (*mqtttest.Network).Plug, 60 * time.Second},
		{"idle, nothing comes back", false, (*mqtttest.Network).Silence, (*mqtttest.Network).Speak, 60 * time.Second},
		{"with events in flight, the wire is pulled", true, (*mqtttest.Network).Unplug, (*mqtttest.Network).Plug, 30 * time.Second},
		{"with events in flight, nothing comes back", true, (*mqtttest.Network).Silence, (*mqtttest.Network).Speak, 30 * time.Second},
	} {
		network := mqtttest.NewNetwork(t)
		broker := network.StartMosquitto()
		sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
		desk := subscribe(t, broker.Addr, "deskbell/lobby/desk")
		p := newProgram(t, "", hubForward(broker.Addr))
		p.start()
		wg.Go(func() {
			var said []string
			say := func(n int) {
				for range n {
					k := fmt.Sprintf("mark-0-0-%d.", len(said))
					p.say("message", k)
					said = append(said, k)
				}
			}
			say(5)
			p.eventually(tt.name+": all is delivered", func() bool { s := p.status(); return s.Forward[0].Connected && s.Forward[0].Pending == 0 })
			if !tt.busy { // not even the desk's own topic is to be in flight
				p.eventually(tt.name+": the desk is told", func() bool {
					all := desk.Messages()
					return len(all) > 0 && strings.Contains(all[len(all)-1].Payload, `"last_sequence":5`)
				})
			}
			began := time.Now()
			tt.cut(network)
			inFlight := 0
			if tt.busy {
				inFlight = 20
				say(inFlight) // answered, with the link cut
			}
			took := p.noticed(0, began)
			t.Logf("%s: noticed after %v", tt.name, took.Round(time.Second))
			if took > tt.within+room || tt.busy && took < 10*time.Second {
				t.Errorf("%s: noticed after %v", tt.name, took)
			}
			f := p.status().Forward[0]
			if f.LastError == "" || f.Pending != inFlight || f.SetAside != 0 {
				t.Errorf("%s: %+v", tt.name, f)
			}
			say(3)
			tt.mend(network)
			p.eventually(tt.name+": all is delivered again", func() bool { s := p.status(); return s.Forward[0].Connected && s.Forward[0].Pending == 0 })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { order, _ := marks(all); return len(order) >= len(said) }) {
				t.Errorf("%s: some never arrived", tt.name)
			}
			order, copies := marks(sub.Messages())
			if !slices.Equal(order, said) || copies > len(said)+inFlight {
				t.Errorf("%s: %d copies, in the order %s", tt.name, copies, strings.Join(order, " "))
			}
			p.eventually(tt.name+": nothing is wrong any more", func() bool { return fine(p.status()) })
		})
	}
}

// TestANameServerThatDoesNotAnswer runs the program with a name server of its
// own, which is silent at first.
func TestANameServerThatDoesNotAnswer(t *testing.T) {
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skipf("a name server of its own needs root (CAP_SYS_ADMIN): %v", err)
	}
	t.Parallel()
	broker := mqtttest.StartMosquitto(t)
	sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
	_, port, err := net.SplitHostPort(broker.Addr)
	if err != nil {
		t.Fatal(err)
	}
	names, err := net.ListenPacket("udp", fmt.Sprintf("127.53.%d.%d:53", os.Getpid()>>8&255, os.Getpid()&255))
	if err != nil {
		t.Skipf("a name server of its own needs port 53: %v", err)
	}
	defer names.Close()
	dir := t.TempDir()
	resolv, within := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "deskbell")
	program, err := exec.LookPath("deskbell")
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := net.SplitHostPort(names.LocalAddr().String())
	script := fmt.Sprintf("#!/bin/sh\nGODEBUG=netdns=go exec unshare -m sh -c 'mount --bind %s /etc/resolv.conf && exec %s \"$@\"' sh \"$@\"\n", resolv, program)
	for path, text := range map[string]string{resolv: "nameserver " + server + "\n", within: script} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := newProgram(t, "", hubForward("broker.example:"+port))
	p.path = within
	p.start()
	p.say("message", "mark-0-0-0.")
	why := "connect to mqtt://broker.example:" + port + ": the name cannot be looked up: the name server does not answer"
	p.eventually("it is told", func() bool { return p.status().Forward[0].LastError == why })
	go resolve(names)
	p.eventually("all is delivered", func() bool { return fine(p.status()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) == 1 }) {
		t.Error("the event did not arrive")
	}
}

// resolve is a name server by which every name is this machine.
func resolve(c net.PacketConn) {
	b := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
		if q.Type == dnsmessage.TypeA {
			reply.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if packed, err := reply.Pack(); err == nil {
			_, _ = c.WriteTo(packed, from)
		}
	}
}
