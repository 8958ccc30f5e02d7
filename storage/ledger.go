package storage

import (
	"cmp"
	"math/bits"
	"slices"
)

// A ledger says which records there are, and about how many bytes they take:
// counting by subtraction would be wrong as soon as there is a gap between two
// sequences. It needs about 60 bytes for 256 records.
type ledger struct {
	blocks  []block // ascending, none without records
	records int
	bytes   int64
}

// A block is 256 sequences, from 256 times its number on.
type block struct {
	number uint64
	there  [4]uint64 // a bit each
	bytes  int64
}

// recordOverhead is what bbolt needs beside a record: its element and the key.
const recordOverhead = 16 + 8

func (b *block) records() (n int) {
	for _, word := range b.there {
		n += bits.OnesCount64(word)
	}
	return n
}

// find returns where the block of seq is, or would be.
func (l *ledger) find(seq uint64) (i int, found bool) {
	return slices.BinarySearchFunc(l.blocks, seq>>8, func(b block, number uint64) int { return cmp.Compare(b.number, number) })
}

// add notes a record, after all those that are there.
func (l *ledger) add(seq uint64, bytes int) {
	if n := len(l.blocks); n == 0 || l.blocks[n-1].number != seq>>8 {
		l.blocks = append(l.blocks, block{number: seq >> 8})
	}
	b := &l.blocks[len(l.blocks)-1]
	b.there[seq>>6&3] |= 1 << (seq & 63)
	b.bytes += int64(bytes) + recordOverhead
	l.bytes += int64(bytes) + recordOverhead
	l.records++
}

// join adds the records of another ledger, all of which are after those of l. The
// other one is not to be used any more.
func (l *ledger) join(other *ledger) {
	l.records += other.records
	l.bytes += other.bytes
	more := other.blocks
	if n := len(l.blocks); n > 0 && len(more) > 0 && l.blocks[n-1].number == more[0].number {
		b := &l.blocks[n-1]
		for i, word := range more[0].there {
			b.there[i] |= word
		}
		b.bytes += more[0].bytes
		more = more[1:]
	}
	l.blocks = append(l.blocks, more...)
}

// remove takes a record out that is there.
func (l *ledger) remove(seq uint64, bytes int) {
	i, _ := l.find(seq)
	b := &l.blocks[i]
	b.there[seq>>6&3] &^= 1 << (seq & 63)
	b.bytes -= int64(bytes) + recordOverhead
	l.bytes -= int64(bytes) + recordOverhead
	l.records--
	if b.there == [4]uint64{} {
		l.blocks = slices.Delete(l.blocks, i, i+1)
	}
}

// has says whether a record is there.
func (l *ledger) has(seq uint64) bool {
	i, found := l.find(seq)
	return found && l.blocks[i].there[seq>>6&3]&(1<<(seq&63)) != 0
}

// next returns the first record after a sequence, 0 when there is none.
func (l *ledger) next(after uint64) uint64 {
	from := after + 1
	i, _ := l.find(from)
	for ; i < len(l.blocks); i++ {
		b := &l.blocks[i]
		from = max(from, b.number<<8)
		for word := from >> 6 & 3; word < 4; word++ {
			if left := b.there[word] >> (from & 63); left != 0 {
				return from + uint64(bits.TrailingZeros64(left))
			}
			from = (from>>6 + 1) << 6
		}
	}
	return 0
}

// after counts the records after a sequence, and their bytes: these about,
// within one block.
func (l *ledger) after(seq uint64) (records int, bytes int64) {
	i, found := l.find(seq)
	if found {
		i++
	}
	if i > len(l.blocks)/2 {
		for _, b := range l.blocks[i:] {
			records, bytes = records+b.records(), bytes+b.bytes
		}
	} else {
		records, bytes = l.records, l.bytes
		for _, b := range l.blocks[:i] {
			records, bytes = records-b.records(), bytes-b.bytes
		}
	}
	if found {
		b := l.blocks[i-1]
		all := b.records()
		b.forget(seq)
		n := b.records()
		records, bytes = records+n, bytes+b.bytes*int64(n)/int64(all)
	}
	return records, bytes
}

// upTo is after, of the records up to a sequence.
func (l *ledger) upTo(seq uint64) (records int, bytes int64) {
	records, bytes = l.after(seq)
	return l.records - records, l.bytes - bytes
}

// forget takes out all up to a sequence of the block.
func (b *block) forget(seq uint64) {
	word := seq >> 6 & 3
	clear(b.there[:word])
	b.there[word] &^= 1<<(seq&63)<<1 - 1
}
