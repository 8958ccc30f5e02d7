package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// BenchmarkAppend stores events of the usual size from so many callers at
// once, with two cursors that follow, beside a floor: the least program that
// stores on the same bbolt, by group commit, without id, checksum or cursor.
// They take turns, and the median of the ratios is what counts:
//
//	of-floor       events a second, the floor's being 1
//	bytes-of-floor bytes given to the system, for zeros at the end of the file
//	               too, until that has its full size
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			l, f := newBenchLog(b), newFloor(b)
			var log, floor []turn
			turnSize := callers * 100
			for n := 0; n < b.N; n += turnSize {
				floor = append(floor, take(b, callers, turnSize, f.append))
				log = append(log, take(b, callers, turnSize, l.append))
			}
			err := errors.Join(l.stop(), f.stop())
			if err != nil {
				b.Fatal(err)
			}
			median := func(value func(log, floor turn) float64) float64 {
				var all []float64
				for i := range log {
					all = append(all, value(log[i], floor[i]))
				}
				slices.Sort(all)
				return all[len(all)/2]
			}
			n := float64(turnSize)
			b.ReportMetric(median(func(l, f turn) float64 { return f.took.Seconds() / l.took.Seconds() }), "of-floor")
			b.ReportMetric(median(func(l, f turn) float64 { return float64(l.written) / float64(f.written) }), "bytes-of-floor")
			b.ReportMetric(median(func(l, f turn) float64 { return n / l.took.Seconds() }), "events/s")
			b.ReportMetric(median(func(l, f turn) float64 { return float64(l.written) / n }), "B-written/event")
			b.ReportMetric(median(func(l, f turn) float64 { return float64(l.allocs) / n }), "allocs/event")
			b.ReportMetric(median(func(l, f turn) float64 { return float64(f.allocs) / n }), "floor-allocs/event")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A turn is what it took to store some events.
type turn struct {
	took    time.Duration
	written int64
	allocs  uint64
}

// take calls f n times from so many goroutines, each with another event.
func take(b *testing.B, callers, n int, f func(data []byte) error) turn {
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	w, start := written(b), time.Now()
	for range callers {
		wg.Go(func() {
			data := make([]byte, 810)
			for left.Add(-1) >= 0 {
				binary.LittleEndian.PutUint64(data, rand.Uint64())
				binary.LittleEndian.PutUint64(data[8:], rand.Uint64())
				if err := f(data); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	runtime.ReadMemStats(&m1)
	return turn{took, written(b) - w, m1.Mallocs - m0.Mallocs}
}

// written returns the bytes that this process has given to write calls.
func written(tb testing.TB) (n int64) {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0 // not Linux
	}
	var read int64
	if _, err := fmt.Sscanf(string(io), "rchar: %d\nwchar: %d", &read, &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// benchLog is a Log with two cursors that follow it.
type benchLog struct {
	*Log
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newBenchLog(b *testing.B) *benchLog {
	ctx, cancel := context.WithCancel(context.Background())
	o := testOptions()
	o.MaxSize, o.Keep, o.Log = 64<<20, 168*time.Hour, slog.New(slog.DiscardHandler)
	log, err := Open(ctx, b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	l := &benchLog{Log: log, cancel: cancel}
	l.wg.Go(func() {
		if err := l.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	for _, c := range l.cursors {
		l.wg.Go(func() {
			for after := uint64(0); ; {
				rs, err := l.Next(ctx, after, 64)
				if err != nil {
					return
				}
				after = rs[len(rs)-1].Sequence
				c.Save(Update{Position: after})
			}
		})
	}
	return l
}

func (l *benchLog) append(data []byte) error {
	seqs, err := l.Append(context.Background(), []Entry{{ID: ID(data), Data: data}})
	if err == nil && seqs[0] == 0 {
		return errors.New("taken for a repeat")
	}
	return err
}

func (l *benchLog) stop() error {
	l.cancel()
	l.wg.Wait()
	return l.Close()
}

// A floor is group commit on bbolt, no more.
type floor struct {
	db   *bolt.DB
	in   chan floorItem
	pool sync.Pool
	wg   sync.WaitGroup
}

type floorItem struct {
	data []byte
	done chan error
}

func newFloor(b *testing.B) *floor {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "floor.db"), 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, NoFreelistSync: true, InitialMmapSize: 64 << 20, PageSize: pageSize})
	if err != nil {
		b.Fatal(err)
	}
	f := &floor{db: db, in: make(chan floorItem, 4096)}
	f.pool.New = func() any { return make(chan error, 1) }
	f.wg.Go(f.run)
	return f
}

func (f *floor) run() {
	var batch []floorItem
	var seq uint64
	for it := range f.in {
		batch = append(batch[:0], it)
		for more := true; more && len(batch) < 256; {
			select {
			case it, ok := <-f.in:
				if more = ok; ok {
					batch = append(batch, it)
				}
			default:
				more = false
			}
		}
		err := f.db.Update(func(tx *bolt.Tx) error {
			q, err := tx.CreateBucketIfNotExists(bucketEvents)
			if err != nil {
				return err
			}
			q.FillPercent = 0.95
			for _, it := range batch {
				seq++
				if err := q.Put(sequenceKey(seq), it.data); err != nil {
					return err
				}
			}
			return nil
		})
		for _, it := range batch {
			it.done <- err
		}
	}
}

func (f *floor) append(data []byte) error {
	done := f.pool.Get().(chan error)
	defer f.pool.Put(done)
	f.in <- floorItem{data, done}
	return <-done
}

func (f *floor) stop() error {
	close(f.in)
	f.wg.Wait()
	return f.db.Close()
}
