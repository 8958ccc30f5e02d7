package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
)

// Machine is what a configuration takes from the machine that it runs on.
type Machine struct {
	Host   string // host name, without the domain
	Digits string // 6 hex digits that tell this board or machine from another
}

// ThisMachine looks the machine's name and serial number up. The digits are
// the last six of the board's serial, else of a hash of the machine id (which
// is not to be shown as it is, says machine-id(5)), else of the host name.
func ThisMachine() Machine {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	host, _, _ = strings.Cut(host, ".")
	m := Machine{Host: host}
	for _, name := range []string{"/sys/firmware/devicetree/base/serial-number", "/proc/device-tree/serial-number"} {
		if serial, err := os.ReadFile(name); err == nil {
			if s := strings.Trim(string(serial), "\x00 \n"); len(s) >= 6 {
				m.Digits = s[len(s)-6:]
				return m
			}
		}
	}
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(id) == 0 {
		id = []byte(host)
	}
	sum := sha256.Sum256(append([]byte("deskbell "), id...))
	m.Digits = hex.EncodeToString(sum[:3])
	return m
}

// deviceName is the host name made fit for a topic. The names that many
// machines share get the digits.
func (m Machine) deviceName() string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == '+' || r == '#' || r <= ' ' || r == 0x7f {
			return '-'
		}
		return r
	}, m.Host)
	switch strings.ToLower(name) {
	case "raspberrypi", "localhost", "debian", "":
		return strings.TrimPrefix(name+"-"+m.Digits, "-")
	}
	return name
}
