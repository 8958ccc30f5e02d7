package agent

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt/mqtttest"
)

func TestAPressGoesFromTheButtonToTheBroker(t *testing.T) {
	r := run(t, t.TempDir(), "input.ack = { pin = 'GPIO27', hold = 'mute 30m', hold_for = '200ms' }\ninput.kiosk = { pin = 'GPIO22', lock = true }", nil)
	inputs, end, err := mqtttest.Subscribe(t.Context(), r.BrokerAddr(), "deskbell/lobby/input/#")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	told := func(want ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var got []string
		if !inputs.Wait(ctx, func(all []mqtttest.Publish) bool {
			got = nil
			for _, m := range all {
				if topic := strings.TrimPrefix(m.Topic, "deskbell/lobby/input/"); !strings.HasSuffix(topic, "/state") {
					got = append(got, topic+"="+m.Payload)
				}
			}
			return slices.Equal(got, want)
		}) {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
	state := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if !inputs.Wait(ctx, func(all []mqtttest.Publish) bool {
			return slices.ContainsFunc(all, func(m mqtttest.Publish) bool { return m.Topic+"="+m.Payload == "deskbell/lobby/input/"+want })
		}) {
			t.Fatalf("never told %s", want)
		}
	}
	state(`ack/state={"pressed":false,"locked":false}`)
	state(`kiosk/state={"pressed":false,"locked":true}`)
	client := admin.NewClient(ControlSocket(r.config.DataDir))
	r.post("c1")
	r.eventually("somebody waits", func(s admin.Status) bool { return s.Desk.Waiting == 1 })

	press := func(name string, d time.Duration) admin.InputStatus {
		t.Helper()
		s, err := client.Press(t.Context(), name, d)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Inputs, func(in admin.InputStatus) bool { return in.Name == name })
		return s.Inputs[i]
	}
	if in := press("ack", 50*time.Millisecond); !strings.HasPrefix(in.Last, "too short") || in.Driver != "simulated" {
		t.Errorf("it is %+v", in)
	}
	if in := press("kiosk", 0); in.Last != "locked" || !in.Locked {
		t.Errorf("it is %+v", in)
	}
	if s := r.Status(); s.Desk.Waiting != 1 {
		t.Errorf("the desk is %+v", s.Desk)
	}
	if in := press("ack", 0); in.Last != "acknowledge" {
		t.Errorf("it is %+v", in)
	}
	if s := r.Status(); s.Desk.Waiting != 0 || s.Desk.Acknowledged != 1 {
		t.Errorf("the desk is %+v", s.Desk)
	}
	if in := press("ack", time.Second); in.Last != "mute 30m" {
		t.Errorf("it is %+v", in)
	}
	if s := r.Status(); s.Desk.MutedUntil == nil {
		t.Error("it is not muted")
	}
	told(`kiosk/event={"press":"short","did":"nothing","reason":"locked"}`, `ack/event={"press":"short","did":"acknowledge"}`,
		`ack/event={"press":"long","did":"mute 30m"}`)

	if err := mqtttest.PublishOnce(t.Context(), r.BrokerAddr(), "deskbell/lobby/input/kiosk/lock", "OFF", false); err != nil {
		t.Fatal(err)
	}
	r.eventually("the button is unlocked", func(s admin.Status) bool { return !s.Inputs[1].Locked })
	state(`kiosk/state={"pressed":false,"locked":false}`)
	press("kiosk", time.Minute)
	state(`kiosk/state={"pressed":true,"locked":false}`)
	if s, err := client.Lock(t.Context(), "ack", true); err != nil || !s.Inputs[0].Locked {
		t.Errorf("%+v, %v", s.Inputs, err)
	}
	for _, err := range []error{fault(client.Press(t.Context(), "bell", 0)), fault(client.Lock(t.Context(), "bell", true))} {
		var e *admin.Error
		if !errors.As(err, &e) || e.Code != http.StatusNotFound || e.Hint != "the inputs are: ack, kiosk" {
			t.Errorf("got %v", err)
		}
	}
	r.stop()
	again := run(t, r.config.DataDir, "input.ack = { pin = 'GPIO27' }\ninput.kiosk = { pin = 'GPIO22', lock = true }", nil)
	if in := again.Status().Inputs; !in[0].Locked || in[1].Locked {
		t.Errorf("after a restart they are %+v", in)
	}
}

func fault(_ admin.Status, err error) error { return err }
