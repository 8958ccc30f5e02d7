package mqtt

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// TestABrokerThatRetainsNothingIsNotAskedToRetainTheWill has one that ends each
// such login, and later takes it.
func TestABrokerThatRetainsNothingIsNotAskedToRetainTheWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		fake := &mqtttest.Fake{DropWill: true, Well: well.Load}
		l, stop := run(fake, Config{Will: &Message{Topic: "desk/availability", QoS: 1, Retained: true, Payload: []byte("offline")}})
		last := func() mqtttest.Login { all := fake.Logins(); return all[len(all)-1] }
		for range 3 { // connections
			time.Sleep(25 * time.Minute)
			synctest.Wait()
			if w := last(); !l.State().Connected || w.WillTopic != "desk/availability" || w.WillRetained {
				t.Errorf("%+v, %+v", l.State(), w)
			}
			fake.Drop()
		}
		if n := len(fake.Logins()); n != contest+1+1+1 {
			t.Errorf("%d logins for three connections", n)
		}
		time.Sleep(time.Minute) // one that asks for it, and one that does not
		synctest.Wait()
		if n := len(fake.Logins()); n != contest+1+1+1+2 || last().WillRetained {
			t.Errorf("%d logins after an hour, the last %+v", n, last())
		}
		well.Store(true)
		time.Sleep(modesty)
		fake.Drop()
		time.Sleep(time.Minute)
		synctest.Wait()
		if !l.State().Connected || !last().WillRetained {
			t.Errorf("when it is allowed: %+v, %+v", l.State(), last())
		}
		stop()
	})
}

// TestABrokerThatIsAwayIsAskedToRetainTheWill has logins end for other reasons.
func TestABrokerThatIsAwayIsAskedToRetainTheWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		fake := &mqtttest.Fake{Code: 3, Well: well.Load}
		_, stop := run(fake, Config{Will: &Message{Topic: "desk/availability", Retained: true}})
		time.Sleep(time.Minute)
		well.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		for _, w := range fake.Logins() {
			if !w.WillRetained {
				t.Errorf("%+v", w)
			}
		}

	})
}
