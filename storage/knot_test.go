package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSmallEventsFindPlaces among large ones, where all that is not delivered may
// be given up: free pages lie in pieces, and each commit writes the last page
// anew, with a large value that it may hold.
func TestSmallEventsFindPlaces(t *testing.T) {
	o := testOptions()
	o.MaxSize, o.DropOldest = 4<<20, true
	var said bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	l := openLog(t, memory(t), o)
	r := rand.New(rand.NewPCG(*seed, 3))
	refused, stored := 0, int64(0)
	for i := range 3000 {
		n := 500 + r.IntN(1500)
		if i%40 == 20 {
			n = 100_000 + r.IntN(200_000)
		}
		data := make([]byte, n)
		binary.BigEndian.PutUint64(data, uint64(i))
		_, err := l.Append(context.Background(), []Entry{event(string(data))})
		switch {
		case err == nil:
			stored += int64(n)
			l.cursor("desk").Save(Update{Position: l.Stats().LastSequence})
		case !errors.Is(err, ErrFull):
			t.Fatal(err)
		case n < largeBytes:
			refused++
			t.Logf("event %d of %d bytes: %v", i, n, err)
		}
	}
	l.stop()
	made := int64(strings.Count(said.String(), "store was made anew"))
	if refused > 0 || made == 0 || made > stored/(o.MaxSize/8) {
		t.Errorf("%d small events were refused, the file was made anew %d times for %d bytes", refused, made, stored)
	}
	t.Logf("made anew %d times for %d bytes", made, stored)
}
