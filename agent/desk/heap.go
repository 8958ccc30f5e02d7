package desk

import "time"

// The heaps that the desk keeps, so that it never has to look at all conversations: for each Class one by since when a
// conversation is in it, and one by when something ends by time.
const (
	byDeadline = int(classes)
	heaps      = byDeadline + 1
)

// heap holds conversations with the smallest key at its front. A conversation knows its place in each.
type heap struct {
	which int
	of    []*conversation
}

// min returns the key at the front; false when the heap is empty.
func (h *heap) min() (time.Duration, bool) {
	if len(h.of) == 0 {
		return 0, false
	}
	return h.key(0), true
}

// first returns the conversation with the smallest key of those that are in one of the groups, of all for 0; nil when there is
// none.
func (h *heap) first(groups uint64) *conversation {
	if groups == 0 {
		if len(h.of) == 0 {
			return nil
		}
		return h.of[0]
	}
	return h.firstBelow(0, groups, nil)
}

// firstBelow looks from place i on for one that is before best, which may be nil. What is below a place comes after it.
func (h *heap) firstBelow(i int, groups uint64, best *conversation) *conversation {
	if i >= len(h.of) || best != nil && h.key(i) >= best.keys[h.which] {
		return best
	}
	if c := h.of[i]; c.mask&groups != 0 {
		return c
	}
	return h.firstBelow(2*i+2, groups, h.firstBelow(2*i+1, groups, best))
}

// set puts c in, or moves it to its new key.
func (h *heap) set(c *conversation, key time.Duration) {
	if c.pos[h.which] == 0 {
		h.of = append(h.of, c)
		c.pos[h.which] = int32(len(h.of))
	} else if c.keys[h.which] == key {
		return
	}
	c.keys[h.which] = key
	i := int(c.pos[h.which]) - 1
	h.down(h.up(i))
}

// keep has c in under key, or not at all.
func (h *heap) keep(c *conversation, in bool, key time.Duration) {
	if in {
		h.set(c, key)
	} else {
		h.remove(c)
	}
}

// remove takes c out if it is in.
func (h *heap) remove(c *conversation) {
	i := int(c.pos[h.which]) - 1
	if i < 0 {
		return
	}
	last := len(h.of) - 1
	h.swap(i, last)
	h.of[last] = nil
	h.of = h.of[:last]
	c.pos[h.which] = 0
	if i < last {
		h.down(h.up(i))
	}
}

func (h *heap) key(i int) time.Duration { return h.of[i].keys[h.which] }

func (h *heap) swap(i, j int) {
	h.of[i], h.of[j] = h.of[j], h.of[i]
	h.of[i].pos[h.which], h.of[j].pos[h.which] = int32(i+1), int32(j+1)
}

func (h *heap) up(i int) int {
	for i > 0 && h.key(i) < h.key((i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

func (h *heap) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(h.of) && h.key(child) < h.key(least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

// list holds conversations, the one that an event touched last at its front.
type list struct {
	front, back *conversation
}

// moveFront puts c at the front of l and takes it out of the list it was in.
func (l *list) moveFront(c *conversation) {
	if l.front == c {
		return
	}
	if c.list != nil {
		c.list.remove(c)
	}
	c.list, c.next = l, l.front
	if l.front != nil {
		l.front.prev = c
	} else {
		l.back = c
	}
	l.front = c
}

func (l *list) remove(c *conversation) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.front = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.back = c.prev
	}
	c.prev, c.next, c.list = nil, nil, nil
}
