package agent

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func compose(t *testing.T, doc string, s Setup) string {
	t.Helper()
	out, err := Compose([]byte(doc), s)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// everything is a Setup that says all that can be said.
func everything() Setup {
	url := "https://desk.example.org/webhook"
	return Setup{
		Listen: "127.0.0.1:8080", PublicURL: &url, TokensFile: "/etc/deskbell/token",
		Broker: &Broker{URL: "mqtt://homeassistant.local", Username: "desk", PasswordFile: "/etc/deskbell/mqtt-hub"},
		Pins:   map[string]string{PinLamp: "GPIO17", PinBuzzer: "GPIO18", PinButton: "GPIO27"},
	}
}

func TestComposeFromNothing(t *testing.T) {
	const want = setupMark + `, which keeps what else is written here, but not comments.
# All keys: /usr/share/doc/deskbell/deskbell.toml. After a change: deskbell check && systemctl restart deskbell

[webhook]
listen = "127.0.0.1:8080"
public_url = "https://desk.example.org/webhook"
tokens_file = "/etc/deskbell/token"

[[forward]]
name = "hub"
broker = "mqtt://homeassistant.local"
password_file = "/etc/deskbell/mqtt-hub"
username = "desk"

[output.buzzer]
kind = "buzzer"
pin = "GPIO18"

[output.lamp]
pin = "GPIO17"

[input.ack]
pin = "GPIO27"
`
	if got := compose(t, "", everything()); got != want {
		t.Errorf("got\n%s", got)
	}
	shipped, err := os.ReadFile("../packaging/deskbell.toml")
	if err != nil {
		t.Fatal(err)
	}
	if got := compose(t, string(shipped), everything()); got != want {
		t.Errorf("from the shipped file: got\n%s", got)
	}
	for doc, foreign := range map[string]bool{"": false, string(shipped): false, want: false, string(shipped) + "device = 'lobby'": true, "[webhook]\nrate = 3": true} {
		if f, err := Find([]byte(doc)); err != nil || f.Foreign != foreign {
			t.Errorf("%.40q: foreign %v, %v", doc, f.Foreign, err)
		}
	}
}

func TestComposeKeepsTheRest(t *testing.T) {
	const doc = `device = "lobby" # a word
[webhook]
listen = ":8443"
tokens = ["inline"]
max_body = "2MiB"
[webhook.types]
"a.b" = "note"
[[forward]]
name = "cloud"
broker = "mqtts://a"
[[forward]]
name = "hub"
broker = "mqtt://old"
username = "old"
password = "old"
only = ["message"]
[output.lamp]
pin = "GPIO4"
active_low = true
[output.sign]
pin = "GPIO5"
kind = "relay"
[gpio]
driver = "simulated"
[[rule]]
name = "mine"
while = 'waiting > 0 and person == "o''neil"'
show = { lamp = "pulse" }
escalate = [{ after = "60s", show = { sounds = "alarm" } }]
[people]
anna = "anna@hotel.example"
`
	got := compose(t, strings.Replace(doc, "o''neil", "oneil", 1), everything())
	tree, err := parseTree([]byte(got))
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseTree([]byte(`device = "lobby"
people.anna = "anna@hotel.example"
[webhook]
listen = "127.0.0.1:8080"
public_url = "https://desk.example.org/webhook"
tokens_file = "/etc/deskbell/token"
max_body = "2MiB"
[webhook.types]
"a.b" = "note"
[[forward]]
name = "cloud"
broker = "mqtts://a"
[[forward]]
name = "hub"
broker = "mqtt://homeassistant.local"
username = "desk"
password_file = "/etc/deskbell/mqtt-hub"
only = ["message"]
[output.lamp]
pin = "GPIO17"
active_low = true
[output.buzzer]
pin = "GPIO18"
kind = "buzzer"
[output.sign]
pin = "GPIO5"
kind = "relay"
[input.ack]
pin = "GPIO27"
[[rule]]
name = "mine"
while = 'waiting > 0 and person == "oneil"'
show = { lamp = "pulse" }
escalate = [{ after = "60s", show = { sounds = "alarm" } }]
`))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tree, want) {
		t.Errorf("got\n%s", got)
	}
	// Nothing decided changes nothing, and neither does the same again.
	if again := compose(t, got, Setup{}); again != got {
		t.Errorf("nothing decided changes\n%s\ninto\n%s", got, again)
	}
	if again := compose(t, got, everything()); again != got {
		t.Errorf("the same again changes\n%s\ninto\n%s", got, again)
	}
	none := ""
	less := compose(t, got, Setup{PublicURL: &none, Broker: &Broker{URL: Embedded}, Pins: map[string]string{}})
	f, err := Find([]byte(less))
	if err != nil || f.PublicURL != "" || f.Forwards != 1 || f.Forward != "cloud" || len(f.Pins) != 0 || !f.Others {
		t.Errorf("what is taken away: %+v, %v in\n%s", f, err, less)
	}
}

// What cannot be written so that it reads back the same is an error, and no
// other configuration.
func TestComposeReadsBack(t *testing.T) {
	if out, err := Compose([]byte("odd = 07:32:00"), Setup{}); err == nil && !strings.Contains(string(out), "odd = 07:32:00") {
		t.Errorf("got\n%s", out)
	}
	if out, err := Compose([]byte("odd = 1.0"), Setup{}); err == nil {
		t.Errorf("got\n%s", out)
	}
}

// A login belongs to one broker: it is not sent to another.
func TestComposeDoesNotCarryALoginElsewhere(t *testing.T) {
	const doc = "[[forward]]\nname = 'x'\nbroker = 'mqtt://a'\nusername = 'u'\npassword = 'p'\n"
	for _, b := range []Broker{{URL: "mqtt://b"}, {URL: "mqtt://b", Username: "u"}, {URL: "mqtt://a"}, {URL: "mqtt://a", Username: "v"}} {
		if got := compose(t, doc, Setup{Broker: &b}); strings.Contains(got, "password") {
			t.Errorf("%+v: got\n%s", b, got)
		}
	}
	if got := compose(t, doc, Setup{Broker: &Broker{URL: "mqtt://a", Username: "u"}}); !strings.Contains(got, `password = "p"`) {
		t.Errorf("the same: got\n%s", got)
	}
}

// FuzzCompose: whatever is in a file, what setup does not own stays.
func FuzzCompose(f *testing.F) {
	for _, doc := range []string{"", string(Reference), "webhook = 3", "forward = [1]", "[output]\nlamp = 1", "a.b.c = [[1], {x=1}]", "forward = [{name='hub'}, 2]", "'' = {'' = {}}"} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		before, err := parseTree([]byte(doc))
		if err != nil {
			return
		}
		_, _ = Find([]byte(doc))
		out, err := Compose([]byte(doc), everything())
		if err != nil {
			return
		}
		after, err := parseTree(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, owned := range []string{"webhook", "forward", "output", "input", "gpio"} {
			delete(before, owned)
			delete(after, owned)
		}
		if !reflect.DeepEqual(before, after) && !strings.Contains(doc, "nan") {
			t.Errorf("%q became %q", doc, out)
		}
	})
}
