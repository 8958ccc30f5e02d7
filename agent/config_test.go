package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var testMachine = Machine{Host: "front-desk", Digits: "12ab34"}

func TestReferenceHoldsTheDefaults(t *testing.T) {
	got, err := Load(Reference, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Load([]byte(`
[webhook]
tokens = ["current", "previous"]
[[forward]]
name = "hub"
broker = "mqtt://127.0.0.1:1883"
[broker]
[output.lamp]
pin = "GPIO17"
[output.buzzer]
pin = "GPIO18"
kind = "buzzer"
[input.ack]
pin = "GPIO27"`), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	got.Webhook.Types = nil // an empty table
	for i := range got.Forward {
		got.Forward[i].Only, got.Forward[i].Except = nil, nil
	}
	got.Webhook.TokenIn, got.Webhook.AllowFrom = nil, nil
	lamp := got.Output["lamp"]
	lamp.Only = nil
	got.Output["lamp"] = lamp
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the reference says\n%+v\nthe defaults are\n%+v", got, want)
	}
}

func TestReferenceNamesEveryKey(t *testing.T) {
	lines := keyLines(uncommented(Reference))
	there := map[string]bool{}
	for key := range lines {
		there[anyRule.ReplaceAllString(key, "rule.0.")] = true
	}
	for _, key := range allKeys(reflect.TypeFor[Config](), "") {
		if !there[key] {
			t.Errorf("the reference leaves %s out", key)
		}
	}
}

var (
	anyRule = regexp.MustCompile(`^rule\.\d+\.`)
	example = regexp.MustCompile(`(?m)^#(\S)`)
)

// uncommented is the reference with its examples in force.
func uncommented(doc []byte) []byte { return example.ReplaceAll(doc, []byte("$1")) }

// allKeys lists the dotted keys, with the names that the reference uses where
// a name is free.
func allKeys(t reflect.Type, path string) []string {
	var keys []string
	for i := range t.NumField() {
		f, at := t.Field(i).Type, join(path, t.Field(i).Tag.Get("toml"))
		switch {
		case f.Kind() == reflect.Pointer && f.Elem().Kind() == reflect.Struct:
			keys = append(keys, allKeys(f.Elem(), at)...)
		case f.Kind() == reflect.Struct:
			keys = append(keys, allKeys(f, at)...)
		case f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct:
			keys = append(keys, allKeys(f.Elem(), at+".0")...)
		case f.Kind() == reflect.Map && f.Elem().Kind() == reflect.Struct:
			name := "lamp"
			if f.Elem() == reflect.TypeFor[Input]() {
				name = "ack"
			}
			keys = append(keys, allKeys(f.Elem(), at+"."+name)...)
		default:
			keys = append(keys, at)
		}
	}
	return keys
}

func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".toml"), func(t *testing.T) {
			doc, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(doc), "\n")
			want, ok := strings.CutPrefix(first, "# want: ")
			if !ok {
				t.Fatal("the first line must be # want: …")
			}
			_, err = Load(doc, testMachine)
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("accepted, or another error: %v", err)
			}
			if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), want) {
				t.Errorf("got\n%v\nwant one fault\n%s", faults, want)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Load([]byte("device = 5\n[webhook]\nlisten = \"x\"\nrate = -1\n[nope]\n"), testMachine)
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, line := range []int{1, 3, 4, 5} {
		if faults[i].Line != line {
			t.Errorf("fault %d is on line %d: %v", i, line, faults[i])
		}
	}
}

func TestEmptyFileStaysOnThisMachine(t *testing.T) {
	c, err := Load(nil, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if c.Webhook.Listen != "127.0.0.1:8080" || c.GPIO.Driver != "simulated" || len(c.Output) != 2 {
		t.Errorf("got %+v", c)
	}
	if len(c.Forward) != 1 || c.Forward[0].Name != "local" || c.Forward[0].Broker != Embedded || c.Broker == nil {
		t.Errorf("forwards %+v, broker %v", c.Forward, c.Broker)
	}
	if c.Device != "front-desk" || c.Forward[0].ClientID != "deskbell-front-desk-local-12ab34" {
		t.Errorf("device %q, client id %q", c.Device, c.Forward[0].ClientID)
	}
}

func TestAButtonAloneIsOnTheChip(t *testing.T) {
	c, err := Load([]byte("input.ack = { pin = 'GPIO17' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Board()
	if b.Driver != "auto" || !b.SimulatedOutputs || len(b.Outputs) != 2 || len(b.Inputs) != 1 || len(c.indication().Outputs) != 2 || b.Validate() != nil {
		t.Errorf("got %+v", b)
	}
}

func TestCommonHostNamesGetTheBoardsDigits(t *testing.T) {
	for host, want := range map[string]string{
		"raspberrypi": "raspberrypi-12ab34", "localhost": "localhost-12ab34", "debian": "debian-12ab34",
		"front desk": "front-desk", "lobby": "lobby",
	} {
		if got := (Machine{Host: host, Digits: "12ab34"}).deviceName(); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestSecretsComeFromFilesAndCredentials(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	tokens := write("tokens", "current\n\n previous \n")
	doc := "[webhook]\ntokens_file = '" + tokens + "'\n[[forward]]\nname = \"hub\"\nbroker = \"mqtt://a\"\npassword = \"from the file\"\n"
	c, err := Load([]byte(doc), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Webhook.Tokens, []string{"current", "previous"}) || c.Forward[0].Password != "from the file" {
		t.Errorf("tokens %q, password %q", c.Webhook.Tokens, c.Forward[0].Password)
	}
	write("forward.hub.password", "from systemd\n")
	write("webhook.tokens", "third\n")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if c, err = Load([]byte(doc), testMachine); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Webhook.Tokens, []string{"third"}) || c.Forward[0].Password != "from systemd" {
		t.Errorf("with credentials: tokens %q, password %q", c.Webhook.Tokens, c.Forward[0].Password)
	}
}

func TestEnvironmentIsExpanded(t *testing.T) {
	t.Setenv("DESK", "lobby")
	c, err := Load([]byte(`device = "${DESK}-2"`), testMachine)
	if err != nil || c.Device != "lobby-2" {
		t.Errorf("got %q, %v", c.Device, err)
	}
}

func TestPrintCanBeReadAgainAndMasksSecrets(t *testing.T) {
	doc := []byte("admin = { password = \"geheim\" }\n[webhook]\ntokens = [\"geheim\"]\n[webhook.types]\n\"a.b\" = \"note\"\n" +
		"[[forward]]\nname = \"hub\"\nbroker = \"mqtt://a\"\npassword = \"geheim\"\nusername = \"u\"\n")
	c, err := Load(doc, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "geheim") {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	again, err := Load(out.Bytes(), testMachine)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	var second bytes.Buffer
	if err := again.Print(&second); err != nil || second.String() != out.String() {
		t.Errorf("printed again:\n%s\nwas\n%s", second.String(), out.String())
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(Reference)
	files, _ := filepath.Glob("testdata/bad/*.toml")
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := Load(doc, testMachine)
		if err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
		if err == nil && !bytes.Contains(doc, []byte("${")) {
			readsBack(t, c)
		}
	})
}
