package indicator

import (
	"testing"
	"time"
)

const (
	ms   = time.Millisecond
	sec  = time.Second
	min1 = time.Minute
)

func TestEngineShowsTheBuiltInRules(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(p *player)
	}{
		{"nothing happens, nothing shows", func(p *player) {
			p.at(0)
			p.want("off | off")
		}},
		{"a new conversation blinks for 5 s", func(p *player) {
			p.at(0, p.happens("conversation_create"))
			p.want("blink: new conversation | off")
			p.at(5*sec - 1)
			p.want("blink: new conversation | off")
			p.at(5 * sec)
			p.want("off | off")
		}},
		{"a change of assignee shows double for 3 s", func(p *player) {
			p.at(0, p.happens("assignee_change"))
			p.want("double: assignee changed | off")
			p.at(3 * sec)
			p.want("off | off")
		}},
		{"an SLA breached shows and sounds for 10 s", func(p *player) {
			p.at(0, p.happens("sla_breached"))
			p.want("fast: SLA breached | double: SLA breached")
			if !p.board[1].play.Repeat {
				p.t.Error("the buzzer does not sound all the time")
			}
			p.at(10 * sec)
			p.want("off | off")
		}},
		{"an earlier rule wins, and when it ends the next one shows", func(p *player) {
			p.at(0, p.happens("conversation_create"))
			p.at(sec, p.happens("assignee_change"))
			p.want("double: assignee changed | off")
			p.at(4 * sec)
			p.want("blink: new conversation | off")
			p.at(5 * sec)
			p.want("off | off")
		}},
		{"who asks for a person makes a chirp, and a pulse as long as somebody waits", func(p *player) {
			p.at(0, p.waiting(1), p.happens("assignee_change", "wait_began"))
			p.want("pulse: somebody waits | chirp: a person is asked for")
			if p.board[1].play.Repeat {
				p.t.Error("the chirp goes on")
			}
			p.at(sec)
			p.want("pulse: somebody waits | off")
			p.at(50*sec, p.waiting(0))
			p.want("off | off")
		}},
		{"after 2 min it sounds double, once a minute, until nobody waits", func(p *player) {
			p.at(0, p.waiting(1))
			p.at(2 * min1)
			p.want("pulse: somebody waits | off")
			p.at(2*min1 + 1)
			p.want("pulse: somebody waits | double: still waiting")
			p.at(2*min1 + 2*sec + gap + 1)
			p.want("pulse: somebody waits | off")
			p.at(3*min1 + 1)
			p.want("pulse: somebody waits | double: still waiting")
			p.at(10*min1 + 30*sec)
			if p.shows[1] != 1+2*9 {
				p.t.Errorf("the buzzer was told something %d times", p.shows[1])
			}
			p.at(11*min1, p.waiting(0))
			p.want("off | off")
			p.at(20 * min1)
			p.want("off | off")
		}},
		{"3 min after the visitor's last words the lamp pulses", func(p *player) {
			p.at(0, func() { p.view.Unanswered, p.view.UnansweredSince = 1, p.view.now })
			p.at(3 * min1)
			p.want("off | off")
			p.at(3*min1 + 1)
			p.want("pulse: visitor spoke last | off")
			p.at(4*min1, func() { p.view.Unanswered = 0 })
			p.want("off | off")
		}},
		{"an acknowledged wait is a steady light", func(p *player) {
			p.at(0, p.waiting(1))
			p.at(sec, p.waiting(0), func() { p.view.Acknowledged = 1 })
			p.want("on: acknowledged | off")
			p.at(2*sec, p.happens("conversation_create"))
			p.want("on: acknowledged | off")
		}},
		{"when the platform cannot reach us the lamp says so once a minute", func(p *player) {
			p.at(0, func() { p.view.Unreachable = true })
			p.want("triple: nothing reaches us | off")
			p.at(4 * sec)
			p.want("off | off")
			p.at(min1)
			p.want("triple: nothing reaches us | off")
			p.at(min1+sec, func() { p.view.Unreachable = false })
			p.want("off | off")
		}},
		{"when nothing is delivered for more than 15 min too", func(p *player) {
			p.at(0, func() { p.view.Undelivered = 10 * min1 })
			p.want("off | off")
			p.at(1, func() { p.view.Undelivered = 15*min1 + 1 })
			p.want("triple: nothing is delivered | off")
		}},
		{"many at once are one signal with a count", func(p *player) {
			p.at(0, p.happens("conversation_create"))
			p.at(sec, p.happens("conversation_create"), p.happens("conversation_create"))
			p.want("blink: 3 new conversations | off")
			p.at(6*sec - 1)
			p.want("blink: 3 new conversations | off")
			p.at(6*sec, p.happens("conversation_create"))
			p.want("blink: new conversation | off")
			if p.shows[0] != 4 { // off, on, off, on
				p.t.Errorf("the lamp was told something %d times", p.shows[0])
			}
		}},
		{"many who ask for a person at once chirp once", func(p *player) {
			for n := range 5 {
				p.at(time.Duration(n)*100*ms, p.happens("wait_began"))
			}
			p.want("off | chirp: 5 guests ask for a person")
			if p.shows[1] != 1+1 {
				p.t.Errorf("the buzzer was told something %d times", p.shows[1])
			}
			p.at(2*sec, p.happens("wait_began"))
			p.want("off | chirp: a person is asked for")
			if p.shows[1] != 2+2 {
				p.t.Errorf("the buzzer was told something %d times", p.shows[1])
			}
		}},
		{"an event received more than 60 s ago makes no signal", func(p *player) {
			p.at(0, func() {
				p.happened(p.view.now-recent-1, true, "conversation_create")
			})
			p.want("off | off")
			p.at(1, func() {
				p.happened(p.view.now-recent, true, "conversation_create")
			})
			p.want("blink: new conversation | off")
		}},
		{"of one received before the start only what is left of its time shows", func(p *player) {
			p.at(0, func() {
				p.happened(p.view.now-4*sec, false, "conversation_create")
			})
			p.want("blink: new conversation | off")
			p.at(sec)
			p.want("off | off")
			p.at(2*sec, func() {
				p.happened(p.view.now-5*sec, false, "conversation_create")
			})
			p.want("off | off")
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.play(newPlayer(t, Builtin())) })
	}
}

func TestEngineUnderHands(t *testing.T) {
	set := func(p *player, o int, pattern string, until time.Duration) func() {
		return func() {
			pattern, _ := p.engine.byHand(o, pattern, until != 0)
			if until != 0 {
				until += began
			}
			p.engine.setUntil(o, pattern, p.view.now, until)
		}
	}
	test := func(p *player, o int, name string, lasts time.Duration) func() {
		return func() {
			pattern, _ := p.engine.byHand(o, name, true)
			p.engine.test[o] = standing{pattern: pattern, from: p.view.now, until: p.view.now + lasts}
		}
	}
	for _, c := range []struct {
		name string
		play func(p *player)
	}{
		{"muted, the buzzer is silent and the lamp goes on, and says so", func(p *player) {
			p.at(0, p.waiting(1), p.happens("wait_began"))
			p.at(50*ms, p.mute(min1))
			p.want("pulse: somebody waits (muted) | off: muted")
			p.at(min1 + 50*ms)
			p.want("pulse: somebody waits | off")
		}},
		{"muted, the lamp lights up for 80 ms every 30 s", func(p *player) {
			p.at(sec, p.mute(95*sec))
			p.want("off: muted | off: muted")
			if got := p.board[0].play.String(); got != "80ms on" {
				p.t.Errorf("the lamp plays %q", got)
			}
			p.at(30 * sec)
			if got := p.board[0].play.String(); got != "off" {
				p.t.Errorf("between the blips the lamp plays %q", got)
			}
			p.at(90 * sec)
			if p.shows[0] != 1+2*3 {
				p.t.Errorf("in 90 s the lamp was told something %d times", p.shows[0])
			}
			p.at(96 * sec)
			p.want("off | off")
		}},
		{"muted, a steady light goes out for 80 ms every 30 s", func(p *player) {
			p.at(0, func() { p.view.Acknowledged = 1 }, p.mute(time.Hour))
			p.want("on: acknowledged (muted) | off: muted")
			if got := p.board[0].play.String(); got != "80ms off" {
				p.t.Errorf("the lamp plays %q", got)
			}
			p.at(80 * ms)
			if got := p.board[0].play.String(); got != "on" {
				p.t.Errorf("after 80 ms the lamp plays %q", got)
			}
		}},
		{"unmuted, it sounds again", func(p *player) {
			p.at(0, p.mute(time.Hour))
			p.at(sec, func() { p.engine.muteUntil(p.view.now, 0) }, p.happens("wait_began"))
			p.want("off | chirp: a person is asked for")
		}},
		{"set stands above all rules", func(p *player) {
			p.at(0, p.waiting(1))
			p.at(sec, set(p, 0, "off", 0), set(p, 1, "alarm", 0))
			p.want("off: set by hand | alarm: set by hand")
			p.at(time.Hour)
			p.want("off: set by hand | alarm: set by hand")
			p.at(time.Hour+30*sec, func() { p.engine.take(0); p.engine.take(1) })
			p.want("pulse: somebody waits | off")
		}},
		{"set for a time ends then", func(p *player) {
			p.at(0, set(p, 0, "fast", 5*sec))
			p.at(5*sec - 1)
			p.want("fast: set by hand | off")
			p.at(5 * sec)
			p.want("off | off")
		}},
		{"set on a buzzer is silent while muted", func(p *player) {
			p.at(0, p.mute(time.Hour), set(p, 1, "alarm", 0))
			p.want("off: muted | off: muted")
		}},
		{"a test stands above set and mute, and then what was before comes back", func(p *player) {
			p.at(0, p.mute(time.Hour), set(p, 0, "on", 0))
			p.at(sec, test(p, 0, "blink", 3*sec), test(p, 1, "chirp", 3*sec))
			p.want("blink: test | chirp: test")
			p.at(4 * sec)
			p.want("on: set by hand (muted) | off: muted")
		}},
		{"a chirp tested again sounds again", func(p *player) {
			p.at(0, test(p, 1, "chirp", 3*sec))
			p.at(sec, test(p, 1, "chirp", 3*sec))
			if p.shows[1] != 1+2 {
				p.t.Errorf("the buzzer was told something %d times", p.shows[1])
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) { p := newPlayer(t, Builtin()); p.at(0); c.play(p) })
	}
}

func TestEngineWithOtherRules(t *testing.T) {
	rules := []Rule{
		{Name: "bell", On: []string{"closed", "note"}, Show: map[string]string{"buzzer": "alarm", Lights: "fast", "lamp": "blink"}, Means: "Somebody left"},
		{Name: "crowd", While: "open > 2", Show: show(Sounds, "double")},
	}
	p := newPlayer(t, rules)
	p.at(0, p.happens("note"), p.happens("closed"))
	p.want("blink: Somebody left (2) | alarm: Somebody left (2)")
	p.at(lightFor)
	p.want("off | alarm: Somebody left (2)")
	p.at(alarmAtMost)
	p.want("off | off")
	p.at(2*min1, func() { p.view.Open = 2 })
	p.want("off | off")
	p.at(3*min1, func() { p.view.Open = 3 })
	p.want("off | double: crowd")
	p.at(4 * min1)
	p.want("off | off") // a state without an interval sounds once, when it begins
}

func TestFirstLookKeepsTheRhythm(t *testing.T) {
	for _, c := range []struct {
		name string
		ago  time.Duration // when the wait began
		want string
	}{
		{"between two sounds nothing sounds", 2*min1 + 30*sec, "pulse: somebody waits | off"},
		{"at its time it sounds", 5*min1 + 100*ms, "pulse: somebody waits | double: still waiting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlayer(t, Builtin())
			p.view.Waiting, p.view.WaitingSince = 1, began-c.ago
			p.at(0)
			p.want(c.want)
		})
	}
	t.Run("but what comes up later sounds at once", func(t *testing.T) {
		p := newPlayer(t, Builtin())
		p.at(0)
		p.at(sec, func() { p.view.Waiting, p.view.WaitingSince = 1, began-10*min1-20*sec })
		p.want("pulse: somebody waits | double: still waiting")
	})
}
