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
	TLS  bool
	Host string // name or address, without brackets
	Port string
}

// String returns the address in the form ParseBroker reads, port included.
func (a Address) String() string {
	scheme := "mqtt://"
	if a.TLS {
		scheme = "mqtts://"
	}
	return scheme + net.JoinHostPort(a.Host, a.Port)
}

// ParseBroker reads mqtt://host[:1883] and mqtts://host[:8883]. Credentials, a
// path or a query in it are an error, whose text does not repeat them.
func ParseBroker(s string) (Address, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Address{}, errors.New("not an address such as mqtt://host:1883")
	}
	if u.User != nil {
		return Address{}, errors.New("credentials in the address: put them into username and password")
	}
	a := Address{Host: u.Hostname(), Port: u.Port()}
	switch u.Scheme {
	case "mqtt":
	case "mqtts":
		a.TLS = true
	default:
		return Address{}, errors.New("want mqtt://host[:port] or mqtts://host[:port]")
	}
	if a.Host == "" {
		return Address{}, errors.New("no host in the address: want mqtt://host[:port]")
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return Address{}, errors.New("nothing may follow host and port")
	}
	if a.Port == "" {
		// The ports registered with IANA for mqtt and secure-mqtt.
		a.Port = "1883"
		if a.TLS {
			a.Port = "8883"
		}
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
