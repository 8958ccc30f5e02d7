package mqtt

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Address is a broker's, taken apart.
type Address struct {
	TLS       bool
	WebSocket bool
	Host      string // name or address, without brackets
	Port      string
	Path      string // of a WebSocket, as it is asked for; otherwise ""
}

// schemes are the ways to a broker, with their ports: those registered with
// IANA for mqtt and secure-mqtt, and those of the web.
var schemes = map[string]struct {
	tls, webSocket bool
	port           string
}{
	"mqtt": {false, false, "1883"}, "mqtts": {true, false, "8883"},
	"ws": {false, true, "80"}, "wss": {true, true, "443"},
}

// String returns the address in the form ParseBroker reads, port included.
func (a Address) String() string {
	for name, s := range schemes {
		if s.tls == a.TLS && s.webSocket == a.WebSocket {
			return name + "://" + net.JoinHostPort(a.Host, a.Port) + a.Path
		}
	}
	return ""
}

// ParseBroker reads mqtt://host[:1883], mqtts://host[:8883], ws://host[:80]/path
// and wss://host[:443]/path. Credentials and a query in it are an error, and so
// is a path without WebSocket; the error's text does not repeat them.
func ParseBroker(s string) (Address, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Address{}, errors.New("not an address such as mqtt://host:1883")
	}
	if u.User != nil {
		return Address{}, errors.New("credentials in the address: put them into username and password")
	}
	scheme, known := schemes[u.Scheme]
	if !known {
		return Address{}, errors.New("want mqtt://host[:port] or mqtts://host[:port], or ws:// or wss:// with a path")
	}
	a := Address{TLS: scheme.tls, WebSocket: scheme.webSocket, Host: u.Hostname(), Port: u.Port()}
	if a.Host == "" {
		return Address{}, fmt.Errorf("no host in the address: want %s://host[:port]", u.Scheme)
	}
	switch {
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Address{}, errors.New("nothing may follow host, port and path")
	case a.WebSocket:
		if a.Path = u.EscapedPath(); a.Path == "" {
			a.Path = "/"
		}
	case u.Path != "" && u.Path != "/":
		return Address{}, errors.New("nothing may follow host and port")
	}
	if a.Port == "" {
		a.Port = scheme.port
	}
	if n, err := strconv.ParseUint(a.Port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("port %s is not between 1 and 65535", a.Port)
	}
	return a, nil
}

// maxLevel is how many bytes of a value go into a topic.
const maxLevel = 128

// TopicLevel makes one level of a topic of any value: `/ + #`, NUL and every
// other character for which brokers end the connection become "_", and it is
// cut to 128 bytes, between characters.
func TopicLevel(value string) string {
	if len(value) <= maxLevel && plain(value) {
		return value
	}
	var b strings.Builder
	for _, r := range value {
		if r == '/' || r == '+' || r == '#' || refused(r) {
			r = '_'
		}
		if b.Len()+utf8.RuneLen(r) > maxLevel {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain says that value is printable ASCII that a topic may hold.
func plain(value string) bool {
	for i := range len(value) {
		c := value[i]
		if c < 0x20 || c >= 0x7f || c == '/' || c == '+' || c == '#' {
			return false
		}
	}
	return true
}

// refused are the characters that a broker may end the connection for: those
// of MQTT 3.1.1, section 1.5.3, control and non-characters of Unicode.
func refused(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}

// maxTopic is what the two bytes of length before a topic can say, maxPayload
// what the four before a packet can, with the topic in it.
const (
	maxTopic   = 65535
	maxPayload = 268435455 - maxTopic - 4
)

// ErrBadMessage comes from Publish for a message that no broker takes. The
// connection lives on.
var ErrBadMessage = errors.New("not a message that can be sent")

// check refuses what the client library would send all the same, cut or
// broken, and what brokers answer by ending the connection.
func (m Message) check() error {
	switch {
	case m.Topic == "":
		return fmt.Errorf("%w: no topic", ErrBadMessage)
	case len(m.Topic) > maxTopic:
		return fmt.Errorf("%w: topic of %d bytes", ErrBadMessage, len(m.Topic))
	case len(m.Payload) > maxPayload:
		return fmt.Errorf("%w: payload of %d bytes", ErrBadMessage, len(m.Payload))
	case m.QoS > 1:
		return fmt.Errorf("%w: QoS %d", ErrBadMessage, m.QoS)
	case !utf8.ValidString(m.Topic):
		return fmt.Errorf("%w: the topic is not valid UTF-8", ErrBadMessage)
	}
	for _, r := range m.Topic {
		if r == '+' || r == '#' || refused(r) {
			return fmt.Errorf("%w: character %U in the topic", ErrBadMessage, r)
		}
	}
	return nil
}
