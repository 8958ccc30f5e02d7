package indicator

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// BenchmarkStep takes the platform's samples, one a turn and a batch a turn, at a desk with 1,000 conversations.
func BenchmarkStep(b *testing.B) {
	var elements [][]byte
	for _, s := range event.Samples() {
		body, err := event.ParseBody(s.Data)
		if err != nil {
			b.Fatal(err)
		}
		elements = append(elements, body.Elements[0].Data)
	}
	decoder, err := event.NewDecoder(event.Config{})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{1, batch} {
		b.Run(fmt.Sprint(size, " a turn"), func(b *testing.B) {
			l := newFakeLog()
			i, err := create(testConfig(), &Indicator{source: l, cursor: &nullCursor{}, decoder: decoder, board: newFakeBoard()})
			if err != nil {
				b.Fatal(err)
			}
			records := make([]storage.Record, size)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for r := range records {
					n++
					key := fmt.Appendf(nil, `"key": "%042d"`, n%1000)
					data := bytes.Replace(elements[n%len(elements)], []byte(`"key": "42bb83f00d8240e5bb41290a12eb44401693552452"`), key, 1)
					records[r] = storage.Record{Sequence: uint64(n), Received: time.Now(), Elapsed: l.Elapsed(), Data: data}
				}
				b.StartTimer()
				i.step(records)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
		})
	}
}

// nullCursor forgets everything.
type nullCursor struct{ fakeCursor }

func (*nullCursor) Save(storage.Update) {}
