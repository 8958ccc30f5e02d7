package mqtt

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"deskbell/agent/mqtt/mqtttest"
)

// FuzzGuard gives the same bytes to the guard in one piece and cut, and those
// that pass to the client library: nothing may panic, and where they are cut
// makes no difference.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 0, 0x40, 2, 1, 0, 0xd0, 0}, byte(1))
	f.Add([]byte{0x90, 3, 0, 2, 1, 0x32, 7, 0, 1, 'a', 0, 9, 'x', 'y'}, byte(3))
	f.Add([]byte{0x90, 3, 0, 1, 0}, byte(2))
	f.Add([]byte{0x90, 4, 0, 2, 1, 1}, byte(2))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, byte(1))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}, byte(1))
	f.Add([]byte{0x32, 2, 0, 9}, byte(5))
	f.Add([]byte{0x32, 0xe9, 0x07, 0, 1, 'a', 0, 9, 'x'}, byte(1))
	f.Fuzz(func(t *testing.T, stream []byte, cut byte) {
		g, whole, wholeErr := through(stream, len(stream)+1)
		h, pieces, piecesErr := through(stream, int(cut)%7+1)
		if !bytes.Equal(whole, pieces) || wholeErr != piecesErr {
			t.Fatalf("in one piece %x %v, cut %x %v", whole, wholeErr, pieces, piecesErr)
		}
		a, _ := g.flights.counts()
		if b, _ := h.flights.counts(); a != b {
			t.Fatalf("in one piece %d acknowledged, cut %d", a, b)
		}
		for r := bytes.NewReader(whole); r.Len() > 0; {
			p, err := packets.ReadPacket(r)
			if err != nil {
				break
			}
			if _, is := p.(*packets.PubackPacket); is {
				t.Fatal("a PUBACK was passed on")
			}
		}
	})
}

// through returns what a guard lets through of a stream that comes in pieces.
func through(stream []byte, piece int) (g *guard, passed []byte, err error) {
	g = &guard{from: bufio.NewReader(&cutReader{stream, piece}), flights: newFlights(), max: 1000, leaveOut: func(uint16, int) {}}
	inFlight(g.flights)
	for p := make([]byte, piece); ; {
		n, err := g.Read(p)
		if passed = append(passed, p[:n]...); err != nil {
			return g, passed, err
		}
	}
}

// inFlight hands a publish to a network that takes everything.
func inFlight(f *flights) *Token {
	t, _ := f.put(nil, Message{Topic: "a", QoS: 1})
	n := len(f.take())
	f.progress(n, n)
	return t
}

// A cutReader gives at most so many bytes at once.
type cutReader struct {
	left  []byte
	piece int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.left[:min(c.piece, len(c.left))])
	c.left = c.left[n:]
	return n, nil
}

func TestAMessageThatIsTooLargeIsLeftOut(t *testing.T) {
	publish := func(size int, id uint16) []byte {
		p := mqtttest.PublishPacket("a topic", "", id, false)
		return mqtttest.PublishPacket("a topic", strings.Repeat("x", size-(len(p)-2)), id, false)
	}
	small, large := publish(1000, 7), publish(1001, 8)
	for _, tt := range []struct {
		name   string
		stream [][]byte
		want   [][]byte
		left   []string
	}{
		{"as large as may be", [][]byte{small}, [][]byte{small}, nil},
		{"a byte larger", [][]byte{large}, nil, []string{"8 of 1001"}},
		{"much larger", [][]byte{publish(70_000, 9)}, nil, []string{"9 of 70000"}},
		{"of QoS 0", [][]byte{publish(1001, 0)}, nil, []string{"0 of 1001"}},
		{"among others", [][]byte{small, large, {0xd0, 0}, large, small}, [][]byte{small, {0xd0, 0}, small}, []string{"8 of 1001", "8 of 1001"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for piece := range 12 {
				var left []string
				g := &guard{from: bufio.NewReader(&cutReader{bytes.Join(tt.stream, nil), piece + 1}), flights: newFlights(), max: 1000,
					leaveOut: func(id uint16, size int) { left = append(left, fmt.Sprintf("%d of %d", id, size)) }}
				got, err := io.ReadAll(g)
				if err != nil || !bytes.Equal(got, bytes.Join(tt.want, nil)) || !slices.Equal(left, tt.left) {
					t.Errorf("passed %d bytes, left out %q, %v", len(got), left, err)
				}
			}
		})
	}
}
