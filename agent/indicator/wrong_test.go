package indicator

import (
	"strings"
	"testing"
	"time"
)

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
		{ofDesk, `waiting + `, `something is missing at the end, column 11`},
		{ofDesk, `waiting + 1`, `it is a number, not a condition that is true or false, column 9`},
		{ofDesk, `waiting / 2 > 1`, `/ cannot be used here: it gives fractions; write waiting * 100 > open * 30 for waiting / open > 0.3, column 9`},
		{ofDesk, `waiting ** 2 > 1`, `** cannot be used here: numbers are joined by + - * %, column 9`},
		{ofDesk, `waiting ^ 2 > 1`, `^ cannot be used here: numbers are joined by + - * %, column 9`},
		{ofDesk, `* waiting > 1`, `* cannot be used here`},
		{ofDesk, `waiting % 0 == 1`, `what stands after % has to be written out, and not 0: waiting % 5 == 0, column 11`},
		{ofDesk, `waiting % open == 1`, `what stands after % has to be written out, and not 0: waiting % 5 == 0, column 11`},
		{ofDesk, `waiting % (1 - 1) == 1`, `what stands after % has to be written out, and not 0: waiting % 5 == 0, column 14`},
		{ofDesk, `waiting % -0 == 1`, `what stands after % has to be written out, and not 0`},
		{ofDesk, `waiting % 2.0 == 1`, `% is of whole numbers, column 9`},
		{ofDesk, `waiting * 0.5 % 2 == 1`, `% is of whole numbers, column 15`},
		{ofDesk, `waiting * open * waiting > 1`, `this may become too large to be exact: use smaller numbers, and fewer of *, column 16`},
		{ofDesk, `9007199254740992 + 1 > waiting`, `this may become too large to be exact`},
		{ofDesk, `oldest_waiting + "1m" > "2m"`, `+ is of numbers, and this is a time: compare it as it is, such as oldest_waiting > "2m", column 1`},
		{ofDesk, `oldest_waiting - oldest_unanswered > "2m"`, `- is of numbers, and this is a time: compare it as it is`},
		{ofDesk, `-oldest_waiting < "2m"`, `- is of numbers, and this is a time: compare it as it is, such as oldest_waiting > "2m", column 2`},
		{ofDesk, `2 * duration("2m") < oldest_waiting`, `* is of numbers, and this is a time: compare it as it is`},
		{ofDesk, `oldest_waiting > 1 + 1`, `compare a time with one that is written`},
		{ofDesk, `waiting + muted > 1`, `+ is of numbers, and this is true or false, column 11`},
		{ofDesk, `waiting in [1, 1 + 1]`, `a list may hold texts and numbers only, written out, column 18`},
		{ofDesk, `waiting ? muted : quiet`, `? joins conditions, and this is a number, column 1`},
		{ofDesk, `(muted ? 1 : 2) > 1`, `? joins conditions, and this is a number, column 10`},
		{ofDesk, `muted ? quiet`, `write a ? b : c, all three true or false, column 7`},
		{ofDesk, `muted ?: quiet`, `: cannot be used here`},
		{ofDesk, `muted : quiet`, `: cannot be used here`},
		{ofDesk, `muted ? quiet : `, `something is missing at the end`},
		{ofDesk, `if muted { true } else { false }`, `if cannot be used here: write a ? b : c, all three true or false, column 1`},
		{ofConversation, `title + "x" == "a"`, `+ is of numbers, and this is text, column 1`},
		{ofConversation, `account == -7`, `write an id as text, such as "8861", column 12`},
		{ofConversation, `account == 7 + 1`, `text cannot be compared with a number, column 9`},
		{ofConversation, `account in [7, -8]`, `write an id as text, such as "8861", column 16`},
		{ofConversation, `# == "vip"`, `# cannot be used here: # is a label in the condition of any, all or none: any(labels, # == "vip"), column 1`},
		{ofConversation, `any(labels, # == "a") and # == "b"`, `# cannot be used here`},
		{ofConversation, `any(#, true)`, `# cannot be used here`},
		{ofConversation, `any(labels, any(labels, # == "a"))`, `any( ) cannot stand within another: join them by and, or, not, column 13`},
		{ofConversation, `none(labels, {not all(labels, # == "a")})`, `all( ) cannot stand within another`},
		{ofConversation, `any(labels)`, `any( ) takes labels and a condition: any(labels, # == "vip"), column 1`},
		{ofConversation, `any()`, `")" is not expected here, column 5`},
		{ofConversation, `any(labels, # == "a", 1)`, `"1" is not expected here, column 23`},
		{ofConversation, `any(labels, {# == "a")`, `")" is not expected here, column 22`},
		{ofConversation, `any(labels, #)`, `any( ) takes a condition, and this is text: write any(labels, # == "vip"), column 13`},
		{ofConversation, `any(labels, "vip")`, `any( ) takes a condition, and this is text`},
		{ofConversation, `any(labels, .x == "a")`, `. cannot be used here`},
		{ofConversation, `any(labels, #.kind == "a")`, `only assignee, previous and author have parts, kind, id and email, column 14`},
		{ofConversation, `any(labels, #acc == "a")`, `"acc" is not expected here, column 14`},
		{ofConversation, `any(labels, #[0] == "a")`, `[ cannot be used here`},
		{ofConversation, `any(labels, # == 7)`, `text cannot be compared with a number, column 15`},
		{ofConversation, `all(title, # == "a")`, `all( ) looks through labels, and this is text: write all(labels, # == "vip"), column 5`},
		{ofConversation, `any(["a"], # == "a")`, `any( ) looks through labels, and this is a list of texts`},
		{ofConversation, `any(labels, # == nil)`, `nothing is nil here`},
		{ofConversation, `one(labels, true)`, `one( ) is no function here: there are all, any, duration, hasPrefix, hasSuffix, len, lower, none, trim, upper, column 1`},
		{ofConversation, `labels startsWith "a"`, `write any(labels, # startsWith "x"), column 8`},
		{ofConversation, `hasPrefix(labels, "a")`, `hasPrefix( ) is of one text: write any(labels, hasPrefix(#, "x")), column 1`},
		{ofConversation, `hasPrefix(title)`, `hasPrefix( ) takes two values, column 1`},
		{ofConversation, `hasSuffix(title, 7)`, `hasSuffix( ) looks for text in text, not for a number in text, column 1`},
		{ofConversation, `trim(title, "x") == "a"`, `trim( ) takes one value, column 1`},
		{ofConversation, `upper(labels) == "A"`, `upper( ) is of one text: write any(labels, upper(#) == "x"), column 1`},
		{ofConversation, `any(labels, ` + strings.Repeat(`# matches "a{90}" or `, 3) + "true)", `patterns of this size are too slow`},
		{ofConversation, `any(labels, # matches "` + strings.Repeat("(a{1000})", 100) + `")`, `patterns of this size are too slow here: make them shorter, column 23`},
		{ofDesk, `let x = 1; x > 0`, `let cannot be used here`},
		{ofDesk, `muted; quiet`, `; cannot be used here`},
		{ofDesk, `muted ?? quiet`, `?? cannot be used here`},
		{ofDesk, `$env == nil`, `there is no $env`},
		{ofDesk, `all(1..900, all(1..900, all(1..900, true)))`, `.. cannot be used here`},
		{ofDesk, `all(labels, true)`, `labels is of a conversation, and this is about the desk: use of, column 5`},
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
		{ofDesk, `waiting in 1..1000000000`, `.. cannot be used here: write waiting in [1, 2, 3] or 1 <= waiting <= 3, column 13`},
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
		{ofConversation, `title in ["a", channel]`, `a list may hold texts and numbers only, written out, column 16`},
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
		{ofDesk, `lower(waiting) == "a"`, `lower( ) of a number is nothing, column 1`},
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

// TestChainsWithinChains: a chain of comparisons has one part twice, and yet that is looked at once.
func TestChainsWithinChains(t *testing.T) {
	text := strings.Repeat("(1 < ", 19) + "waiting" + strings.Repeat(" < 2)", 19)
	if _, faults := compile(text, ofDesk, nil); len(faults) != 2 {
		t.Errorf("there are %d faults", len(faults))
	}
}
