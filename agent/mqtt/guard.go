package mqtt

import (
	"bufio"
	"errors"
	"io"
)

// The packet types of MQTT 3.1.1, section 2.2.1, that a broker may send to a
// client that neither unsubscribes nor uses QoS 2.
const (
	packetConnack  = 2
	packetPublish  = 3
	packetPuback   = 4
	packetSuback   = 9
	packetPingresp = 13
)

var errNotMQTT = errors.New("the broker sent something that is not MQTT 3.1.1: is it an MQTT broker?")

// A guard follows what the broker sends, packet by packet. It takes the PUBACKs
// out, which are not for the client library, and stops what that would stumble
// over: a packet of any size is given memory there, and an acknowledgement of
// a subscription with too many codes ends the process. A message that is too
// large is left out and the connection lives on: a retained one would end each.
type guard struct {
	from     *bufio.Reader
	flights  *flights
	max      int                       // bytes of a packet
	leaveOut func(id uint16, size int) // called for a message left out; id 0: it wants no PUBACK

	ready []byte  // what is read and may be passed on, a part of store
	store [8]byte // a whole small packet, or the head of a publish
	left  int     // bytes of a publish that follow what is ready
}

// Read gives the stream to the library.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.ready) == 0 && g.left == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	if len(g.ready) > 0 {
		n := copy(p, g.ready)
		g.ready = g.ready[n:]
		return n, nil
	}
	n, err := g.from.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// next reads one packet: a small one, or a publish as far as its head.
func (g *guard) next() error {
	first, err := g.from.ReadByte()
	if err != nil {
		return err
	}
	head := append(g.store[:0], first)
	length := 0
	for shift := 0; ; shift += 7 {
		if shift == 28 {
			return errNotMQTT
		}
		b, err := g.from.ReadByte()
		if err != nil {
			return err
		}
		head = append(head, b)
		length |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
	}
	switch kind := first >> 4; {
	case kind == packetPublish && length > g.max:
		return g.skip(first, length)
	case kind == packetPublish && length >= 2:
		g.ready, g.left = head, length
		return nil
	case length == sizes[kind] && known(kind) && len(head) == 2:
		return g.small(kind, head, length)
	}
	return errNotMQTT
}

// sizes of the packets that always have the same, after their head. We
// subscribe to one filter at a time.
var sizes = [16]int{packetConnack: 2, packetPuback: 2, packetSuback: 3, packetPingresp: 0}

func known(kind byte) bool {
	return kind == packetConnack || kind == packetPuback || kind == packetSuback || kind == packetPingresp
}

// small reads and judges a packet of a few bytes.
func (g *guard) small(kind byte, head []byte, length int) error {
	packet := head[:len(head)+length]
	rest := packet[len(head):]
	if _, err := io.ReadFull(g.from, rest); err != nil {
		return err
	}
	switch kind {
	case packetConnack:
		if rest[1] > 5 {
			return errNotMQTT
		}
	case packetPuback:
		g.flights.ack(identifier(rest))
		return nil
	}
	g.ready = packet
	return nil
}

// skip reads a publish that is passed to nobody.
func (g *guard) skip(first byte, length int) error {
	size := length
	discard := func(n int) error {
		if length -= n; length < 0 {
			return errNotMQTT
		}
		_, err := g.from.Discard(n)
		return err
	}
	var b [2]byte
	number := func() (uint16, error) {
		if length -= len(b); length < 0 {
			return 0, errNotMQTT
		}
		_, err := io.ReadFull(g.from, b[:])
		return identifier(b[:]), err
	}
	topic, err := number()
	if err != nil {
		return err
	}
	if err := discard(int(topic)); err != nil {
		return err
	}
	id := uint16(0)
	if first&0x06 != 0 { // QoS
		if id, err = number(); err != nil {
			return err
		}
	}
	if err := discard(length); err != nil {
		return err
	}
	g.leaveOut(id, size)
	return nil
}

func identifier(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }
