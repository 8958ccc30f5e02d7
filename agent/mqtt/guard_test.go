package mqtt

import (
	"bytes"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// FuzzGuard gives the same bytes to the guard in one piece and cut, and those
// that pass to the client library: nothing may panic, and where they are cut
// makes no difference.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 0, 0x40, 2, 0, 1, 0xd0, 0}, byte(1))
	f.Add([]byte{0x90, 3, 0, 2, 1, 0x32, 7, 0, 1, 'a', 0, 9, 'x', 'y'}, byte(3))
	f.Add([]byte{0x90, 3, 0, 1, 0}, byte(2))
	f.Add([]byte{0x90, 4, 0, 2, 1, 1}, byte(2))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, byte(1))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}, byte(1))
	f.Add([]byte{0x32, 2, 0, 9}, byte(5))
	f.Fuzz(func(t *testing.T, stream []byte, cut byte) {
		whole, pieces := newTestGuard(), newTestGuard()
		wholeErr := whole.check(stream)
		var piecesErr error
		for rest := stream; len(rest) > 0 && piecesErr == nil; {
			n := min(len(rest), int(cut)%7+1)
			piecesErr = pieces.check(rest[:n])
			rest = rest[n:]
		}
		if (wholeErr == nil) != (piecesErr == nil) {
			t.Fatalf("in one piece %v, cut %v", wholeErr, piecesErr)
		}
		a, _ := whole.flights.counts()
		if b, _ := pieces.flights.counts(); a != b {
			t.Fatalf("in one piece %d acknowledged, cut %d", a, b)
		}
		if wholeErr != nil {
			return
		}
		for r := bytes.NewReader(stream); r.Len() > 0; {
			if _, err := packets.ReadPacket(r); err != nil {
				break
			}
		}
	})
}

func newTestGuard() *guard {
	g := &guard{flights: newFlights(), max: 1000}
	g.flights.Put("", &packets.PublishPacket{FixedHeader: packets.FixedHeader{Qos: 1}, MessageID: 1})
	return g
}

func TestAPacketOfAnySizeIsNotGivenMemory(t *testing.T) {
	if err := newTestGuard().check([]byte{0x30, 0xe9, 0x07}); err == nil {
		t.Error("a message of 1001 bytes was taken")
	}
	if err := newTestGuard().check([]byte{0x30, 0xe8, 0x07}); err != nil {
		t.Errorf("a message of 1000 bytes: %v", err)
	}
}
