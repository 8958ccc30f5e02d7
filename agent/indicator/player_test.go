package indicator

import (
	"strings"
	"testing"
	"time"

	"deskbell/agent/desk"
	"deskbell/gpio"
)

// began is the store's clock at the start of an engine's story.
const began = 100 * time.Hour

var lampAndBuzzer = []Output{{Name: "lamp", Pin: "GPIO17"}, {Name: "buzzer", Pin: "GPIO18", Kind: gpio.Buzzer}}

// player plays a story to an engine. What happens is said in words; times are after the beginning.
type player struct {
	t      *testing.T
	engine *engine
	view   view
	board  [2]shown
	shows  [2]int // how often the board was told something new
}

func newPlayer(t *testing.T, rules []Rule) *player {
	t.Helper()
	e, faults := newEngine(Config{Outputs: lampAndBuzzer, Rules: rules})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return &player{t: t, engine: e}
}

// at moves the clock on, through everything that happens by time alone, and does things.
func (p *player) at(after time.Duration, do ...func()) {
	now := began + after
	for n := 0; ; n++ {
		next := p.decide()
		if !next.set || next.at > now {
			break
		}
		if next.at <= p.view.now || n > 10_000 {
			p.t.Fatalf("the engine wants to be asked again at %v, and it is %v", next.at-began, p.view.now-began)
		}
		p.view.now = next.at
	}
	p.view.now = now
	for _, f := range do {
		f()
	}
	p.decide()
}

func (p *player) decide() deadline {
	if p.view.now == 0 {
		p.view.now = began
	}
	list, next := p.engine.decide(p.view)
	for o, s := range list {
		if s.replaces(p.board[o]) {
			p.shows[o]++
		}
		p.board[o] = s
	}
	return next
}

func (p *player) want(what string) {
	p.t.Helper()
	var got []string
	for _, s := range p.board {
		text := s.pattern
		if s.reason != "" {
			text += ": " + s.reason
		}
		got = append(got, text)
	}
	if got := strings.Join(got, " | "); got != what {
		p.t.Errorf("after %v the outputs are\n     %q,\nwant %q", p.view.now-began, got, what)
	}
}

func (p *player) happens(names ...string) func() {
	return func() { p.happened(p.view.now, true, names...) }
}

// happened gives the engine what was received at a time.
func (p *player) happened(received time.Duration, live bool, names ...string) {
	p.engine.happen(happening{names: names, view: &desk.View{}, received: received, live: live}, p.view.now)
}

func (p *player) waiting(n int) func() {
	return func() {
		if p.view.Waiting == 0 {
			p.view.WaitingSince = p.view.now
		}
		p.view.Waiting = n
	}
}

func (p *player) mute(d time.Duration) func() {
	return func() { p.engine.muteUntil(p.view.now, p.view.now+d) }
}
