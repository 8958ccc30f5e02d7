package storage

import (
	"context"
	"reflect"
	"testing"
)

// records returns those of sequences in [from, to), each with so many bytes.
func records(from, to uint64, size int) (rs []Record) {
	for seq := from; seq < to; seq++ {
		rs = append(rs, Record{Sequence: seq, Data: make([]byte, size)})
	}
	return rs
}

func TestATailGivesWhatFollowsOrNothing(t *testing.T) {
	for name, test := range map[string]struct {
		added      [][]Record
		after      uint64
		max        int
		first, len int
	}{
		"nothing is there":                  {nil, 0, 9, 0, 0},
		"all of it":                         {[][]Record{records(1, 4, 10)}, 0, 9, 1, 3},
		"what follows":                      {[][]Record{records(1, 4, 10), records(4, 6, 10)}, 2, 9, 3, 3},
		"as many as are asked for":          {[][]Record{records(1, 4, 10), records(4, 6, 10)}, 0, 2, 1, 2},
		"the last":                          {[][]Record{records(1, 4, 10)}, 2, 9, 3, 1},
		"nothing follows the last":          {[][]Record{records(1, 4, 10)}, 3, 9, 0, 0},
		"nor what is beyond":                {[][]Record{records(1, 4, 10)}, 7, 9, 0, 0},
		"some of what follows are not here": {[][]Record{records(5, 9, 10)}, 3, 9, 0, 0},
		"all that follow are here":          {[][]Record{records(5, 9, 10)}, 4, 9, 5, 4},
		"the oldest have gone":              {[][]Record{records(1, 9, tailBytes/4)}, 3, 9, 0, 0},
		"the newest stay":                   {[][]Record{records(1, 9, tailBytes/4)}, 4, 9, 5, 4},
		"one is missing in between":         {[][]Record{records(1, 4, 10), records(5, 9, 10)}, 0, 9, 0, 0},
		"and those after it are here":       {[][]Record{records(1, 4, 10), records(5, 9, 10)}, 4, 9, 5, 4},
		"a commit too large for it":         {[][]Record{records(1, 4, 10), nil}, 2, 9, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var l tail
			for _, rs := range test.added {
				l.add(rs)
			}
			got := l.after(test.after, test.max)
			if len(got) != test.len || len(got) > 0 && got[0].Sequence != uint64(test.first) {
				t.Errorf("%d records, want %d from %d", len(got), test.len, test.first)
			}
			if l.bytes > tailBytes {
				t.Errorf("%d bytes are held", l.bytes)
			}
		})
	}
}

func TestWhatATailGaveOutStaysAsItWas(t *testing.T) {
	var l tail
	l.add(records(1, 4, 10))
	got := l.after(0, 2)
	_ = append(got, Record{Sequence: 99})
	if l.after(2, 1)[0].Sequence != 3 {
		t.Error("a reader has written to it")
	}
	for seq := uint64(4); seq < 1000; seq++ {
		l.add(records(seq, seq+1, tailBytes/10))
	}
	if got[0].Sequence != 1 || got[1].Sequence != 2 {
		t.Errorf("event 1 has become %d, event 2 %d", got[0].Sequence, got[1].Sequence)
	}
}

func TestTheTailIsWhatTheFileHolds(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	for n := range 30 {
		l.append(events(n*3, 3)...)
		newest, err := l.Next(context.Background(), uint64(n*2), 50)
		if err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		fromTail := l.tail.after(uint64(n*2), 50)
		l.mu.Unlock()
		fromFile, err := l.Read(uint64(n*2), 50)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(newest, fromFile) || !reflect.DeepEqual(fromTail, fromFile) {
			t.Fatalf("after %d: next %v, tail %v, file %v", n*2, newest, fromTail, fromFile)
		}
	}
}

func TestWhatTheFileHoldsNoLongerIsNotInTheTail(t *testing.T) {
	t.Run("given up", func(t *testing.T) {
		var l tail
		l.add(records(5, 9, 10))
		if l.gone(4); len(l.after(4, 9)) != 4 {
			t.Error("a record before it takes others along")
		}
		if l.gone(6); len(l.after(4, 9)) != 0 {
			t.Error("it is still there")
		}
	})
	t.Run("taken out by another file", func(t *testing.T) {
		l := openLog(t, t.TempDir(), testOptions())
		l.append(events(0, 3)...)
		l.stopRun()
		l.exchange(func(v value) bool {
			return v.bucket != string(bucketEvents) || sequenceOf(v.key) != 2
		})
		if rs, err := l.Next(context.Background(), 0, 9); err != nil || len(rs) != 2 || rs[1].Sequence != 3 {
			t.Errorf("%d records, %v", len(rs), err)
		}
	})
}
