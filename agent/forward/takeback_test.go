package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

// A doubtful cursor takes its time with one commit, which then fails.
type doubtful struct {
	*memory
	fails chan error // one is taken by the next Commit; nil: none
}

func (d *doubtful) Commit(ctx context.Context, u storage.Update) error {
	if fails := d.fails; fails != nil {
		d.fails = nil
		return <-fails
	}
	return d.memory.Commit(ctx, u)
}

// TestARangeThatCouldNotBeKeptTakesNothingFromTheNext has a range taken back
// while its events are in flight already: the commit that is to keep it fails.
func TestARangeThatCouldNotBeKeptTakesNothingFromTheNext(t *testing.T) {
	for _, tt := range []struct {
		name string
		lost bool // so is the connection, meanwhile
		want []uint64
	}{
		{"when they are acknowledged", false, []uint64{1, 11, 12, 13, 3, 4, 5, 6}}, // 13 had its turn
		{"when the connection is lost", true, []uint64{1, 11, 12, 3, 4, 5, 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 20)...)
				f := forwarder(t, Config{Window: 16}, m) // of which a range has two
				cursor := &doubtful{memory: m}
				f.cursor = cursor
				_, stop := connect(&mqtttest.Fake{}, online{}, f)
				synctest.Wait()
				stop()

				var mu sync.Mutex
				waiting := map[uint64]uint16{} // event to packet id; nil: all are acknowledged
				fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
					mu.Lock()
					defer mu.Unlock()
					if n := number(p.Payload); n > 0 && waiting != nil {
						waiting[n] = p.ID
						return mqtttest.Ignore
					}
					return mqtttest.Ack
				}}
				acknowledge := func(n uint64) {
					t.Helper()
					mu.Lock()
					id, ok := waiting[n]
					mu.Unlock()
					if !ok {
						t.Fatalf("event %d is not in flight: %v", n, waiting)
					}
					fake.Write([]byte{0x40, 2, byte(id >> 8), byte(id)})
				}
				_, stop = connect(fake, online{}, f)
				replay := func(from, to uint64) {
					t.Helper()
					if _, err := f.Replay(t.Context(), from, to); err != nil {
						t.Fatal(err)
					}
				}
				replay(1, 1)
				fails := make(chan error)
				cursor.fails = fails
				refused := make(chan error)
				go func() {
					_, err := f.Replay(t.Context(), 11, 18)
					refused <- err
				}()
				synctest.Wait()
				replay(3, 6)
				synctest.Wait()
				acknowledge(1) // on with the second range
				synctest.Wait()
				fails <- storage.ErrNoSpace
				if err := <-refused; !errors.Is(err, storage.ErrNoSpace) {
					t.Errorf("promised all the same: %v", err)
				}
				if tt.lost {
					mu.Lock()
					waiting = nil
					mu.Unlock()
					fake.Drop()
				} else {
					acknowledge(11)
					acknowledge(12)
					mu.Lock()
					waiting = nil
					mu.Unlock()
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if got := events(fake); !slices.Equal(got, tt.want) {
					t.Errorf("sent %v, want %v", got, tt.want)
				}
				if len(m.entries) != 0 {
					t.Errorf("entries %v", m.entries)
				}
				stop()
			})
		})
	}
}
