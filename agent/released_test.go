package agent

import (
	"crypto/sha256"
	"fmt"
	"os"
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
