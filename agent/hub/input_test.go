package hub

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// inputs lists what fake was told below input/, as topic=payload; what is not retained has a star.
func inputs(fake *mqtttest.Fake) []string {
	var all []string
	for _, p := range fake.Publishes() {
		topic, ok := strings.CutPrefix(p.Topic, "deskbell/front/input/")
		if !ok {
			continue
		}
		if !p.Retained {
			topic += "*"
		}
		if p.QoS != 1 {
			topic += " at another QoS"
		}
		all = append(all, topic+"="+p.Payload)
	}
	return all
}

func TestInputsAndTheirPressesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		d.inputs = []string{"ack", "kiosk"}
		d.press("ack", "before the connection")
		_, _, stop := serve(d, fake)
		time.Sleep(time.Second)
		want := []string{"ack/state=ack is up", "kiosk/state=kiosk is up"}
		if got := inputs(fake); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if got := fake.Filters(); !slices.Contains(got, "deskbell/front/input/+/lock") {
			t.Errorf("subscribed to %q", got)
		}
		d.press("ack", "one")
		d.press("kiosk", "two")
		d.press("ack", "one") // the same again is another press
		time.Sleep(time.Second)
		want = append(want, "ack/event*=one", "kiosk/event*=two", "ack/event*=one")
		if got := inputs(fake); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		d.change("", "else") // tells no press again
		time.Sleep(time.Second)
		stop()
		want = append(want, "ack/state=ack was", "kiosk/state=kiosk was")
		if got := inputs(fake); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestAPressWhileTheBrokerWasAwayIsNotToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		d.inputs = []string{"ack"}
		_, l, stop := serve(d, fake)
		time.Sleep(time.Second)
		fake.Drop()
		d.press("ack", "one")
		time.Sleep(10 * time.Second)
		if !l.State().Connected {
			t.Fatal("not connected again")
		}
		d.press("ack", "two")
		time.Sleep(time.Second)
		want := []string{"ack/state=ack is up", "ack/state=ack is up", "ack/event*=two"}
		if got := inputs(fake); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		stop()
	})
}

func TestARetainedLockIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{}, newDesk()
		d.inputs = []string{"ack"}
		_, _, stop := serve(d, fake)
		synctest.Wait()
		fake.Send("deskbell/front/input/ack/lock", "ON", 1, true)
		synctest.Wait()
		if got := d.deeds(); len(got) != 0 {
			t.Errorf("done %q", got)
		}
		stop()
	})
}
