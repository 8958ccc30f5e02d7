package mqtttest

import (
	"bufio"
	"errors"
	"io"
)

// A packet of MQTT 3.1.1, taken apart as far as the fixed header.
type packet struct {
	kind, flags byte
	rest        []byte
}

func readPacket(r *bufio.Reader) (packet, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packet{}, err
	}
	length := 0
	for shift := 0; ; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return packet{}, err
		}
		length |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
		if shift == 21 {
			return packet{}, errors.New("length of a packet")
		}
	}
	p := packet{kind: first >> 4, flags: first & 15, rest: make([]byte, length)}
	_, err = io.ReadFull(r, p.rest)
	return p, err
}

// text returns the string that b begins with, after its length.
func text(b []byte) string { return string(b[2 : 2+length(b)]) }

func length(b []byte) int { return int(b[0])<<8 | int(b[1]) }

func (p packet) publish(connection int) Publish {
	m := Publish{Connection: connection, Topic: text(p.rest), QoS: p.flags >> 1 & 3, Retained: p.flags&1 != 0}
	b := p.rest[2+len(m.Topic):]
	if m.QoS > 0 {
		m.ID = uint16(length(b))
		b = b[2:]
	}
	m.Payload = string(b)
	return m
}

func (p packet) login() Login {
	b := p.rest
	next := func() string {
		s := text(b)
		b = b[2+len(s):]
		return s
	}
	l := Login{Protocol: next()}
	l.Level = b[0]
	flags := b[1]
	l.KeepAlive = uint16(length(b[2:]))
	b = b[4:]
	l.Clean = flags&2 != 0
	l.ClientID = next()
	if flags&4 != 0 {
		l.WillTopic, l.WillPayload = next(), next()
		l.WillQoS, l.WillRetained = flags>>3&3, flags&0x20 != 0
	}
	if flags&0x80 != 0 {
		l.Username = next()
	}
	if flags&0x40 != 0 {
		l.Password = next()
	}
	return l
}

// PublishPacket returns the bytes of a message of QoS 1, or of QoS 0 when id
// is 0.
func PublishPacket(topic, payload string, id uint16, retained bool) []byte {
	head := byte(0x30)
	if retained {
		head |= 1
	}
	body := append([]byte{byte(len(topic) >> 8), byte(len(topic))}, topic...)
	if id != 0 {
		head |= 2
		body = append(body, byte(id>>8), byte(id))
	}
	body = append(body, payload...)
	b := []byte{head}
	for n := len(body); ; {
		d := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			d |= 0x80
		}
		b = append(b, d)
		if n == 0 {
			return append(b, body...)
		}
	}
}
