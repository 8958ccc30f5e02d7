package indicator

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// ask evaluates an expression.
func ask(t *testing.T, text string, in scope, w world) bool {
	t.Helper()
	p, faults := compile(text, in, []string{"anna"})
	if len(faults) > 0 {
		t.Fatalf("%s: %v", text, faults)
	}
	return p.holds(w)
}

// someEvent is what the expressions of the tests look at.
func someEvent() *subject {
	s := &subject{labels: []string{"VIP", "late"}, delayed: true}
	for at, text := range map[int]string{
		textKind: "message", textType: "x", textAccount: "7", textBot: "88610000000", textChannel: "WEB", textTeam: "Front desk", textTeamID: "77",
		textPerson: "anna", textTitle: "Room 12", textMessageType: "text",
	} {
		s.texts[at] = text
	}
	s.is(textAssignee, &event.Actor{Kind: "user", ID: "5", Email: "anna@hotel.example"})
	s.is(textPrevious, &event.Actor{Kind: "bot"})
	s.is(textAuthor, &event.Actor{Kind: "visitor"})
	return s
}

func TestWhenAndOf(t *testing.T) {
	for _, tt := range []struct {
		text string
		in   scope
		want bool
	}{
		{`channel == "WEB" && assignee.kind != "bot"`, about, true},
		{`channel == "web"`, about, false},
		{`lower(channel) == "web"`, about, true},
		{`account == 7`, about, true},
		{`7 == account`, about, true},
		{`bot == "88610000000"`, about, true},
		{`assignee.id == 5 and previous.kind == "bot"`, about, true},
		{`assignee.id in [4, 5]`, about, true},
		{`assignee.id not in [4, 5]`, about, false},
		{`account in ["7", "8"]`, about, true},
		{`"VIP" in labels`, about, true},
		{`"vip" in labels`, about, false},
		{`len(labels) > 1 and len(title) == 7`, about, true},
		{`person == "anna"`, about, true},
		{`person in ["anna", "ben@hotel.example"]`, about, true},
		{`person != "anna"`, about, false},
		{`title matches "^Room [0-9]+$"`, about, true},
		{`title contains "12" and title startsWith "Room" and not (title endsWith "13")`, about, true},
		{`title not contains "12"`, about, false},
		{`team == "Front desk" or team == "none"`, about, true},
		{`team == "77" and team in ["77", "x"] and "77" == team`, about, true},
		{`team != "77" or team == ""`, about, false},
		{`!(channel == "WEB") || assignee.email == "anna@hotel.example"`, about, true},
		{`kind == "message" and type == "x" and message_type == "text"`, ofEvent, true},
		{`author.kind == "visitor" and delayed`, ofEvent, true},
		{`delayed == false`, ofEvent, false},
		{`kind in ["note", "label"]`, ofEvent, false},
		{`true`, about, true},
		{`upper(channel) == "WEB" and upper(title) == "ROOM 12"`, about, true},
		{`trim("  a ") == "a" and trim(title) == title`, about, true},
		{`hasPrefix(title, "Room") and hasSuffix(title, "12") and not hasPrefix(title, "room")`, about, true},
		{`hasPrefix(lower(title), lower("ROOM"))`, about, true},
		{`any(labels, # == "VIP")`, about, true},
		{`any(labels, # == "vip")`, about, false},
		{`any(labels, {# startsWith "V"})`, about, true},
		{`any(labels, lower(#) == "vip" and channel == "WEB",)`, about, true},
		{`any(labels, # in ["late", "x"])`, about, true},
		{`all(labels, len(#) > 2) and not all(labels, # matches "^[A-Z]+$")`, about, true},
		{`none(labels, # == "vip") and none(labels, hasSuffix(#, "x"))`, about, true},
		{`none(labels, # == title or # contains "at")`, about, false},
		{`len(labels) * 2 == 4 and len(title) % 5 == 2`, about, true},
		{`channel == "WEB" ? delayed : false`, ofEvent, true},
		{`channel == "web" ? true : team == "x" ? false : account == 7`, about, true},
		{`channel == "web" ? true : team == "77" ? false : account == 7`, about, false},
		{`any(labels, # == "VIP" ? true : false)`, about, true},
	} {
		for _, in := range []scope{ofEvent, ofConversation} {
			if tt.in&in != 0 {
				if got := ask(t, tt.text, in, world{about: someEvent()}); got != tt.want {
					t.Errorf("%s is %v", tt.text, got)
				}
			}
		}
	}
}

func someState() world {
	v := view{Facts: desk.Facts{Open: 3, Waiting: 2, Acknowledged: 1, WaitingSince: began}, now: began + 3*min1, lastEvent: began + 3*min1}
	v.ForwardPending, v.Undelivered = 7, 90*sec
	s := v.of(0)
	s[fieldMuted] = 1
	return world{state: &s, now: v.now}
}

func TestWhile(t *testing.T) {
	w := someState()
	for text, want := range map[string]bool{
		`waiting > 0`:                              true,
		`waiting > 1.5`:                            true,
		`waiting == 2 and open >= 3`:               true,
		`waiting in [1, 3]`:                        false,
		`oldest_waiting > "2m"`:                    true,
		`oldest_waiting > duration("3m")`:          false,
		`oldest_waiting >= duration("3m")`:         true,
		`"2m" < oldest_waiting`:                    true,
		`duration("2m") < oldest_waiting`:          true,
		`"1m" < oldest_waiting <= "3m"`:            true,
		`undelivered < "90s"`:                      false,
		`undelivered <= "1m30s"`:                   true,
		`muted and not quiet`:                      true,
		`muted == true or unreachable`:             true,
		`waiting > acknowledged`:                   true,
		`forward_pending > 5 && !(unreachable)`:    true,
		`last_event > "10m"`:                       false,
		`waiting > -1`:                             true,
		`waiting + acknowledged > 2`:               true,
		`open - unassigned > 3`:                    false,
		`forward_pending % 5 == 2`:                 true,
		`-forward_pending % 5 == -2`:               true,
		`forward_pending % -5 == 2`:                true,
		`open - waiting - acknowledged == 0`:       true,
		`open - (waiting - acknowledged) == 2`:     true,
		`1 + waiting * 3 == 7`:                     true,
		`waiting * open > 5.5 * 1`:                 true,
		`-waiting in [-2, 5] and -2 == -waiting`:   true,
		`2 < waiting + 1 < 4`:                      true,
		`+waiting == - -waiting`:                   true,
		`not (-1 > waiting) and !(waiting > 2)`:    true,
		`quiet ? open > 0 : oldest_waiting > "5m"`: false,
		`muted ? oldest_waiting > "2m" : false`:    true,
	} {
		if got := ask(t, text, ofDesk, w); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

// TestNoExpressionIsSlow runs the slowest that there can be.
func TestNoExpressionIsSlow(t *testing.T) {
	for _, text := range []string{
		strings.Repeat(`title matches "(a|b)*c" or `, 24) + `title matches "(x+x+)+y"`,
		`any(labels, ` + strings.Repeat(`# matches "(a|b)*c" or `, 16) + `# matches "(x+x+)+y")`,
		`any(labels, ` + strings.Repeat(`title in labels or `, 23) + `# not in labels)`,
	} {
		neverSlow(t, text)
	}
}

func TestLabelsOfAnEventAreCut(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	labels := append([]string{"vip", long}, make([]string, 100)...)
	got := cutLabels(labels)
	if len(got) != maxLabels || got[0] != "vip" || got[1] != long[:2*maxLabel] {
		t.Errorf("there are %d labels, %.10q and one of %d bytes", len(got), got[0], len(got[1]))
	}
	if labels[1] != long {
		t.Error("the event's own are cut")
	}
}

// slowest has a title so long, and all labels as long in proportion.
func slowest(title int) world {
	w := world{about: &subject{}}
	w.about.texts[textTitle] = strings.Repeat("x", title)
	for i := range maxLabels {
		w.about.labels = append(w.about.labels, fmt.Sprintf("%s%02d", strings.Repeat("x", title*maxLabel/480-2), i))
	}
	return w
}

func neverSlow(t *testing.T, text string) {
	t.Helper()
	p, faults := compile(text, ofConversation, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	fastest := func(title int) time.Duration {
		w := slowest(title)
		if n := testing.AllocsPerRun(10, func() { p.holds(w) }); n > 10 && !raceEnabled { // the race detector has regexp allocate
			t.Errorf("%.60s: a run allocates %v times", text, n)
		}
		least := time.Duration(math.MaxInt64)
		for range 50 {
			began := time.Now()
			if p.holds(w) {
				t.Fatal("it is true")
			}
			least = min(least, time.Since(began))
		}
		return least
	}
	if short, long := fastest(60), fastest(480); long > 100*short { // eight times the text; with backtracking it would never end
		t.Errorf("%.60s: a run takes %v, and %v where the texts are eight times as long", text, short, long)
	}
}

func TestAStateTurnsJustWhenItsTimeIsOver(t *testing.T) {
	const at = 10 * min1 // since when
	for _, tt := range []struct {
		text  string
		turns time.Duration // the first moment of the other answer
	}{
		{`oldest_waiting > "2m"`, at + 2*min1 + 1},
		{`oldest_waiting >= "2m"`, at + 2*min1},
		{`oldest_waiting < "2m"`, at + 2*min1},
		{`oldest_waiting <= "2m"`, at + 2*min1 + 1},
		{`"2m" < oldest_waiting`, at + 2*min1 + 1},
		{`not (duration("2m") >= oldest_waiting)`, at + 2*min1 + 1},
		{`waiting > 0 and oldest_waiting > "1h" or oldest_waiting > "30m"`, at + 30*min1 + 1},
		{`waiting + open > 2 ? muted : oldest_waiting >= "3m"`, at + 3*min1},
		{`waiting - 1 == 0 and not (oldest_waiting >= "4m" ? false : true)`, at + 4*min1},
	} {
		p, faults := compile(tt.text, ofDesk, nil)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		s := (&view{Facts: desk.Facts{Waiting: 1, WaitingSince: at}, now: at}).of(0)
		is := func(now time.Duration) bool { return p.holds(world{state: &s, now: now}) }
		next, last := p.turns(&s, at)
		if next != tt.turns || last != never {
			t.Errorf("%s turns at %v and did at %v", tt.text, next, last)
		}
		if is(next) == is(next-1) || is(next-1) != is(at) {
			t.Errorf("%s does not turn at %v", tt.text, next)
		}
		if _, last := p.turns(&s, tt.turns); last != tt.turns {
			t.Errorf("%s turned at %v", tt.text, last)
		}
	}
	nobody := (&view{}).of(0)
	p, _ := compile(`oldest_waiting > "2m"`, ofDesk, nil)
	if next, last := p.turns(&nobody, 0); next != never || last != never {
		t.Errorf("with nobody there it turns at %v, and did at %v", next, last)
	}
}

func TestConversationsAsExpressionsSeeThem(t *testing.T) {
	g, faults := newGroups(map[string]string{"anna": "Anna@hotel.example", "ben": "8"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, tt := range []struct {
		who  event.Actor
		want string
	}{
		{event.Actor{Kind: event.ActorUser, ID: "5", Email: "anna@Hotel.example"}, "anna"},
		{event.Actor{Kind: event.ActorUser, ID: "8"}, "ben"},
		{event.Actor{Kind: event.ActorUser, ID: "9", Email: "c@hotel.example"}, "c@hotel.example"},
		{event.Actor{Kind: event.ActorUser, ID: "9"}, "9"},
		{event.Actor{Kind: event.ActorTeam, ID: "8"}, ""},
		{event.Actor{Kind: event.ActorNone}, ""},
	} {
		if got := g.person(&tt.who); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.who, got, tt.want)
		}
	}
}

func TestEachNameCanBeUsed(t *testing.T) {
	nothing := state{}
	w := world{about: &subject{}}
	fields := map[int]bool{}
	for _, in := range []scope{ofEvent, ofConversation, ofDesk} {
		if in == ofDesk {
			w = world{state: &nothing}
		}
		for name, is := range terms {
			if is.in&in == 0 {
				continue
			}
			text := map[sort]string{aTruth: name, aNumber: name + " > 0", aTime: name + ` > "1m"`, aText: name + ` != ""`, theLabels: `"a" in ` + name}[is.is]
			if name == "kind" {
				text = `kind != "other"`
			}
			ask(t, text, in, w)
			if in == ofDesk {
				fields[is.field] = true
			}
		}
		for name, known := range actors {
			for _, part := range actorParts {
				if text := name + "." + part + ` != "bot"`; known.in&in != 0 {
					ask(t, text, in, w)
				}
			}
		}
	}
	if len(fields) != int(fieldStoreRefuses) {
		t.Error("a field of the desk has no name")
	}
}
