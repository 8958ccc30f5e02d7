package event

import "strings"

// Redact returns element without what is at paths (dotted, from `event`; a list on the way is gone through, and every
// one of repeated names), everything else byte for byte. The result is element itself when nothing is to be removed,
// else the caller's own. Bytes that are not JSON come back as `{}`.
func Redact(element []byte, paths []string) []byte {
	var d document
	if d.scan(element) != nil {
		return []byte("{}")
	}
	remove := make(map[uint32]bool)
	for _, p := range paths {
		d.mark(root, append([]string{"event"}, strings.Split(p, ".")...), remove)
	}
	if len(remove) == 0 {
		return element
	}
	return d.without(nil, root, remove)
}

// mark adds the names of the members that path leads to from the value at i. It recurses as deep as the value nests.
func (d *document) mark(i uint32, path []string, marked map[uint32]bool) {
	switch end := d.tape[i].next; d.tape[i].kind {
	case tokenList:
		for e := i + 1; e < end; e = d.tape[e].next {
			d.mark(e, path, marked)
		}
	case tokenObject:
		for m := i + 1; m < end; m = d.tape[m+1].next {
			switch {
			case !d.nameIs(m, path[0]):
			case len(path) == 1:
				marked[m] = true
			default:
				d.mark(m+1, path[1:], marked)
			}
		}
	}
}

// without appends the value at i less its marked members.
func (d *document) without(dst []byte, i uint32, marked map[uint32]bool) []byte {
	t := &d.tape[i]
	if t.kind != tokenObject && t.kind != tokenList {
		return append(dst, d.raw(i)...)
	}
	from := t.start // up to here the text has been copied
	copyTo := func(end uint32) { dst, from = append(dst, d.src[from:end]...), end }
	kept := false // a member was kept already
	for m := i + 1; m < t.next; {
		value := m
		if t.kind == tokenObject {
			value = m + 1
		}
		next := d.tape[value].next
		switch {
		case t.kind == tokenObject && marked[m] && next < t.next && !kept:
			copyTo(d.tape[m].start)
			from = d.tape[next].start // with the comma after it
		case t.kind == tokenObject && marked[m]:
			if !kept {
				copyTo(d.tape[m].start)
			}
			from = d.tape[value].end // the comma before it is not copied either
		default:
			kept = true
			copyTo(d.tape[value].start)
			dst = d.without(dst, value, marked)
			from = d.tape[value].end
		}
		m = next
	}
	copyTo(t.end)
	return dst
}
