package indicator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr"
)

// The environments of the whole language that mean what a subject and a state mean.
type (
	wholeActor struct {
		Kind  string `expr:"kind"`
		ID    string `expr:"id"`
		Email string `expr:"email"`
	}
	wholeEvent struct {
		Account     string     `expr:"account"`
		Bot         string     `expr:"bot"`
		Channel     string     `expr:"channel"`
		Team        string     `expr:"team"`
		Person      string     `expr:"person"`
		Title       string     `expr:"title"`
		Kind        string     `expr:"kind"`
		Type        string     `expr:"type"`
		MessageType string     `expr:"message_type"`
		Labels      []string   `expr:"labels"`
		Delayed     bool       `expr:"delayed"`
		Assignee    wholeActor `expr:"assignee"`
		Previous    wholeActor `expr:"previous"`
		Author      wholeActor `expr:"author"`
	}
	wholeState struct {
		Open             int           `expr:"open"`
		Waiting          int           `expr:"waiting"`
		Unanswered       int           `expr:"unanswered"`
		Unassigned       int           `expr:"unassigned"`
		Acknowledged     int           `expr:"acknowledged"`
		ForwardPending   int           `expr:"forward_pending"`
		OldestWaiting    time.Duration `expr:"oldest_waiting"`
		OldestUnanswered time.Duration `expr:"oldest_unanswered"`
		LastEvent        time.Duration `expr:"last_event"`
		Undelivered      time.Duration `expr:"undelivered"`
		Muted            bool          `expr:"muted"`
		Quiet            bool          `expr:"quiet"`
		Unreachable      bool          `expr:"unreachable"`
	}
)

// whole evaluates an expression by the whole language.
func whole(text string, w world) (bool, error) {
	var env any
	if s := w.about; s != nil {
		actor := func(at int) wholeActor { return wholeActor{s.texts[at], s.texts[at+1], s.texts[at+2]} }
		env = wholeEvent{
			s.texts[textAccount], s.texts[textBot], s.texts[textChannel], s.texts[textTeam], s.texts[textPerson], s.texts[textTitle],
			s.texts[textKind], s.texts[textType], s.texts[textMessageType], s.labels, s.delayed, actor(textAssignee), actor(textPrevious), actor(textAuthor),
		}
	} else {
		s, n := w.state, func(f stateField) int { return int(w.state[f]) }
		env = wholeState{
			n(fieldOpen), n(fieldWaiting), n(fieldUnanswered), n(fieldUnassigned), n(fieldAcknowledged), n(fieldForwardPending),
			s.age(fieldOldestWaiting, w.now), s.age(fieldOldestUnanswered, w.now), s.age(fieldLastEvent, w.now), s.age(fieldUndelivered, w.now),
			s[fieldMuted] != 0, s[fieldQuiet] != 0, s[fieldUnreachable] != 0,
		}
	}
	p, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.WarnOnAny())
	if err != nil {
		return false, err
	}
	out, err := expr.Run(p, env)
	if err != nil {
		return false, err
	}
	return out.(bool), nil
}

// TestTheLanguageIsTheWholeOne has expressions made at random answered here and by the whole language.
func TestTheLanguageIsTheWholeOne(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := maker{rand.New(rand.NewPCG(seed, 1))}
	n := 5000
	if testing.Short() {
		n = 500
	}
	answers := map[bool]int{}
	for range n {
		in, w := ofEvent, world{about: someEvent()}
		if g.IntN(2) == 0 {
			in, w = ofDesk, someState()
		}
		text := g.truth(in, 3)
		p, faults := compile(text, in, []string{"anna"})
		want, err := whole(text, w)
		switch {
		case len(text) > maxText || len(faults) > 0 && tooMuch(faults[0].Error()):
		case len(faults) > 0:
			t.Fatalf("seed %d: %s: %v (the whole language says %v, %v)", seed, text, faults, want, err)
		case err != nil:
			t.Fatalf("seed %d: %s: taken here, but the whole language says %v", seed, text, err)
		case p.holds(w) != want:
			t.Fatalf("seed %d: %s is %v, and by the whole language %v", seed, text, !want, want)
		default:
			answers[want]++
		}
	}
	if answers[true] < n/5 || answers[false] < n/5 {
		t.Errorf("the answers are %v", answers)
	}
}

// tooMuch reports whether a fault is of the bounds that only deskbell has.
func tooMuch(fault string) bool {
	return strings.Contains(fault, "parts: make two rules") || strings.Contains(fault, "too large to be exact")
}

// FuzzLanguage: what is taken here the whole language takes too, and says the same.
func FuzzLanguage(f *testing.F) {
	g := maker{rand.New(rand.NewPCG(1, 2))}
	for range 50 {
		f.Add(g.truth(ofEvent, 2))
		f.Add(g.truth(ofDesk, 2))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for in, w := range map[scope]world{ofEvent: {about: someEvent()}, ofDesk: someState()} {
			p, faults := compile(text, in, nil)
			for _, fault := range faults {
				if strings.Contains(fault.Error(), "\n") && !strings.Contains(text, "\n") {
					t.Errorf("the fault has several lines: %q", fault)
				}
			}
			if len(faults) > 0 {
				continue
			}
			got := p.holds(w)
			want, err := whole(text, w)
			if err != nil && (p.limits != nil || strings.ContainsAny(text, "0123456789")) {
				continue // times as text and ids as numbers are known here only
			}
			if err != nil || got != want {
				t.Errorf("%q is %v, and by the whole language %v, %v", text, got, want, err)
			}
		}
	})
}

// maker makes expressions.
type maker struct{ *rand.Rand }

func (g maker) one(list ...string) string { return list[g.IntN(len(list))] }

func (g maker) truth(in scope, depth int) string {
	if depth > 0 {
		a, b := g.truth(in, depth-1), g.truth(in, depth-1)
		switch g.IntN(7) {
		case 6:
			return a + " ? " + b + " : " + g.truth(in, depth-1)
		case 0:
			return a + g.one(" and ", " && ", " or ", " || ") + b
		case 1:
			return "(" + a + ")" + g.one(" or ", " and ") + "(" + b + ")"
		case 2:
			return g.one("not (", "!(") + a + ")"
		case 3:
			return a + g.one(" and ", " or ") + b + g.one(" && ", " || ") + g.truth(in, depth-1)
		}
	}
	if in == ofDesk {
		number := g.one("open", "waiting", "unanswered", "acknowledged", "forward_pending")
		order := g.one("<", ">", "<=", ">=")
		switch g.IntN(9) {
		case 6:
			return fmt.Sprintf("%s %s %s", g.number(3), g.one("==", "!=", order), g.number(2))
		case 7:
			return fmt.Sprintf("%s %s [%d, -%d, %d]", g.number(2), g.one("in", "not in"), g.IntN(4), g.IntN(4), g.IntN(8))
		case 8:
			return fmt.Sprintf("%s %s %s %s %s", g.number(1), order, g.number(1), g.one("<", ">="), g.number(1))
		case 0:
			return g.one("muted", "quiet", "not unreachable", "!muted", "muted == quiet", "muted != true", "true", "false")
		case 1:
			return fmt.Sprintf("%d %s %s", g.IntN(5), order, number)
		case 2:
			return fmt.Sprintf("%s %s %s", number, g.one("==", "!=", order), g.one("waiting", "2", "1.5", "0x3", "7", "1_0", "3e0"))
		case 3:
			return fmt.Sprintf("%s %s duration(%q)", g.one("oldest_waiting", "undelivered", "last_event"), order, g.one("2m", "3m", "90s", "1h", "0s"))
		case 4:
			return fmt.Sprintf("%d %s %s %s %d", g.IntN(3), order, number, g.one("<", ">="), g.IntN(8))
		}
		return fmt.Sprintf("%s %s [%d, %d]", number, g.one("in", "not in"), g.IntN(4), g.IntN(8))
	}
	switch g.IntN(7) {
	case 0:
		condition := g.text("#")
		if g.IntN(3) == 0 {
			condition += g.one(" and ", " or ") + g.text(g.one("#", "channel"))
		}
		return fmt.Sprintf(g.one("%s(labels, %s)", "%s(labels, {%s})", "not %s(labels, %s,)"), g.one("any", "all", "none"), condition)
	case 1:
		return g.one(`"VIP" in labels`, `"vip" not in labels`, `"late" in labels`, "delayed", "not delayed", `delayed == false`)
	case 2:
		return g.one(`kind == "message"`, `kind != "note"`, `assignee.kind in ["user", "team"]`, `author.kind == "user"`, `previous.kind == "bot"`, `person == "anna"`)
	}
	return g.text(g.one("account", "bot", "channel", "team", "title", "type", "message_type", "assignee.id", "assignee.email"))
}

// text makes a condition of a field.
func (g maker) text(field string) string {
	if g.IntN(3) == 0 {
		field = g.one("lower", "upper", "trim") + "(" + field + ")"
	}
	value := g.one(`"7"`, `"WEB"`, `"web"`, `'Front desk'`, `"Room 12"`, `"room"`, "`text`", `""`, `"x"`, `"5"`, `"VIP"`, `"late"`, `trim(" WEB ")`, `upper("web")`)
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("%s %s %s", field, g.one("==", "!="), value)
	case 1:
		return fmt.Sprintf("%s %s %s", field, g.one("contains", "startsWith", "endsWith", "not contains", "not endsWith"), value)
	case 2:
		return fmt.Sprintf("%s %s %s", field, g.one("matches", "not matches"), g.one(`"^[A-Z]"`, `"o+m"`, `"\\d+$"`, `"^$"`))
	case 3:
		return fmt.Sprintf("%s %s [%s, %s]", field, g.one("in", "not in"), g.one(`"7"`, `"WEB"`, `"late"`), g.one(`"7"`, `"x"`))
	case 4:
		return fmt.Sprintf("%s(%s, %s)", g.one("hasPrefix", "hasSuffix", "not hasPrefix"), field, g.one(`"W"`, `"m"`, `"2"`, `""`, `lower("E")`))
	}
	return fmt.Sprintf("len(%s) %s %d", g.one("labels", field), g.one("<", ">", "=="), g.IntN(12))
}

// number makes a number of the desk's.
func (g maker) number(depth int) string {
	if depth > 0 {
		a, b := g.number(depth-1), g.number(depth-1)
		switch g.IntN(6) {
		case 0, 1:
			return a + g.one(" + ", " - ", "+", "-") + b
		case 2:
			return g.one("", "-", "+") + "(" + a + g.one(" - ", " + ") + b + ")"
		case 3:
			return a + g.one(" * ", "*") + g.one("2", "-3", "waiting", "0.5", "(1 - open)")
		case 4:
			return g.one("(waiting - 5)", "forward_pending", "open", "-waiting", "17") + " % " + g.one("2", "3", "-2", "0x5")
		}
	}
	return g.one("open", "waiting", "acknowledged", "forward_pending", "-waiting", "2", "-1", "1.5", "7", "0")
}
