package storage

import (
	"fmt"
	"runtime"
	"sync"
)

// A branch is a page of the events' bucket at which one goroutine begins. Its
// keys are in [lo, hi).
type branch struct {
	id     uint64
	lo, hi []byte
}

// forkLevel is the level of the pages below which events are looked at by
// several goroutines: the root leads to all buckets, the next one is that of
// the events.
const forkLevel = 2

// join looks at what was left for later, each of a few goroutines at what
// follows one another, and takes in what they found, in its order.
func (t *tree) join() {
	parts := make([]*tree, min(runtime.GOMAXPROCS(0), 4, len(t.later)))
	var all sync.WaitGroup
	for i := range parts {
		near := *t.pager
		near.disk = &blocks{file: t.file}
		part := near.newTree()
		parts[i] = part
		mine := t.later[i*len(t.later)/len(parts) : (i+1)*len(t.later)/len(parts)]
		all.Go(func() {
			for _, b := range mine {
				part.walk(string(bucketEvents), b.id, b.lo, b.hi, forkLevel+1)
			}
		})
	}
	all.Wait()
	for _, part := range parts {
		t.take(part)
	}
	t.later = nil
}

// take takes in what a part of the events has, all of it after what is there.
func (t *tree) take(part *tree) {
	for i, word := range part.visited {
		if t.visited[i]&word != 0 {
			t.damaged(string(bucketEvents), nil, nil, fmt.Errorf("one of the pages from %d on is damaged: it is used twice", i*64))
		}
		t.visited[i] |= word
	}
	t.damages = append(t.damages, part.damages...)
	t.seen = max(t.seen, part.seen)
	for _, r := range part.runs {
		if n := len(t.runs); n > 0 && t.runs[n-1].to+1 == r.from {
			t.runs[n-1].to = r.to
			continue
		}
		t.runs = append(t.runs, r)
	}
}
