package agent

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"testing"
)

// TestShippedBytes holds the configuration file of the packages as it is. A desk whose file setup or a person has changed is asked
// by dpkg what to do when its bytes change, and an unattended upgrade then stops there. What is new goes to agent/deskbell.toml.
func TestShippedBytes(t *testing.T) {
	shipped, err := os.ReadFile("../packaging/deskbell.toml")
	if err != nil {
		t.Fatal(err)
	}
	const want = "53285e0060dfc39a0ae55eb0ced19f215edd63e9b562810d2a8120ba04aea272"
	if got := fmt.Sprintf("%x", sha256.Sum256(shipped)); got != want {
		t.Errorf("packaging/deskbell.toml has other bytes: %s", got)
	}
}

// TestReleasedConfigurations are read by every later version, and mean the same. The files are of the first version; none of them
// is ever changed.
func TestReleasedConfigurations(t *testing.T) {
	for name, want := range map[string]struct {
		listen, admin, broker string
		tokens                []string
		outputs, inputs       int
	}{
		"shipped.toml":   {listen: "127.0.0.1:8080", admin: "127.0.0.1:8090", broker: Embedded, outputs: 2},
		"reference.toml": {listen: ":8080", admin: "127.0.0.1:8090", broker: "mqtt://127.0.0.1:1883", tokens: []string{"current", "previous"}, outputs: 2, inputs: 1},
		"setup.toml":     {listen: "127.0.0.1:8080", admin: "127.0.0.1:8090", broker: "mqtt://homeassistant.local", tokens: []string{"geheim"}, outputs: 2, inputs: 1},
		"desk.toml":      {listen: ":8080", admin: ":8090", broker: "mqtt://homeassistant.local", tokens: []string{"geheim"}, outputs: 2, inputs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/format1/" + name)
			if err != nil {
				t.Fatal(err)
			}
			c := loads(t, string(text))
			outputs, _ := c.outputs()
			if c.Webhook.Listen != want.listen || c.Admin.Listen != want.admin || len(c.Forward) != 1 || c.Forward[0].Broker != want.broker ||
				!slices.Equal(c.Webhook.Tokens, want.tokens) || len(outputs) != want.outputs || len(c.Input) != want.inputs {
				t.Errorf("webhook %s, page %s, forwards %+v, tokens %q, %d outputs, %d inputs; want %+v",
					c.Webhook.Listen, c.Admin.Listen, c.Forward, c.Webhook.Tokens, len(outputs), len(c.Input), want)
			}
		})
	}
}
