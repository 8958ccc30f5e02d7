package agent

import "deskbell/storage"

// trouble says what the lights are to tell of the store: that it takes no
// events, or that it soon will not.
func trouble(store *storage.Log) (refuses, fills bool) {
	return store.Ready() != nil, store.Stats().NearlyFull
}

// storeChanged is called after every commit. Of most of them the indicator
// learns by what it reads; of the store's trouble it is told here.
func (a *Agent) storeChanged() {
	a.signal.Notify()
	r := a.open.Load()
	if r == nil {
		return
	}
	var now uint32
	refuses, fills := trouble(r.store)
	if refuses {
		now |= 1
	}
	if fills {
		now |= 2
	}
	if a.told.Swap(now) != now {
		r.indicator.Poke()
	}
}

// reachChanged is called when nothing reaches us any more, or something does
// again.
func (a *Agent) reachChanged() {
	a.signal.Notify()
	if r := a.open.Load(); r != nil {
		r.indicator.Poke()
	}
}
