package mqtt

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

func TestWhatIsWrongIsSaidInWords(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   *mqtttest.Fake
		config Config
		want   string
	}{
		{"the broker does not know the version", &mqtttest.Fake{Code: 1}, Config{},
			"connect to mqtt://broker.test: broker does not speak MQTT 3.1.1: switch that on there"},
		{"the broker does not like the client id", &mqtttest.Fake{Code: 2}, Config{ClientID: "box"},
			`connect to mqtt://broker.test: broker refused the client id "box": set another client_id`},
		{"the broker is busy", &mqtttest.Fake{Code: 3}, Config{},
			"connect to mqtt://broker.test: broker says that it is not available now: see its log; it is tried again"},
		{"the password is wrong", &mqtttest.Fake{Code: 4}, Config{Username: "anna", Password: "s3cret"},
			"connect to mqtt://broker.test: broker refused the login (bad user name or password): check username and password"},
		{"the login is not authorised", &mqtttest.Fake{Code: 5}, Config{Username: "anna", Password: "s3cret"},
			"connect to mqtt://broker.test: broker refused the login (not authorised): check username and password"},
		{"the broker answers with a code that there is not", &mqtttest.Fake{Code: 77}, Config{},
			"connect to mqtt://broker.test: the broker sent something that is not MQTT 3.1.1: is it an MQTT broker?"},
		{"the broker answers nothing", &mqtttest.Fake{Mute: true}, Config{},
			"connect to mqtt://broker.test: no answer for 5s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, stop := run(tt.fake, tt.config)
				time.Sleep(connectTimeout + time.Millisecond)
				synctest.Wait()
				s := l.State()
				stop()
				if s.Connected || s.LastError != tt.want {
					t.Errorf("got  %q\nwant %q", s.LastError, tt.want)
				}
				if strings.Contains(s.LastError, "s3cret") {
					t.Error("a password in an error")
				}
			})
		})
	}
}

func TestAnAddressThatCannotBeIsSaidInWords(t *testing.T) {
	for _, tt := range []struct{ name, broker, want string }{
		{"credentials in the address", "mqtt://anna:s3cret@broker.test",
			"broker address: credentials in the address: put them into username and password"},
		{"an address of another kind", "http://broker.test",
			"broker address: want mqtt://host[:port] or mqtts://host[:port], or ws:// or wss:// with a path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewLink(Config{Broker: tt.broker}, nil, quiet(), nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				go func() {
					time.Sleep(time.Second)
					if s := l.State(); s.Connected || s.LastError != tt.want {
						t.Errorf("got %q, want %q", s.LastError, tt.want)
					}
				}()
				if err := l.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestARefusedConnectionIsSaidInWords(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "mqtt://" + listener.Addr().String()
	_ = listener.Close()
	changed := make(chan struct{}, 100)
	l := NewLink(Config{Broker: address}, nil, quiet(), func() { changed <- struct{}{} })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	<-changed
	if got, want := l.State().LastError, "connect to "+address+": connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cancel()
	<-done
}

func TestASecondBoxOfTheSameNameIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		l, stop := run(f, Config{ClientID: "deskbell-front"})
		for range 3 {
			for f.Live() == 0 {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
			f.Drop()
			synctest.Wait()
		}
		hint := "another client uses the id deskbell-front: a second box of this name?"
		if s := l.State(); !strings.Contains(s.LastError, hint) {
			t.Errorf("last error %q", s.LastError)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := l.State(); !s.Connected || !strings.Contains(s.LastError, hint) {
			t.Errorf("the hint is gone as soon as there is a connection: %+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := l.State(); !s.Connected || s.LastError != "" {
			t.Errorf("the hint stays on a good connection: %+v", s)
		}
		stop()
	})
}

func TestALoginThatIsRefusedIsNotTriedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{Code: 5}
		_, stop := run(f, Config{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := f.Connections(); n < 12 || n > 25 {
			t.Errorf("%d tries in a minute", n)
		}
		stop()
	})
}
