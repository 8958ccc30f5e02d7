//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt/mqtttest"
)

// say posts one event with a text and returns when it was answered 200.
func (p *program) say(typ, text string) {
	p.t.Helper()
	body := fmt.Appendf(nil, `{"events":[{"event":{"type":"%s","payload":{"message":{"type":"text","text":"%s"}}},"conversation":{"key":"c"},"timestamp":"2026-01-02 03:04:05"}]}`, typ, text)
	if code, answer, _ := p.post(body); code != 200 {
		p.t.Fatalf("%d %s", code, answer)
	}
}

// marks are the markers of what arrived, in the order of their first copies,
// and how many copies there were.
func marks(all []mqtttest.Publish) (order []string, copies int) {
	seen := map[string]bool{}
	for _, m := range all {
		k := marker.FindString(m.Payload)
		if k == "" {
			continue
		}
		if copies++; !seen[k] {
			seen[k] = true
			order = append(order, k)
		}
	}
	return order, copies
}

// fine says that no forward has anything to complain of.
func fine(s admin.Status) bool {
	return !slices.ContainsFunc(s.Forward, func(f admin.ForwardStatus) bool { return !f.Connected || f.LastError != "" || f.Pending > 0 })
}

// A villain is a broker that misbehaves until all of them are cured.
type villain struct {
	name  string
	fake  *mqtttest.Fake
	lines string                          // of its forward
	over  func(net.Listener) net.Listener // nil: nothing
	says  string                          // a part of last_error, sooner or later; empty: it delivers all the same
	again bool                            // it accepts us each time before it misbehaves
	aside int                             // events that it would not take
}

// isEvent tells an event from what else we publish.
func isEvent(p mqtttest.Publish) bool { return strings.Contains(p.Topic, "/event/") }

// reply does as it is told with events and acknowledges the rest.
func reply(r mqtttest.Reply) func(mqtttest.Publish) mqtttest.Reply {
	return func(p mqtttest.Publish) mqtttest.Reply {
		if isEvent(p) {
			return r
		}
		return mqtttest.Ack
	}
}

func puback(ids ...uint16) []byte {
	var b []byte
	for _, id := range ids {
		b = append(b, 0x40, 2, byte(id>>8), byte(id))
	}
	return b
}

// villains returns them; cured ends their misbehaviour.
func villains(t *testing.T, cured func() bool) []*villain {
	acknowledged := &backwards{}
	t.Cleanup(acknowledged.stop)
	order := &mqtttest.Fake{Answer: acknowledged.later}
	acknowledged.start(order)

	var events atomic.Int64
	drops := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
		if isEvent(p) && events.Add(1)%7 == 0 {
			return mqtttest.Drop
		}
		return mqtttest.Ack
	}}
	policy := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
		if strings.HasSuffix(p.Topic, "/status_change") {
			return mqtttest.Drop
		}
		return mqtttest.Ack
	}}
	huge := &mqtttest.Fake{}
	huge.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
		if strings.HasSuffix(p.Topic, "/availability") {
			huge.Send("deskbell/lobby/command/ack", strings.Repeat("x", 3<<20), 9, true)
		}
		return mqtttest.Ack
	}
	now := time.Now()
	wellKnown, goodCert, goodKey := mqtttest.Certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	former, oldCert, oldKey := mqtttest.Certificate(t, now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0))
	_, strangeCert, strangeKey := mqtttest.Certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	known := filepath.Join(t.TempDir(), "known.pem")
	var pems []byte
	for _, path := range []string{wellKnown, former} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pems = append(pems, b...)
	}
	if err := os.WriteFile(known, pems, 0o600); err != nil {
		t.Fatal(err)
	}
	secure := func(cert, key string) func(net.Listener) net.Listener {
		return func(l net.Listener) net.Listener {
			return tls.NewListener(l, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				if cured() {
					cert, key = goodCert, goodKey
				}
				pair, err := tls.LoadX509KeyPair(cert, key)
				return &pair, err
			}})
		}
	}
	trust := fmt.Sprintf("ca_file = %q\n", known)
	return []*villain{
		{name: "acknowledges-backwards", fake: order},
		{name: "acknowledges-anything", fake: &mqtttest.Fake{Answer: func(p mqtttest.Publish) []byte {
			return puback(p.ID+100, p.ID, p.ID, p.ID-1)
		}}},
		{name: "drops-after-a-few", fake: drops},
		{name: "is-slow", fake: &mqtttest.Fake{Late: 200 * time.Millisecond}},
		{name: "refuses-one", fake: policy, aside: 1},
		{name: "sends-too-much", fake: huge},
		{name: "acknowledges-nothing", again: true, says: "no PUBACK for 20s",
			fake: &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}},
		{name: "acknowledges-no-event", again: true, says: "no PUBACK for 20s", fake: &mqtttest.Fake{OnPublish: reply(mqtttest.Ignore)}},
		{name: "stops-reading", again: true, says: "nothing could be sent for 10s", fake: &mqtttest.Fake{OnPublish: reply(mqtttest.Stall)}},
		{name: "a-byte-a-second", says: "no answer for 5s", fake: &mqtttest.Fake{Over: func(c net.Conn) net.Conn {
			if cured() {
				return c
			}
			return mqtttest.Trickle(c, 1, time.Second)
		}}},
		{name: "says-nothing", says: "no answer for 5s", fake: &mqtttest.Fake{Mute: true}},
		{name: "talks-nonsense", again: true, says: "is it an MQTT broker?", fake: &mqtttest.Fake{Answer: func(mqtttest.Publish) []byte {
			return []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
		}}},
		{name: "knows-no-such-version", says: "MQTT 3.1.1: switch that on there", fake: &mqtttest.Fake{Code: 1}},
		{name: "knows-no-such-id", says: "set another client_id", fake: &mqtttest.Fake{Code: 2}},
		{name: "is-not-available", says: "see its log", fake: &mqtttest.Fake{Code: 3}},
		{name: "bad-password", says: "check username and password", fake: &mqtttest.Fake{Code: 4}, lines: "username = \"desk\"\npassword = \"s3cret\"\n"},
		{name: "not-authorised", says: "check username and password", fake: &mqtttest.Fake{Code: 5}},
		{name: "expired", says: "renew it, or set this machine's clock", fake: &mqtttest.Fake{}, lines: trust, over: secure(oldCert, oldKey)},
		{name: "unknown", says: "signed by nobody known here: set ca_file", fake: &mqtttest.Fake{}, lines: trust, over: secure(strangeCert, strangeKey)},
	}
}

// backwards acknowledges what has come in a while, the last first.
type backwards struct {
	mu   sync.Mutex
	ids  []uint16
	end  chan struct{}
	done sync.WaitGroup
}

func (b *backwards) later(p mqtttest.Publish) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = append(b.ids, p.ID)
	return nil
}

func (b *backwards) start(f *mqtttest.Fake) {
	b.end = make(chan struct{})
	b.done.Go(func() {
		for {
			select {
			case <-b.end:
				return
			case <-time.After(50 * time.Millisecond):
			}
			b.mu.Lock()
			ids := b.ids
			b.ids = nil
			b.mu.Unlock()
			slices.Reverse(ids)
			f.Write(puback(ids...))
		}
	})
}

func (b *backwards) stop() {
	close(b.end)
	b.done.Wait()
}

// TestBrokersThatMisbehaveAllAtOnce sends the same events to a good broker and
// to all that do not behave, and then cures these.
func TestBrokersThatMisbehaveAllAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	var cured atomic.Bool
	all := villains(t, cured.Load)
	good, contested := mqtttest.StartMosquitto(t), mqtttest.StartMosquitto(t)
	arrived := subscribe(t, good.Addr, "deskbell/lobby/event/#")
	taken := subscribe(t, contested.Addr, "deskbell/lobby/event/#")
	config := hubForward(good.Addr) + "[[forward]]\nname = \"taken\"\nclient_id = \"a-box\"\nbroker = \"mqtt://" + contested.Addr + "\"\n"
	for _, v := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		scheme, listener := "mqtt", l
		if v.over != nil {
			scheme, listener = "mqtts", v.over(l)
		}
		v.fake.Well = cured.Load
		go v.fake.Serve(listener)
		t.Cleanup(func() { l.Close(); v.fake.Close() })
		config += fmt.Sprintf("[[forward]]\nname = %q\nbroker = \"%s://%s\"\n%s", v.name, scheme, l.Addr(), v.lines)
	}
	p := newProgram(t, "", config)
	p.start()
	rivalry, peace := context.WithCancel(t.Context())
	defer peace()
	go mqtttest.Rival(rivalry, contested.Addr, "a-box", 300*time.Millisecond)

	var said []string
	say := func(typ string, size int) {
		k := fmt.Sprintf("mark-0-0-%d.", len(said))
		p.say(typ, k+strings.Repeat("x", size))
		said = append(said, k)
	}
	for range 10 {
		say("message", 100<<10)
	}
	say("status_change", 0)
	for range 20 {
		say("message", 100)
	}

	// The good one gets everything, and so do those with which one can live.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !arrived.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) == len(said) }) {
		t.Fatalf("the good broker got %d of %d", len(arrived.Messages()), len(said))
	}
	of := func(name string) func() (last string, pending, aside int) {
		return func() (string, int, int) {
			for _, f := range p.status().Forward {
				if f.Name == name {
					return f.LastError, f.Pending, f.SetAside
				}
			}
			t.Fatal("no forward ", name)
			return "", 0, 0
		}
	}
	for _, v := range all {
		state := of(v.name)
		if v.says != "" {
			p.eventually(v.name+" is told", func() bool { last, _, _ := state(); return strings.Contains(last, v.says) })
			continue
		}
		p.eventually(v.name+" has it all", func() bool { _, pending, aside := state(); return pending == 0 && aside == v.aside })
	}
	p.eventually("the other client is told", func() bool {
		last, _, _ := of("taken")()
		return last == "broker closes each connection within seconds: another client uses the id a-box: a second box of this name?"
	})
	say("message", 100)
	s := p.status()
	for _, f := range s.Forward {
		i := slices.IndexFunc(all, func(v *villain) bool { return v.name == f.Name })
		if aside := f.SetAside; aside > 0 && (i < 0 || all[i].aside != aside) {
			t.Errorf("%s: %d events set aside", f.Name, aside)
		}
		if i >= 0 && all[i].again && !slices.ContainsFunc(s.Problems, func(p string) bool {
			return strings.HasPrefix(p, "forward "+f.Name+": ") && strings.Contains(p, all[i].says)
		}) {
			t.Errorf("%s is no problem: %q", f.Name, s.Problems)
		}
	}
	if n := open(t, p.cmd.Process.Pid); n > 150 {
		t.Errorf("%d open files", n)
	}
	if strings.Contains(p.said.String(), "s3cret") {
		t.Error("a password in the log")
	}

	began := time.Now()
	if code := p.stop(); code != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("stopped after %v with %d", time.Since(began), code)
	}
	cured.Store(true)
	peace()
	for _, v := range all {
		v.fake.Drop()
	}
	p.start()
	p.eventually("all is well", func() bool { return fine(p.status()) })
	refused := fmt.Sprintf("mark-0-0-%d.", 10)
	for _, v := range all {
		want := said
		if v.aside > 0 {
			want = slices.DeleteFunc(slices.Clone(said), func(k string) bool { return k == refused })
		}
		order, _ := marks(v.fake.Publishes())
		order = slices.DeleteFunc(order, func(k string) bool { return v.aside > 0 && k == refused })
		if !slices.Equal(order, want) {
			t.Errorf("%s got %s", v.name, strings.Join(order, " "))
		}
	}
	for name, sub := range map[string]*mqtttest.Subscriber{"hub": arrived, "taken": taken} {
		if order, _ := marks(sub.Messages()); !slices.Equal(order, said) {
			t.Errorf("%s got %s", name, strings.Join(order, " "))
		}
	}
}

// open counts the open files of a process.
func open(t *testing.T, pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Logf("open files cannot be counted: %v", err)
	}
	return len(list)
}
