package storage

// tailBytes is how many bytes of records a tail holds at most.
const tailBytes = 256 << 10

// A tail holds the newest durable records in memory. Who keeps up with the log
// reads there: it costs no transaction, no checksum and no copy for each reader,
// and what is in memory cannot be damaged in the file.
//
// Its owner is Log.mu; records that it gave out never change.
type tail struct {
	records []Record // one sequence after the other, without gaps
	bytes   int
}

// after returns the records after a sequence, at most max; none when some of
// those are not here.
func (t *tail) after(seq uint64, max int) []Record {
	if len(t.records) == 0 {
		return nil
	}
	from := seq + 1 - t.records[0].Sequence // very large for one before the first
	if from >= uint64(len(t.records)) {
		return nil
	}
	rs := t.records[from:]
	n := min(len(rs), max)
	return rs[:n:n]
}

// add adds the next records, and lets the oldest go.
func (t *tail) add(rs []Record) {
	if n := len(t.records); n > 0 && len(rs) > 0 && t.records[n-1].Sequence+1 != rs[0].Sequence {
		*t = tail{}
	}
	t.records = append(t.records, rs...)
	for _, r := range rs {
		t.bytes += len(r.Data)
	}
	n := 0
	for ; t.bytes > tailBytes; n++ {
		t.bytes -= len(t.records[n].Data)
	}
	t.records = t.records[n:]
}

// gone has nothing given out any more when the file does not hold it.
func (t *tail) gone(seq uint64) {
	if len(t.records) > 0 && seq >= t.records[0].Sequence {
		*t = tail{}
	}
}

// newest returns the records of the batch, with data of their own: the arena is
// used again.
func (w *writer) newest() []Record {
	if len(w.fresh) == 0 || len(w.arena) > tailBytes {
		return nil
	}
	rs := make([]Record, 0, len(w.fresh))
	data := make([]byte, 0, len(w.arena))
	for i, s := range w.fresh {
		v := w.arena[s.from:s.to]
		from := len(data)
		data = append(data, v[dataAt:]...)
		rs = append(rs, newRecord(w.last+1+uint64(i), v, data[from:len(data):len(data)]))
	}
	return rs
}
