//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt/mqtttest"
)

func hubForward(addr string) string {
	return fmt.Sprintf("[[forward]]\nname = \"hub\"\nbroker = \"mqtt://%s\"\n", addr)
}

func subscribe(t testing.TB, addr, filter string) *mqtttest.Subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, stop, err := mqtttest.Subscribe(ctx, addr, filter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// data is the element that a structured CloudEvent carries, byte for byte.
func data(t testing.TB, payload []byte) []byte {
	t.Helper()
	var e struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Fatalf("%v in %s", err, payload)
	}
	return e.Data
}

func TestSamplesReachTheBrokerInOrderAndOnce(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
	p := newProgram(t, "", hubForward(broker.Addr))
	p.start()

	samples := event.Samples()
	send := func() {
		for _, s := range samples {
			if code, text, _ := p.post(s.Data); code != 200 {
				t.Fatalf("%s: %d %s", s.Name, code, text)
			}
		}
	}
	send()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) >= len(samples) }) {
		t.Fatalf("%d of %d arrived", len(sub.Messages()), len(samples))
	}
	for i, m := range sub.Messages() {
		want := elements(t, samples[i].Data)[0]
		if got := data(t, []byte(m.Payload)); !bytes.Equal(got, want) {
			t.Errorf("message %d is\n%s\nwant %s\n%s", i, got, samples[i].Name, want)
		}
	}

	// The same events again, also after a restart, are nothing new.
	send()
	if code := p.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, p.said.String())
	}
	p.start()
	send()
	p.eventually("all is delivered", func() bool { s := p.status(); return s.Forward[0].Connected && s.Forward[0].Pending == 0 })
	if s := p.status(); s.Storage.Records != len(samples) || s.Webhook.Duplicates != uint64(len(samples)) || s.Webhook.Accepted != 0 {
		t.Errorf("after repeats: %+v %+v", s.Storage, s.Webhook)
	}
	if n := len(sub.Messages()); n != len(samples) {
		t.Errorf("%d messages, want %d", n, len(samples))
	}
}

func TestTheLampBlinksAndSaysWhy(t *testing.T) {
	p := newProgram(t, "", "")
	p.start()
	if code, text, _ := p.post(event.Samples()[0].Data); code != 200 {
		t.Fatal(code, text)
	}
	p.eventually("the lamp blinks", func() bool { return p.output("lamp").Pattern == "blink" })
	if got := p.output("lamp").Reason; got != "new conversation" {
		t.Errorf("the reason is %q", got)
	}
}

func TestTheHandoverStoryPulsesChirpsAndEnds(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	chirps := subscribe(t, broker.Addr, "deskbell/lobby/output/buzzer/state")
	p := newProgram(t, "", hubForward(broker.Addr))
	p.start()
	p.eventually("the broker is there", func() bool { return p.status().Forward[0].Connected })

	at, key := time.Now(), "a guest"
	steps := handover()
	tell := func(i int) {
		at = at.Add(2 * time.Second)
		if code, text, _ := p.post(steps[i].body(key, at)); code != 200 {
			t.Fatal(code, text)
		}
	}
	lamp := func(want string) {
		t.Helper()
		p.eventually("the lamp shows "+want, func() bool { return p.output("lamp").Pattern == want })
	}
	tell(0)
	lamp("blink")
	tell(1)
	lamp("pulse")
	if o := p.output("lamp"); o.Reason != "somebody waits" {
		t.Errorf("the reason is %q", o.Reason)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !chirps.Wait(ctx, func(all []mqtttest.Publish) bool {
		for _, m := range all {
			if strings.Contains(m.Payload, `"chirp"`) {
				return true
			}
		}
		return false
	}) {
		t.Error("the buzzer did not chirp")
	}
	tell(2)
	if s := p.status(); s.Desk.Waiting != 1 {
		t.Errorf("taken but not answered: waiting is %d", s.Desk.Waiting)
	}
	tell(3)
	p.eventually("nobody waits", func() bool { return p.status().Desk.Waiting == 0 })
	tell(4)
	p.eventually("the desk is empty", func() bool { return p.status().Desk.Open == 0 })
	lamp("off")
}

func TestAnOutputThatIsForSomeCountsOnlyThese(t *testing.T) {
	p := newProgram(t, "", "[output.all]\npin = \"GPIO17\"\n[output.hers]\npin = \"GPIO18\"\nonly = [\"anna@example.com\"]\n"+
		"[output.free]\npin = \"GPIO19\"\nonly = [\"unassigned\"]\n[gpio]\ndriver = \"simulated\"\n")
	p.start()
	at := time.Now()
	for i, want := range []map[string]string{
		{"all": "blink", "hers": "off", "free": "off"},
		{"all": "pulse", "hers": "off", "free": "pulse"},
		{"all": "pulse", "hers": "pulse", "free": "off"},
	} {
		at = at.Add(2 * time.Second)
		if code, text, _ := p.post(handover()[i].body("a guest", at)); code != 200 {
			t.Fatal(code, text)
		}
		for _, name := range []string{"all", "hers", "free"} {
			p.eventually(fmt.Sprintf("after scene %d %s shows %s", i, name, want[name]), func() bool {
				got := p.output(name).Pattern
				return got == want[name] || got == "" && want[name] == "off"
			})
		}
	}
}

func TestACommandIsDoneOnceWithSeveralForwardsToOneBroker(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	states := subscribe(t, broker.Addr, "deskbell/lobby/output/lamp/state")
	p := newProgram(t, "", hubForward(broker.Addr)+strings.Replace(hubForward(broker.Addr), "hub", "second", 1))
	p.start()
	p.eventually("both are connected", func() bool {
		s := p.status()
		return s.Forward[0].Connected && s.Forward[1].Connected && s.Forward[0].Broker == s.Forward[1].Broker
	})
	if code, text, _ := p.post(event.Samples()[0].Data); code != 200 {
		t.Fatal(code, text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !states.Wait(ctx, func(all []mqtttest.Publish) bool {
		return len(all) > 0 && strings.Contains(all[len(all)-1].Payload, `"blink"`)
	}) {
		t.Fatal("the lamp's state is not told")
	}
	last := ""
	for _, m := range states.Messages() {
		if m.Payload == last {
			t.Errorf("told twice in a row: %s", last)
		}
		last = m.Payload
	}
}
