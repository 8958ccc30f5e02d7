package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"
)

// naive is the way most programs would do it: decode into maps, encode again (which sorts), hash.
func naive(body []byte) (ids [][16]byte) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var b struct {
		Token  string
		Events []map[string]any
	}
	if err := d.Decode(&b); err != nil {
		panic(err)
	}
	for _, e := range b.Events {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		ids = append(ids, [16]byte(sum[:16]))
	}
	return ids
}

// BenchmarkBody compares reading a body and finding its events' identities, for each documented payload, with the
// naive way.
func BenchmarkBody(b *testing.B) {
	for _, s := range Samples() {
		b.Run(s.Name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s.Data)))
			var p Parser
			var elements []Element
			for b.Loop() {
				if err := p.Parse(s.Data); err != nil {
					b.Fatal(err)
				}
				p.Token()
				elements, _ = p.Elements(elements[:0])
				p.Forget()
			}
		})
		b.Run(s.Name+"/naive", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s.Data)))
			for b.Loop() {
				naive(s.Data)
			}
		})
	}
}

// BenchmarkAll is one round of all documented payloads, for a single figure.
func BenchmarkAll(b *testing.B) {
	samples := Samples()
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		var p Parser
		var elements []Element
		for b.Loop() {
			for _, s := range samples {
				if err := p.Parse(s.Data); err != nil {
					b.Fatal(err)
				}
				p.Token()
				elements, _ = p.Elements(elements[:0])
				p.Forget()
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(samples)), "µs/event")
	})
	b.Run("scan", func(b *testing.B) {
		b.ReportAllocs()
		var p Parser
		for b.Loop() {
			for _, s := range samples {
				if err := p.Parse(s.Data); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(samples)), "µs/event")
	})
	b.Run("naive", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, s := range samples {
				naive(s.Data)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(samples)), "µs/event")
	})
}

// BenchmarkEvents takes the documented payloads in, and gives the events of each to two readers: known from then, and
// decoded by each anew.
func BenchmarkEvents(b *testing.B) {
	samples := Samples()
	for _, way := range []struct {
		name     string
		elements func(*Decoder, *Parser, []Element) ([]Element, error)
		event    func(*Decoder, Element) Event
	}{
		{"known", (*Decoder).Elements, func(d *Decoder, e Element) Event { return d.EventOf(e.ID, e.Data) }},
		{"anew", func(_ *Decoder, p *Parser, dst []Element) ([]Element, error) { return p.Elements(dst) },
			func(d *Decoder, e Element) Event { return d.Decode(e.Data) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			d := newDecoder(b, Config{})
			var p Parser
			var elements []Element
			b.ReportAllocs()
			for b.Loop() {
				for _, s := range samples {
					if err := p.Parse(s.Data); err != nil {
						b.Fatal(err)
					}
					elements, _ = way.elements(d, &p, elements[:0])
					for range 2 {
						for _, e := range elements {
							way.event(d, e)
						}
					}
					p.Forget()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(samples)), "µs/event")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(b, Config{})
	body, err := ParseBody(Samples()[0].Data)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(body.Elements[0].Data)
	}
}
