package indicator

import (
	"testing"

	"deskbell/gpio"
)

func TestTheLightTellsOfTheStore(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules []Rule
		play  func(p *player)
	}{
		{"while no event can be stored the lamp says so all the time", Builtin(), func(p *player) {
			p.at(0, func() { p.view.StoreRefuses = true })
			p.want("quadruple: events cannot be stored | off")
			p.at(10 * min1)
			p.want("quadruple: events cannot be stored | off")
			if p.shows[0] != 2 { // dark, and this
				p.t.Errorf("the lamp was told something %d times", p.shows[0])
			}
			p.at(10*min1+1, func() { p.view.StoreRefuses = false })
			p.want("off | off")
		}},
		{"a store that fills up is shown once a minute", Builtin(), func(p *player) {
			p.at(0, func() { p.view.StoreFills = true })
			p.want("quadruple: the store is nearly full | off")
			p.at(4 * sec)
			p.want("off | off")
			p.at(min1)
			p.want("quadruple: the store is nearly full | off")
			p.at(min1+sec, func() { p.view.StoreFills = false })
			p.want("off | off")
		}},
		{"a guest who waits goes before the store", Builtin(), func(p *player) {
			p.at(0, func() { p.view.StoreRefuses = true }, p.waiting(1))
			p.want("pulse: somebody waits | off")
			p.at(sec, p.waiting(0))
			p.want("quadruple: events cannot be stored | off")
		}},
		{"without any rule it is told all the same", nil, func(p *player) {
			p.at(0, func() { p.view.StoreRefuses = true })
			p.want("quadruple: events cannot be stored | off")
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.play(newPlayer(t, c.rules)) })
	}
}

func TestARelayIsNotMovedByTheStore(t *testing.T) {
	e, err := newEngine(Config{Outputs: []Output{{Name: "door", Kind: gpio.Relay}, {Name: "lamp"}}})
	if len(err) > 0 {
		t.Fatal(err)
	}
	list, _ := e.decide(view{Conditions: Conditions{StoreRefuses: true, StoreFills: true}, now: began})
	if list[0].pattern != "off" || list[1].pattern != quadruple.Name {
		t.Errorf("door %s, lamp %s", list[0].pattern, list[1].pattern)
	}
}

func TestTheRulesOfHealthCanBeRead(t *testing.T) {
	want := []string{
		"events cannot be stored: while the store refuses, lights quadruple",
		"the store is nearly full: while the store is nearly full, lights quadruple, every 1m",
	}
	for n, r := range Health() {
		if got := r.String(); got != want[n] {
			t.Errorf("%q, want %q", got, want[n])
		}
	}
}
