package hub

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

func TestWhatTheBrokerRefusesIsLeftOut(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused []string // topics and filters, without the base
		reply   mqtttest.Reply
	}{
		{"the desk", []string{"desk"}, mqtttest.Drop},
		{"the desk, after an acknowledgement", []string{"desk"}, mqtttest.AckAndDrop},
		{"an output", []string{"output/lamp/state"}, mqtttest.Drop},
		{"commands", []string{"command/+"}, mqtttest.Drop},
		{"the availability", []string{"availability"}, mqtttest.Drop},
		{"the availability, after an acknowledgement", []string{"availability"}, mqtttest.AckAndDrop},
		{"everything but an output", []string{"availability", "desk", "output/buzzer/state", "command/+", "output/+/set"}, mqtttest.Drop},
		{"all but one", []string{"desk", "output/buzzer/state", "command/+", "output/+/set"}, mqtttest.Drop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refused := func(topic string) bool {
					return slices.Contains(tt.refused, strings.TrimPrefix(topic, "deskbell/front/"))
				}
				fake, d := &mqtttest.Fake{DropSubscription: refused}, newDesk()
				fake.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
					if refused(p.Topic) {
						return tt.reply
					}
					return mqtttest.Ack
				}
				_, l, stop := serve(d, fake)
				time.Sleep(3 * time.Minute)
				d.change("lamp", "blinks")
				time.Sleep(time.Second)
				synctest.Wait()
				if s := l.State(); !s.Connected || s.LastError != "" {
					t.Errorf("state %+v", s)
				}
				var want []string
				for _, m := range []string{"availability=online", `desk={"open":0}`, "output/buzzer/state=off", "output/lamp/state=on", "output/lamp/state=blinks"} {
					if topic, _, _ := strings.Cut(m, "="); !slices.Contains(tt.refused, topic) {
						want = append(want, m)
					}
				}
				if got := said(t, fake, fake.Connections()); !slices.Equal(got, want) {
					t.Errorf("the last of %d connections was told %q", fake.Connections(), got)
				}
				p := d.hub.Problems()
				for _, topic := range tt.refused {
					if len(p) != 1 || !strings.Contains(p[0], "deskbell/front/"+topic) {
						t.Errorf("problems %q, want %s", p, topic)
					}
				}
				stop()
			})
		})
	}
}

func TestLossesOfTheNetworkLeaveNothingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, d := &mqtttest.Fake{Late: 200 * time.Millisecond}, newDesk()
		_, l, stop := serve(d, fake)
		for i := range 100 {
			time.Sleep(time.Duration(7000+i*77) * time.Millisecond) // a connection is told all meanwhile
			fake.Drop()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if p := d.hub.Problems(); len(p) != 0 || !l.State().Connected {
			t.Errorf("problems %q", p)
		}
		stop()
	})
}
