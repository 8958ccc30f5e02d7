package indicator

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"deskbell/agent/desk"
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
	for _, test := range []struct{ size, reasons int }{{1, 0}, {1, MaxReasons}, {batch, 0}, {batch, MaxReasons}} {
		size := test.size
		b.Run(fmt.Sprintf("%d a turn, %d reasons", size, test.reasons), func(b *testing.B) {
			l := newFakeLog()
			c := testConfig()
			c.Reasons = test.reasons
			i, err := create(c, l, &nullCursor{}, decoder, newFakeBoard())
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

// BenchmarkReasons takes events at each of which a rule is asked, with what is written of them once a second at most.
func BenchmarkReasons(b *testing.B) {
	for _, reasons := range []int{0, MaxReasons} {
		b.Run(fmt.Sprint(reasons, " reasons"), func(b *testing.B) {
			c := testConfig()
			c.Reasons = reasons
			k, _ := newCore(c)
			now, n := began, uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				n++
				now += time.Millisecond
				e := event.Event{Kind: event.ConversationCreate, Conversation: fmt.Sprint(n % 1000), Time: time.Unix(0, int64(now))}
				k.take(e, desk.Stamp{At: now, Sequence: n}, now, true)
				k.decide(Conditions{}, now)
				if n%1000 == 0 {
					k.entries()
				}
			}
		})
	}
}
