package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// leafOf makes a leaf as bbolt writes it.
func leafOf(id uint64, values ...value) []byte {
	b := make([]byte, pageHead+len(values)*elementHead)
	order.PutUint64(b, id)
	order.PutUint16(b[8:], kindLeaf)
	order.PutUint16(b[10:], uint16(len(values)))
	for i, v := range values {
		h := b[pageHead+i*elementHead:]
		order.PutUint32(h[4:], uint32(len(b)-pageHead-i*elementHead))
		order.PutUint32(h[8:], uint32(len(v.key)))
		order.PutUint32(h[12:], uint32(len(v.sealed)))
		b = append(append(b, v.key...), v.sealed...)
	}
	order.PutUint32(b[12:], uint32((len(b)-1)/pageSize))
	return append(b, make([]byte, -len(b)&(pageSize-1))...)
}

func recordValue(seq uint64, e Entry, elapsed time.Duration) value {
	k := sequenceKey(seq)
	return value{bucket: "events", key: k, sealed: appendRecord(nil, k, e, stamp{elapsed: elapsed, running: elapsed})}
}

func sealedValue(key []byte, payload []byte) value {
	var vs values
	return value{key: key, sealed: vs.seal(key, payload)}
}

// stray puts leaves into pages that nothing leads to, such as bbolt leaves
// behind everywhere.
func (p *patient) stray(leaves ...[]value) {
	p.Helper()
	g := p.open()
	t := g.look(p.commit.root, false)
	other := g.look(p.before.root, false)
	_ = g.file.Close()
	patch(p.T, p.path, func(data []byte) {
		id := uint64(len(data)/pageSize) - 1
		for _, values := range leaves {
			page := leafOf(id, values...)
			n := uint64(len(page) / pageSize)
			for free := uint64(0); free < n; id-- {
				if free++; t.uses(id) || other.uses(id) {
					free = 0
				}
			}
			copy(data[(id+1)*pageSize:], leafOf(id+1, values...))
		}
	})
}

func data(all map[string]string, seq uint64) string {
	v := all[fmt.Sprintf("events %x", sequenceKey(seq))]
	if len(v) < dataAt {
		return ""
	}
	return v[dataAt:]
}

// TestTheDeadStayDead: where the tree says what there is, nothing beside it
// counts, though its seals hold: it was trimmed, or its commit was undone.
func TestTheDeadStayDead(t *testing.T) {
	p := newPatient(t)
	p.stray(
		[]value{recordValue(3, event("trimmed"), 1)},
		[]value{recordValue(800, event("undone"), 1)},
		[]value{recordValue(1205, event("never came to be"), 1)},
	)
	p.spoil(p.find("cursor.desk", []byte("econversation "+strings.Repeat("x", 150))))
	_, got := p.salvage()
	if want := count(p.healthy, "events "); count(got, "events ") != want {
		t.Errorf("%d events of %d", count(got, "events "), want)
	}
}

// TestWhatLooksLikeARecord lies in the pages of other buckets.
func TestWhatLooksLikeARecord(t *testing.T) {
	p := newPatient(t)
	ids := make([]byte, 6*16)
	for i := range ids {
		ids[i] = byte(i*37 + 1) // the first one is that of recordFormat
	}
	item := appendRecord(nil, sequenceKey(1207), event("an item of a list"), stamp{elapsed: -1, running: 5})[sealSize:]
	far := recordValue(1<<40, event("far away"), 1)
	p.stray(
		[]value{sealedValue(sequenceKey(1205), ids)},
		[]value{sealedValue(sequenceKey(1207), item)},
		[]value{sealedValue([]byte("e7 chars"), append(item, 0))},
		[]value{recordValue(1209, event("beside an entry"), 1), sealedValue([]byte("entry of a cursor"), nil)},
		[]value{far},
		[]value{recordValue(1211, event("in an hour"), time.Hour), recordValue(1212, event("in two years"), 2*year)},
	)
	p.spoil(p.commit.transaction%2, p.commit.root) // so that events after the last one that is known count
	_, got := p.salvage()
	for seq := uint64(1205); seq <= 1220; seq++ {
		if d := data(got, seq); d != "" {
			t.Errorf("event %d is %q", seq, d)
		}
	}
	if n := got["events sequence"]; len(n) != 4 {
		t.Errorf("sequences go on after %s", n)
	}
}

// TestWhatLooksLikeAPage lies in the place of another one: it is what somebody
// sent, or was written where it does not belong.
func TestWhatLooksLikeAPage(t *testing.T) {
	p := newPatient(t)
	p.stray([]value{recordValue(1205, event("on the page of another"), 1)})
	patch(t, p.path, func(data []byte) {
		i := bytes.Index(data, []byte("on the page of another"))
		data[i/pageSize*pageSize] ^= 1
	})
	p.spoil(p.commit.transaction%2, p.commit.root) // so that events after the last one that is known count
	_, got := p.salvage()
	if d := data(got, 1205); d != "" {
		t.Errorf("event 1205 is %q", d)
	}
}

// TestTwoRecordsOfOneSequence: one of them is of a commit that was undone.
func TestTwoRecordsOfOneSequence(t *testing.T) {
	p := newPatient(t)
	known := mixed(0, 1)[0] // trimmed
	again := mixed(1199, 1)[0]
	p.stray(
		[]value{recordValue(700, event("of an undone commit"), time.Minute), recordValue(701, event("known by the tree"), time.Minute)},
		[]value{recordValue(702, known, time.Minute), recordValue(703, again, time.Minute)},
	)
	p.spoil(p.rootOf(p.commit, "events"), p.rootOf(p.before, "events")) // then no tree tells
	_, got := p.salvage()
	last := uint64(0)
	if _, err := fmt.Sscan(got["events sequence"], &last); err != nil {
		t.Fatal(err)
	}
	have := make(map[string]int)
	for seq := uint64(1); seq <= last; seq++ {
		have[data(got, seq)]++
	}
	for _, want := range []string{"of an undone commit", "known by the tree", string(mixed(699, 1)[0].Data), string(mixed(700, 1)[0].Data)} {
		if have[want] != 1 {
			t.Errorf("%.30q is there %d times", want, have[want])
		}
	}
	if have[string(known.Data)] != 0 || have[string(again.Data)] != 1 {
		t.Errorf("what was stored under another sequence is there %d and %d times", have[string(known.Data)], have[string(again.Data)])
	}
	if data(got, 700) != "of an undone commit" || data(got, last) == "" {
		t.Errorf("the later one of 700 is %.20q, the last one of all %.20q", data(got, 700), data(got, last))
	}
}

// TestOldestDeliveredAreLeftOut where there is no room for all.
func TestOldestDeliveredAreLeftOut(t *testing.T) {
	p := newPatient(t)
	g := p.open()
	all := g.look(p.commit.root, true).runs
	_ = g.file.Close()
	to := filepath.Join(t.TempDir(), fileName)
	r, err := Salvage(context.Background(), p.path, to, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(to); err != nil {
		t.Error(err)
	}
	got := contents(t, to)
	for _, s := range all {
		for seq := s.from; seq <= s.to; seq++ {
			if there := data(got, seq) != ""; there != (seq > 530 || seq == 7 || seq == 300) {
				t.Errorf("event %d: %t", seq, there)
			}
		}
	}
	if r.Records != count(got, "events ")-1 || r.Missing > 0 {
		t.Errorf("%+v", r)
	}
	o := testOptions()
	l := openLog(t, filepath.Dir(to), o)
	l.knows(1204)
}

// TestNoMoreTime: what is not delivered is read first.
func TestNoMoreTime(t *testing.T) {
	p := newPatient(t)
	for _, reads := range []int{0, 3, 60, 200} {
		g := p.open()
		n := 0
		g.stop = func() error {
			if n++; n > reads {
				return errLate
			}
			return nil
		}
		s := &salvage{pager: g, limit: 1 << 30}
		if err := s.look(); err != nil {
			t.Fatal(err)
		}
		g.stop = nil
		to := filepath.Join(t.TempDir(), fileName)
		if err := build(context.Background(), to, s.content()); err != nil {
			t.Fatal(err)
		}
		_ = g.file.Close()
		if err := Check(to); err != nil {
			t.Error(err)
		}
		got := contents(t, to)
		if reads >= 60 && data(got, 1203) == "" || s.report.Whole() {
			t.Errorf("after %d reads %d events, %+v", reads, count(got, "events "), s.report)
		}
		t.Logf("%d reads: %+v", reads, s.report)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Salvage(ended, p.path, filepath.Join(t.TempDir(), "x"), 1<<30); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestOverflowIsData: what a large record holds is never taken for a page.
func TestOverflowIsData(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(event("first"))
	forged := recordValue(7, event("forged"), 1)
	large := bytes.Repeat([]byte("x"), 20*pageSize)
	l.append(event(string(large)))
	l.append(event("last"))
	l.stop()
	p := &patient{T: t, dir: dir, path: storePath(dir)}
	g := p.open()
	metas, _ := g.metas()
	tree := g.look(metas[0].root, true)
	_ = g.file.Close()
	patch(t, storePath(dir), func(data []byte) { // each page of it becomes a leaf of its own
		at := tree.locations[1].at
		for id := uint64(at/pageSize) + 1; id <= uint64(at/pageSize)+20; id++ {
			if p := within(data, id); bytes.Equal(p, large[:pageSize]) {
				copy(p, leafOf(id, forged))
			}
		}
	})
	// The record's seal is made to hold again.
	patch(t, storePath(dir), func(data []byte) {
		for id := uint64(2); id < uint64(len(data)/pageSize); id++ {
			g := page{b: data[id*pageSize:], leaf: true}
			if binary.NativeEndian.Uint64(g.b) != id || !tree.uses(id) {
				continue
			}
			g.count = int(order.Uint16(g.b[10:]))
			for e := range g.elements(true) {
				if bytes.Equal(e.key, sequenceKey(2)) && len(e.value) > len(large) {
					seal(e.key, e.value)
				}
			}
		}
	})
	if err := Check(storePath(dir)); err != nil {
		t.Fatal(err)
	}
	p.spoil(0, 1, metas[0].root, metas[1].root)
	_, got := p.salvage()
	if count(got, "events ") != 4 || data(got, 7) != "" { // with the sequence
		t.Errorf("%d events, event 7 is %q", count(got, "events "), data(got, 7))
	}
}

// TestPagesThatCouldBeReadBefore, and take the disk half a minute each now: what
// else there is is saved all the same, in time.
func TestPagesThatCouldBeReadBefore(t *testing.T) {
	p := newPatient(t)
	for name, all := range map[string]bool{"of what is delivered": false, "of all": true} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), fileName)
			synctest.Test(t, func(t *testing.T) {
				g := p.open()
				defer func() { _ = g.file.Close() }()
				s := &salvage{pager: g, limit: 1 << 30}
				if err := s.look(); err != nil {
					t.Fatal(err)
				}
				before, began := s.report.Places, time.Now()
				g.stop = func() error {
					i := s.report.Records + s.report.Places - before
					if all || s.records[i].sequence <= s.slowest() {
						time.Sleep(30 * time.Second)
						return errors.New("the disk gives no answer")
					}
					return nil
				}
				if err := build(context.Background(), to, s.content()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > readAgainFor+time.Minute || s.report.Whole() {
					t.Errorf("it took %v, %+v", took, s.report)
				}
				t.Logf("%+v", s.report)
			})
			if err := Check(to); err != nil {
				t.Error(err)
			}
			if got := contents(t, to); !all && (data(got, 531) == "" || data(got, 1203) == "") {
				t.Errorf("what was not delivered is lost: %d", count(got, "events "))
			}
		})
	}
}

// TestCopyingTakesTooLong: a slow disk is not done in time. What was copied is a
// whole store, of what was not delivered most of all.
func TestCopyingTakesTooLong(t *testing.T) {
	p := newPatient(t)
	for _, each := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(each.String(), func(t *testing.T) {
			to := filepath.Join(t.TempDir(), fileName)
			s := &salvage{limit: 1 << 30}
			synctest.Test(t, func(t *testing.T) {
				s.pager = p.open()
				defer func() { _ = s.file.Close() }()
				if err := s.look(); err != nil {
					t.Fatal(err)
				}
				s.began = s.began.Add(-4*time.Minute - 55*time.Second) // reading was slow, too
				s.stop = func() error { time.Sleep(each); return nil }
				if err := build(context.Background(), to, s.content()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(s.began); took > copyFor+3*each {
					t.Errorf("it took %v, %+v", took, s.report)
				}
			})
			t.Logf("%+v", s.report)
			if err := Check(to); err != nil {
				t.Error(err)
			}
			got := contents(t, to)
			if s.report.Whole() || s.report.Records != count(got, "events ")-1 || data(got, 531) == "" || data(got, 1203) != "" || s.report.Missing == 0 {
				t.Errorf("%d events, %+v", count(got, "events "), s.report)
			}
			// What was delivered and left out is not taken again.
			l := openLog(t, filepath.Dir(to), testOptions())
			late := s.records[slices.IndexFunc(s.records, func(l location) bool { return l.sequence > 500 && data(got, l.sequence) == "" })]
			if again := l.append(mixed(int(late.sequence)-1, 1)...); late.sequence > 530 || again[0] != 0 {
				t.Errorf("event %d is taken again as %d", late.sequence, again[0])
			}
		})
	}
}
