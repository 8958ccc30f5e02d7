package mqtt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBrokerAddresses(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string // want "": refused
	}{
		{"a host alone", "mqtt://homeassistant.local", "mqtt://homeassistant.local:1883"},
		{"with TLS the other port", "mqtts://broker.example", "mqtts://broker.example:8883"},
		{"a port", "mqtt://10.0.0.1:1884", "mqtt://10.0.0.1:1884"},
		{"an address of version 6", "mqtt://[::1]:1884", "mqtt://[::1]:1884"},
		{"a slash at the end", "mqtt://host/", "mqtt://host:1883"},
		{"WebSocket", "ws://host", "ws://host:80/"},
		{"its path", "ws://host:9001/mqtt", "ws://host:9001/mqtt"},
		{"with TLS", "wss://host/a%20b/", "wss://host:443/a%20b/"},
		{"of version 6", "wss://[::1]/mqtt", "wss://[::1]:443/mqtt"},
		{"a query after its path", "wss://host/mqtt?token=pass@", ""},
		{"credentials for it", "wss://user:pass@host/mqtt", ""},
		{"a page", "https://host/mqtt", ""},
		{"no scheme", "host:1883", ""},
		{"no host", "mqtt://:1883", ""},
		{"credentials", "mqtt://user:pass@host", ""},
		{"a path", "mqtt://host/topic", ""},
		{"a query", "mqtt://host?x=1", ""},
		{"a port that is not one", "mqtt://host:99999", ""},
		{"port 0", "mqtt://host:0", ""},
		{"nothing", "", ""},
		{"a control character", "mqtt://ho\x00st", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseBroker(tt.in)
			if (err == nil) != (tt.want != "") {
				t.Fatalf("error %v", err)
			}
			if err == nil && a.String() != tt.want {
				t.Errorf("got %s, want %s", a, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") {
				t.Errorf("credentials in %q", err)
			}
		})
	}
}

func TestTopicLevels(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a plain value stays", "front-desk", "front-desk"},
		{"so does Unicode", "Zoë 日本", "Zoë 日本"},
		{"what parts and matches levels is replaced", "a/b+c#d\x00e", "a_b_c_d_e"},
		{"and what brokers refuse", "a\tb\u0085c\ufdd0d\uffffe", "a_b_c_d_e"},
		{"it is cut between characters", strings.Repeat("é", 100), strings.Repeat("é", 64)},
		{"not in the middle of one", "x" + strings.Repeat("é", 100), "x" + strings.Repeat("é", 63)},
		{"what is no Unicode becomes some", "a\xffb", "a\ufffdb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := TopicLevel(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzTopicLevel(f *testing.F) {
	f.Add("a/b")
	f.Add(strings.Repeat("日", 50))
	f.Fuzz(func(t *testing.T, s string) {
		got := TopicLevel(s)
		if len(got) > 128 || !utf8.ValidString(got) || strings.Contains(got, "/") {
			t.Errorf("%q", got)
		}
		if got != "" {
			if err := (Message{Topic: got}).check(); err != nil {
				t.Error(err)
			}
		}
	})
}
