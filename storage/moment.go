package storage

import bolt "go.etcd.io/bbolt"

// moment reads what file and memory hold at one moment. It calls memory with the
// lock held, and then file without it, so that nobody waits with a reader for a
// page that the disk does not give: what is in flight or pending when memory is
// called is that which may be missing in what file is shown. file may be called
// once only, at the end.
func (l *Log) moment(view viewer, memory func(), file func(*bolt.Tx) error) error {
	for {
		before, again := l.settles.Load(), false
		err := view(func(tx *bolt.Tx) error {
			l.mu.Lock()
			if again = l.settles.Load() != before; !again {
				memory()
			}
			l.mu.Unlock()
			if again { // what was in flight before is neither in memory any more nor in tx
				return nil
			}
			return file(tx)
		})
		if !again {
			return err
		}
	}
}
