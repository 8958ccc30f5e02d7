package mqtt

import (
	"errors"
	"fmt"
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

var errNotMQTT = errors.New("the broker sent something that is not MQTT 3.1.1")

// A guard follows what the broker sends, byte by byte, and stops what the
// client library would take for something else or stumble over: a packet of
// any size is given memory there, an acknowledgement of a subscription with
// too many codes ends the process, and a publish counts as acknowledged by
// other packets than its PUBACK.
type guard struct {
	flights *flights
	max     int // bytes of a packet

	part   int // which part of a packet comes next
	kind   byte
	length int // of the rest of the packet, as far as it is read
	shift  int
	got    int     // bytes of the rest seen
	first  [3]byte // of the rest
}

const (
	partHeader = iota
	partLength
	partRest
)

// check takes the next bytes of the stream, cut anywhere.
func (g *guard) check(p []byte) error {
	for len(p) > 0 {
		switch g.part {
		case partHeader:
			g.kind, g.length, g.shift, g.got = p[0]>>4, 0, 0, 0
			g.part = partLength
			p = p[1:]
		case partLength:
			b := p[0]
			p = p[1:]
			g.length |= int(b&0x7f) << g.shift
			g.shift += 7
			if b&0x80 != 0 {
				if g.shift == 28 {
					return errNotMQTT
				}
				continue
			}
			if err := g.header(); err != nil {
				return err
			}
			g.part = partRest
			if g.length == 0 {
				g.part = partHeader
			}
		case partRest:
			n := min(g.length-g.got, len(p))
			if g.got < len(g.first) {
				copy(g.first[g.got:], p[:n])
			}
			g.got += n
			p = p[n:]
			if g.got < g.length {
				continue
			}
			g.part = partHeader
			if err := g.rest(); err != nil {
				return err
			}
		}
	}
	return nil
}

// header judges type and length.
func (g *guard) header() error {
	ok := false
	switch g.kind {
	case packetConnack, packetPuback:
		ok = g.length == 2
	case packetSuback:
		ok = g.length == 3 // we subscribe to one filter at a time
	case packetPingresp:
		ok = g.length == 0
	case packetPublish:
		if g.length > g.max {
			return fmt.Errorf("the broker sent a message of %d bytes; at most %d are taken", g.length, g.max)
		}
		ok = g.length >= 2
	}
	if !ok {
		return errNotMQTT
	}
	return nil
}

// rest judges the content of the small packets.
func (g *guard) rest() error {
	id := uint16(g.first[0])<<8 | uint16(g.first[1])
	switch g.kind {
	case packetConnack:
		if g.first[1] > 5 {
			return errNotMQTT
		}
	case packetPuback:
		g.flights.ack(id)
	case packetSuback:
		if g.flights.has(id) {
			return errNotMQTT
		}
	}
	return nil
}
