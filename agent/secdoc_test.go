package agent

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestTheSecurityPageTellsTheDefaults holds what that page says against the code.
func TestTheSecurityPageTellsTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../packaging/doc/security.md")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(nil, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	open, err := Load([]byte("webhook.tokens = ['a']"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| " + c.Webhook.Listen + "; `" + open.Webhook.Listen + "` with a token |",
		"| " + c.Admin.Listen + " |",
		"| " + c.Broker.Listen + ", where it is on |",
		"`storage.keep` (" + strings.TrimSuffix(time.Duration(c.Storage.Keep).String(), "0m0s") + " by default",
		"| `" + c.DataDir + "/" + acmeFolder + "` |",
		"; " + describe(int64(c.Webhook.Rate)) + " requests a second",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
