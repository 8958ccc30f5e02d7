package storage

import (
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Held returns the sequences that each cursor holds, by its name, ascending.
// A record may be gone all the same: where it was damaged.
func (r *Reader) Held() (map[string][]uint64, error) {
	held := make(map[string][]uint64)
	err := r.handle.view(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			cursor, ours := strings.CutPrefix(string(name), prefixCursor)
			if !ours {
				return nil
			}
			keys := b.Cursor()
			for k, _ := keys.Seek([]byte{prefixHeld}); len(k) > 0 && k[0] == prefixHeld; k, _ = keys.Next() {
				held[cursor] = append(held[cursor], sequenceOf(k[1:]))
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what cursors hold: %w", err)
	}
	return held, nil
}
