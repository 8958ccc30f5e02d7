package indicator

import (
	"fmt"
	"runtime/debug"
)

// faulty notes that an event was left out. The trace of the first is logged; the panic's own words are not, as they may quote
// the event. The caller holds mu.
func (i *Indicator) faulty(sequence uint64, panicked any) {
	if i.faults == 0 {
		i.log.Error("a fault of this program: an event does not count at the desk",
			"sequence", sequence, "panic", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
	}
	i.faults, i.fault = i.faults+1, sequence
}

// Problems says in words what a person should look at.
func (i *Indicator) Problems() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := i.core.engine.groups.problems()
	switch i.faults {
	case 0:
		return list
	case 1:
		return append(list, fmt.Sprintf("event %d does not count at the desk, by a fault of this program: please report it with its log", i.fault))
	}
	return append(list, fmt.Sprintf("%d events, the last of them %d, do not count at the desk, by a fault of this program: please report it with its log",
		i.faults, i.fault))
}
