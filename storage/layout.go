package storage

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	bolt "go.etcd.io/bbolt"
)

// The layout of the file, format 1. All numbers are big-endian. Every value but
// the format is sealed: it begins with the CRC-32C of its key and of what
// follows. No format has a number that is a flipped bit away from 1, such as 3
// or 5, so that a newer one is told from a damaged one. Small buckets are kept by bbolt within the root page, which every
// commit writes anyway, so positions and clock cost nothing there.
//
//	meta          format            uint32
//	              clock             elapsed, running, wall: 3 × int64, ns
//	              position.<cursor> uint64; 1 byte: 1 when it delivers, else 0
//	events        sequence          a record: see record.go. The bucket's own
//	                                sequence is the last one given
//	ids           sequence          ids of trimmed records from that sequence on,
//	                                without a gap, 125 at most
//	gaps          sequence          uint64: from that sequence to this one there
//	                                are no records, though they were given and not
//	                                trimmed. The bucket is there when one is
//	cursor.<name> e<entry>          the bytes of the entry
//	              h<sequence>       nothing: the record is held
//	list.<name>   a counter         the bytes remembered
var (
	bucketMeta   = []byte("meta")
	bucketEvents = []byte("events")
	bucketIDs    = []byte("ids")
	bucketGaps   = []byte("gaps")

	keyFormat = []byte("format")
	keyClock  = []byte("clock")
)

const (
	formatVersion = 1

	prefixPosition = "position."
	prefixCursor   = "cursor."
	prefixList     = "list."
	prefixEntry    = 'e'
	prefixHeld     = 'h'

	pageSize = 4096 // of new files, whatever the machine's own is
	idsInRun = 125  // two such values fill a page
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sealSize = 4

// seal completes v, a value whose first sealSize bytes are free.
func seal(key, v []byte) { binary.BigEndian.PutUint32(v, checksum(key, v)) }

func checksum(key, v []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, v[sealSize:])
}

// values are sealed values, which bbolt wants to stay as they are until the
// transaction ends.
type values []byte

// seal returns the value of payload.
func (vs *values) seal(key, payload []byte) []byte {
	from := len(*vs)
	*vs = append(append(*vs, 0, 0, 0, 0), payload...)
	v := (*vs)[from:len(*vs):len(*vs)]
	seal(key, v)
	return v
}

// reset forgets all values, and keeps their memory unless it is much.
func (vs *values) reset() {
	const much = 1 << 20
	if cap(*vs) > much {
		*vs = nil
	}
	*vs = (*vs)[:0]
}

// unseal returns what was sealed, if it is what was.
func unseal(key, v []byte) (payload []byte, ok bool) {
	if len(v) < sealSize || binary.BigEndian.Uint32(v) != checksum(key, v) {
		return nil, false
	}
	return v[sealSize:], true
}

// sequenceKey returns the key of a sequence.
func sequenceKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), seq)
}

// sequenceOf reads a key; 0, which no record has, when it is not one.
func sequenceOf(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// A savedPosition is what the file says of a cursor's place.
type savedPosition struct {
	position uint64
	delivers bool
}

func (p savedPosition) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.position)
	if p.delivers {
		return append(b, 1)
	}
	return append(b, 0)
}

func parsePosition(key, v []byte) (p savedPosition, ok bool) {
	if v, ok = unseal(key, v); !ok || len(v) != 9 || v[8] > 1 {
		return savedPosition{}, false
	}
	return savedPosition{binary.BigEndian.Uint64(v), v[8] == 1}, true
}

// format returns the format of the file, 0 when it is not a store.
func format(tx *bolt.Tx) uint32 {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return 0
	}
	return parseFormat(meta.Get(keyFormat))
}

// parseFormat reads the value of keyFormat; 0 when it is none.
func parseFormat(v []byte) uint32 {
	if len(v) != 4 {
		return 0
	}
	n := binary.BigEndian.Uint32(v)
	if bits.OnesCount32(n^1) == 1 {
		return 0
	}
	return n
}

// sealGap returns the value of a gap, parseGap reads it.
func (vs *values) sealGap(s stretch) (key, v []byte) {
	key = sequenceKey(s.from)
	return key, vs.seal(key, sequenceKey(s.to))
}

// putGap notes that there are no such records.
func putGap(tx *bolt.Tx, s stretch) error {
	b, err := tx.CreateBucketIfNotExists(bucketGaps)
	if err != nil {
		return err
	}
	var vs values
	key, v := vs.sealGap(s)
	return b.Put(key, v)
}

func parseGap(key, v []byte) (s stretch, ok bool) {
	v, ok = unseal(key, v)
	s = stretch{sequenceOf(key), sequenceOf(v)}
	return s, ok && s.from > 0 && s.from <= s.to
}

// create lays a new store out.
func create(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketEvents, bucketIDs} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyFormat, binary.BigEndian.AppendUint32(nil, formatVersion))
}
