package storage

import (
	"encoding/hex"
	"time"
)

// An ID names an event by its content. The store remembers the newest 100,000
// and keeps an event with one of those out.
type ID [16]byte

// String returns the 32 lower-case hexadecimal digits of id.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// An Entry is one event to be stored.
type Entry struct {
	ID   ID
	Data []byte
}

// A Record is one stored event. Nothing in it changes later: its Data is not to
// be written to, as other readers may have the same. Records of one call share
// one array, so whoever keeps a single one for long copies its Data.
type Record struct {
	Sequence uint64        // from 1, without gaps but those of trimming
	ID       ID            // as given to Append
	Received time.Time     // UTC; zero while the clock was not set
	Elapsed  time.Duration // what Log.Elapsed said when it was stored
	Data     []byte        // as given to Append
}

// A record in the file: the seal, 1 byte recordFormat, 16 bytes id, 24 bytes
// stamp, data.
const (
	recordFormat = 1
	idAt         = sealSize + 1
	stampAt      = idAt + 16
	dataAt       = stampAt + stampSize
)

// appendRecord appends the bytes of a record to b.
func appendRecord(b, key []byte, e Entry, s stamp) []byte {
	from := len(b)
	b = append(b, 0, 0, 0, 0, recordFormat)
	b = append(b, e.ID[:]...)
	b = s.appendTo(b)
	b = append(b, e.Data...)
	seal(key, b[from:])
	return b
}

// recordID and recordStamp read a record without looking at its seal.
func recordID(v []byte) (id ID) {
	if len(v) >= dataAt {
		copy(id[:], v[idAt:])
	}
	return id
}

func recordStamp(v []byte) (s stamp) {
	if len(v) >= dataAt {
		s = parseStamp(v[stampAt:])
	}
	return s
}

// parseRecord returns the record that was stored under key, with v's own Data.
func parseRecord(key, v []byte) (r Record, ok bool) {
	if _, ok := unseal(key, v); !ok || len(v) < dataAt || v[sealSize] != recordFormat {
		return Record{}, false
	}
	return newRecord(sequenceOf(key), v, v[dataAt:]), true
}

// newRecord returns the record whose bytes in the file are v.
func newRecord(seq uint64, v, data []byte) Record {
	s := recordStamp(v)
	r := Record{Sequence: seq, ID: recordID(v), Elapsed: s.elapsed, Data: data}
	if s.wall != 0 {
		r.Received = time.Unix(0, s.wall).UTC()
	}
	return r
}
