package storage

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestACommitWaitsForTheCompanyOfTheOneBefore(t *testing.T) {
	const took = 20 * time.Millisecond
	for name, test := range map[string]struct {
		answered, queued int           // by and after the commit before
		pause            time.Duration // until the next request comes
		come             int           // so many requests come, one each 100 µs
		want             time.Duration // that a commit waits after the first of them
	}{
		"who comes alone is not kept":                    {1, 0, 0, 1, 0},
		"who comes again first waits for the other":      {2, 0, 0, 2, 100 * time.Microsecond},
		"those who came during the commit belong to it":  {1, 2, 0, 1, 0},
		"half a commit is waited for one who stays away": {4, 0, 0, 3, took / 2},
		"a pause ends the company":                       {4, 0, took, 1, 0},
		"more than are worthwhile are not waited for":    {3 * worthwhile, 0, 0, worthwhile, (worthwhile - 1) * 100 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &writer{Log: &Log{work: make(chan struct{}, 1), company: company{complete: make(chan struct{}, 1)}}}
				submit := func() {
					w.mu.Lock()
					defer w.mu.Unlock()
					if err := w.submit(&request{}); err != nil {
						t.Error(err)
					}
				}
				for range test.queued {
					submit()
				}
				w.batch = make([]*request, test.answered)
				w.expect(took)
				time.Sleep(test.pause)
				submit()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					for range test.come - 1 {
						time.Sleep(100 * time.Microsecond)
						submit()
					}
				})
				began := time.Now()
				w.assemble(context.Background())
				if waited := time.Since(began); waited != test.want {
					t.Errorf("waited %v, want %v", waited, test.want)
				}
			})
		})
	}
}
