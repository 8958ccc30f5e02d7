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
				w := newCompany()
				submit := func() { submitTo(t, w) }
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

func newCompany() *writer {
	return &writer{Log: &Log{work: make(chan struct{}, 1), company: company{complete: make(chan struct{}, 1)}}}
}

func submitTo(t *testing.T, w *writer) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.submit(&request{}); err != nil {
		t.Error(err)
	}
}

func TestACompanyThatComesBackIsWaitedForLonger(t *testing.T) {
	const took = 20 * time.Millisecond
	type round struct {
		answered, queued int           // by and after a commit
		come             int           // so many requests come afterwards,
		every            time.Duration // one each time this has passed
		want             time.Duration // that the next commit waits after its first request
	}
	prompt := round{4, 0, 4, took / 10, 3 * took / 10}
	for name, rounds := range map[string][]round{
		"who came back in time may take longer the next time": {prompt, {4, 0, 4, took / 2, 3 * took / 2}},
		"who has come back late is still waited for":          {prompt, {16, 0, 16, took / 4, 15 * took / 4}, {16, 0, 16, took / 4, 15 * took / 4}},
		"one of many who stays away changes nothing":          {prompt, {16, 0, 15, took / 20, longest*took - took/20}, {16, 0, 16, took / 20, 15 * took / 20}},
		"who did not come back is waited for no longer":       {prompt, {4, 0, 1, took / 10, longest*took - took/10}, {4, 0, 4, took / 5, took/2 - took/5}},
		"who came back in part is not":                        {{8, 0, 3, took / 10, took/2 - took/10}, {8, 0, 8, took / 5, took/2 - took/5}},
		"who comes as fast in any case is not":                {{4, 4, 2, took / 5, took / 2}, {4, 4, 2, took / 5, took / 2}},
		"nor is who came so during a long wait":               {prompt, {5, 4, 4, took / 2, longest * took}, {4, 0, 1, took / 4, took / 4}},
		"as many as make a commit worthwhile":                 {prompt, {20, 0, 16, took / 5, 15 * took / 5}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCompany()
				for n, r := range rounds {
					w.queue = nil
					for range r.queued {
						submitTo(t, w)
					}
					w.batch = make([]*request, r.answered)
					w.expect(took)
					var wg sync.WaitGroup
					first := make(chan struct{})
					wg.Go(func() {
						for n := range r.come {
							time.Sleep(r.every)
							submitTo(t, w)
							if n == 0 {
								close(first)
							}
						}
					})
					if r.queued == 0 {
						<-first // till then there is nothing to store
					}
					began := time.Now()
					w.assemble(context.Background())
					if waited := time.Since(began); waited != r.want {
						t.Errorf("round %d: waited %v, want %v", n, waited, r.want)
					}
					wg.Wait()
				}
			})
		})
	}
}
