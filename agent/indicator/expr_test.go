package indicator

import (
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
		`waiting > 0`:                           true,
		`waiting > 1.5`:                         true,
		`waiting == 2 and open >= 3`:            true,
		`waiting in [1, 3]`:                     false,
		`oldest_waiting > "2m"`:                 true,
		`oldest_waiting > duration("3m")`:       false,
		`oldest_waiting >= duration("3m")`:      true,
		`"2m" < oldest_waiting`:                 true,
		`duration("2m") < oldest_waiting`:       true,
		`"1m" < oldest_waiting <= "3m"`:         true,
		`undelivered < "90s"`:                   false,
		`undelivered <= "1m30s"`:                true,
		`muted and not quiet`:                   true,
		`muted == true or unreachable`:          true,
		`waiting > acknowledged`:                true,
		`forward_pending > 5 && !(unreachable)`: true,
		`last_event > "10m"`:                    false,
	} {
		if got := ask(t, text, ofDesk, w); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

// TestWrongExpressions has each fault told with its place.
func TestWrongExpressions(t *testing.T) {
	for _, tt := range []struct {
		in   scope
		text string
		want string
	}{
		{ofDesk, ``, `it is empty`},
		{ofDesk, `waiting >`, `something is missing at the end, column 10`},
		{ofDesk, `waiting > > 1`, `> cannot be used here`},
		{ofDesk, `waiting = 1`, `column 9`},
		{ofDesk, "waiting > 0\nand waitin > 1", "there is no waitin: there are acknowledged forward_pending last_event muted oldest_unanswered oldest_waiting open quiet unanswered unassigned undelivered unreachable waiting, line 2, column 5"},
		{ofDesk, `waiting`, `it is a number, not a condition that is true or false, column 1`},
		{ofDesk, `channel == "WEB"`, `channel is of a conversation, and this is about the desk: use of, column 1`},
		{ofDesk, `assignee.kind == "user"`, `assignee is of a conversation, and this is about the desk: use of, column 1`},
		{ofDesk, `kind == "message"`, `kind is of a conversation, and this is about the desk: use of`},
		{ofDesk, `oldest_waiting > 120`, `a time has a unit: write "2m", column 18`},
		{ofDesk, `oldest_waiting > 1.5`, `a time has a unit: write "2m", column 18`},
		{ofDesk, `oldest_waiting > "2x"`, `"2x" is not a time: write "90s", "2m" or "1h30m", column 18`},
		{ofDesk, `oldest_waiting > "-2m"`, `"-2m" is not between 0 and 744h, column 18`},
		{ofDesk, `oldest_waiting > duration("2x")`, `"2x" is not a time: write "90s", "2m" or "1h30m", column 27`},
		{ofDesk, `oldest_waiting > duration(2)`, `duration( ) takes a time that is written out: "2m", column 18`},
		{ofDesk, `oldest_waiting == "2m"`, `a time is never just so long: compare it by > or <, column 16`},
		{ofDesk, `oldest_waiting > oldest_unanswered`, `compare a time with one that is written, such as oldest_waiting > "2m", column 16`},
		{ofDesk, `duration("1m") < duration("2m")`, `compare a time with one that is written, such as oldest_waiting > "2m", column 16`},
		{ofDesk, `oldest_waiting.Hours() > 1`, `only assignee, previous and author have parts, kind, id and email, column 15`},
		{ofDesk, `waiting == "2"`, `a number cannot be compared with text, column 9`},
		{ofDesk, `muted > false`, `true or false has no order: compare it by == or !=, column 7`},
		{ofDesk, `waiting and muted`, `and joins conditions, and this is a number, column 1`},
		{ofDesk, `waiting > -1`, `- cannot be used here`},
		{ofDesk, `waiting + 1 > 1`, `+ cannot be used here: compare fields with values, and join that with and, or, not, column 9`},
		{ofDesk, `waiting > 1 ? muted : quiet`, `? cannot be used here: compare fields with values, and join that with and, or, not, column 13`},
		{ofDesk, `if muted { true } else { false }`, `if cannot be used here`},
		{ofDesk, `let x = 1; x > 0`, `let cannot be used here`},
		{ofDesk, `muted; quiet`, `; cannot be used here`},
		{ofDesk, `muted ?? quiet`, `?? cannot be used here`},
		{ofDesk, `$env == nil`, `there is no $env`},
		{ofDesk, `all(1..900, all(1..900, all(1..900, true)))`, `.. cannot be used here`},
		{ofDesk, `all(labels, true)`, `all( ) is no function here: there are duration, len, lower, column 1`},
		{ofDesk, `assignee.kind.x == ""`, `assignee.kind has no parts, column 14`},
		{ofDesk, `(muted`, `something is missing at the end, column 7`},
		{ofDesk, `muted)`, `")" is not expected here, column 6`},
		{ofDesk, `muted quiet`, `"quiet" is not expected here, column 7`},
		{ofDesk, `waiting in [1, , 2]`, `, cannot be used here`},
		{ofDesk, `waiting > 99999999999999999999`, `is not a number that can be used: write a long id as text, column 11`},
		{ofDesk, `muted not quiet`, `not cannot be used here`},
		{ofDesk, `"a`, `literal not terminated, column 3`},
		{ofDesk, `muted @ quiet`, `unrecognized character: U+0040 '@', column 7`},
		{ofDesk, `// nothing`, `something is missing at the end, column 11`},
		{ofDesk, `b"a" == "a"`, `"a" is not expected here, column 1`},
		{ofDesk, `::len("a") > 0`, `:: cannot be used here`},
		{ofDesk, `len("a", "b") > 0`, `len( ) takes one value, column 1`},
		{ofDesk, `len(1..1000000000) > 0`, `.. cannot be used here`},
		{ofDesk, `waiting in 1..1000000000`, `.. cannot be used here`},
		{ofDesk, `now() > 1`, `now( ) is no function here`},
		{ofDesk, `type(1) == "int"`, `type( ) is no function here`},
		{ofEvent, `type(1) == "int"`, `type( ) is no function here`},
		{ofDesk, `[1, 2] | len() > 1`, `| cannot be used here`},
		{ofDesk, `{"a": 1}.a == 1`, `{ cannot`},
		{ofDesk, strings.Repeat("(", 600) + "muted" + strings.Repeat(")", 600), `it is longer than 1024 bytes`},
		{ofDesk, strings.Repeat("muted or ", 60) + "muted", `it has more than 100 parts: make two rules of it`},
		{ofConversation, `kind == "message"`, `kind is of an event, and this is about a conversation: use when, column 1`},
		{ofConversation, `author.kind == "visitor"`, `author is of an event, and this is about a conversation: use when, column 1`},
		{ofConversation, `waiting > 0`, `waiting is of the desk: use while, column 1`},
		{ofConversation, `assignee == nil`, `write assignee.kind, assignee.id or assignee.email, column 1`},
		{ofConversation, `title == nil`, `nothing is nil here: write == "" or assignee.kind == "none", column 10`},
		{ofConversation, `assignee?.kind == "user"`, `?. cannot be used here`},
		{ofConversation, `assignee.name == "Anna"`, `there is no assignee.name: there are kind, id and email, column 1`},
		{ofConversation, `title.kind == ""`, `title has no parts, column 1`},
		{ofConversation, `labels[0] == "a"`, `[ cannot`},
		{ofConversation, `title[1:4] == "a"`, `[ cannot be used here`},
		{ofConversation, `labels contains "a"`, `write "x" in labels, column 8`},
		{ofConversation, `labels == ["a"]`, `cannot be compared`},
		{ofConversation, `title in "abc"`, `text is not to be found in text, column 7`},
		{ofConversation, `title in ["a", 1]`, `a list is of texts or of numbers, column 16`},
		{ofConversation, `title in ["a", channel]`, `a list may hold texts and numbers only, column 16`},
		{ofConversation, `title == 7`, `text cannot be compared with a number, column 7`},
		{ofConversation, `bot == 1.5`, `write an id as text, such as "8861", column 8`},
		{ofConversation, `bot > "1"`, `text has no order: compare it by == or !=, column 5`},
		{ofConversation, `assignee.kind == "human"`, `assignee.kind is never "human": it is one of bot user team none unknown, column 18`},
		{ofConversation, `"human" == assignee.kind`, `assignee.kind is never "human": it is one of bot user team none unknown, column 1`},
		{ofConversation, `assignee.kind in ["user", "teem"]`, `assignee.kind is never "teem": it is one of bot user team none unknown, column 27`},
		{ofConversation, `person == "ana"`, `"ana" is no name in [people], column 11`},
		{ofConversation, `title matches "("`, "error parsing regexp: missing closing ): `(`, column 15"},
		{ofConversation, `title matches channel`, `what it matches has to be written out: "^VIP", column 15`},
		{ofConversation, `title matches "` + strings.Repeat("(a{1000})", 100) + `"`, `patterns of this size are too slow here: make them shorter, column 15`},
		{ofConversation, `title matches "^\\pL{100}$"`, `patterns of this size are too slow here: make them shorter, column 15`},
		{ofConversation, strings.Repeat(`title matches "a{90}" or `, 13) + "true", `patterns of this size are too slow`},
		{ofConversation, `lower(labels) == "a"`, `lower( ) of a list of texts is nothing, column 1`},
		{ofConversation, `upper(title) == "A"`, `upper( ) is no function here: there are duration, len, lower, column 1`},
		{ofEvent, `kind == "messages"`, `kind is never "messages": it is one of conversation_create message`},
		{ofEvent, `kind == "wait_began"`, `wait_began is a moment of the desk and not an event's kind: name it in on, column 9`},
		{ofEvent, `author.kind == "team"`, `author.kind is never "team": it is one of visitor user bot, column 16`},
		{ofEvent, `waiting > 0`, `waiting is of the desk: use while, column 1`},
		{ofEvent, `message_type == 3`, `text cannot be compared with a number, column 14`},
		{ofEvent, `delayed == "yes"`, `true or false cannot be compared with text, column 9`},
	} {
		began := time.Now()
		p, faults := compile(tt.text, tt.in, []string{"anna"})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.60s took %v", tt.text, took)
		}
		if p != nil || len(faults) == 0 {
			t.Errorf("%.60s is taken", tt.text)
			continue
		}
		if got := faults[0].Error(); !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
			t.Errorf("%.60s\n says %q,\nwant %q", tt.text, got, tt.want)
		}
	}
}

func TestEachFaultOfAnExpressionIsTold(t *testing.T) {
	_, faults := compile(`waitin > 0 or muted > 1 or oldest_waiting > 120`, ofDesk, nil)
	if len(faults) != 3 {
		t.Errorf("the faults are %v", faults)
	}
}

// TestNoExpressionIsSlow runs the slowest that there can be.
func TestNoExpressionIsSlow(t *testing.T) {
	text := strings.Repeat(`title matches "(a|b)*c" or `, 24) + `title matches "(x+x+)+y"`
	p, faults := compile(text, ofConversation, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	fastest := func(title int) time.Duration {
		w := world{about: &subject{}}
		w.about.texts[textTitle] = strings.Repeat("x", title)
		if n := testing.AllocsPerRun(10, func() { p.holds(w) }); n > 100 { // the race detector has regexp allocate
			t.Errorf("a run allocates %v times", n)
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
		t.Errorf("a run takes %v, and %v where the title is eight times as long", short, long)
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
