package event

import "sync/atomic"

const (
	// knownEvents is how many events a decoder remembers: those between the webhook and the slowest of its readers
	// that keeps up. Beyond that they are decoded again.
	knownEvents = 1024
	// knownBytes is the size of the largest element whose event is remembered.
	knownBytes = 8 << 10
)

// known is an event under its identity. It never changes.
type known struct {
	id    [16]byte
	event Event
}

// knowledge holds events by their identity, each in the one place that the identity gives it. An identity stands for
// one content, so whoever finds it there need not look whether it still holds.
type knowledge [knownEvents]atomic.Pointer[known]

func (k *knowledge) place(id [16]byte) *atomic.Pointer[known] {
	return &k[(uint(id[0])<<8|uint(id[1]))%knownEvents]
}

// Elements is p.Elements that decodes the events as well: EventOf then knows them, as long as there are not too many
// newer ones.
func (d *Decoder) Elements(p *Parser, dst []Element) ([]Element, error) {
	before := len(dst)
	dst, err := p.Elements(dst)
	if err != nil {
		return dst, err
	}
	for _, e := range dst[before:] {
		if len(e.Data) <= knownBytes {
			d.know(p, e)
		}
	}
	return dst, nil
}

// know decodes one element. A fault of this program in it is left to those who need the event: it is stored all the
// same.
func (d *Decoder) know(p *Parser, e Element) {
	defer func() { _ = recover() }()
	d.known.place(e.ID).Store(&known{e.ID, d.decode(&p.doc, e.at)})
}

// EventOf is Decode for an element whose identity is known. The result is shared: do not change what it points to.
func (d *Decoder) EventOf(id [16]byte, element []byte) Event {
	if k := d.known.place(id).Load(); k != nil && k.id == id {
		return k.event
	}
	return d.Decode(element)
}
