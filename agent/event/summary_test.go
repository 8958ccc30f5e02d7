package event

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSummariesOfTheDocumentedPayloads(t *testing.T) {
	d := newDecoder(t, Config{})
	want := strings.Split(`new conversation: Visitor - A27187 (bot)
visitor: Hiiiii
agent: image photo-1579353977828-2a4eab540b9a.jpeg
agent asked "Please fill in the following details": Name, Email, Phone
agent asked for a file: "Can you please upload your file?"
agent asked for a date: "What is your preferred date?"
agent: audio file_example_MP3_700KB.mp3
visitor booked an appointment with Calendly
agent: video file_example_MP4_480_1_5MG.mp4
agent asked "What would you like to choose?": Item 1, Item 2
agent ran a script
agent asked "What would you like to choose?": Button 1, Button 2, Button 3
agent: document TICKETS.pdf
agent showed "Image Carousel 1" (1 picture)
visitor's browser answered a script: JS1: hj, JS2: Mtech
visitor chose 30
agent asked "What is your preferred value?": 10 to 50
visitor booked fsefgr 01/09/2023 10:00
visitor chose "Button 1"
visitor filled in Name: abc, Email: [email protected], Phone: +916767667676
visitor uploaded image sample-clouds-400x300.jpg
agent offered an appointment: fsefgr (30 minutes)`, "\n")
	for i, s := range Samples() {
		b, err := ParseBody(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Summary(b.Elements[0].Data); got != want[i] {
			t.Errorf("%s:\ngot  %s\nwant %s", s.Name, got, want[i])
		}
	}
}

func message(by, m string) string {
	return `{"event":{"type":"message","payload":{"message_by":` + by + `,"message":` + m + `}},"account":{"bot":{"id":8861}}}`
}

func visitor(m string) string { return message(`{"type":"visitor"}`, m) }
func user(m string) string    { return message(`{"type":"user","id":"1"}`, m) }

func typed(typ, payload string) string {
	return `{"event":{"type":"` + typ + `","payload":` + payload + `}}`
}

var summaries = []struct{ element, want string }{
	{``, `an event that cannot be read`},
	{`[]`, `an event that cannot be read`},
	{`{}`, `event without a type`},
	{typed("weird", `{}`), `event "weird"`},
	{typed(`\u0000`, `{}`), `event without a type`},
	{typed("weird", `{"status":"closed","assignee":null}`), `event "weird", closed, assigned to nobody`},
	{typed("conversation_create", `{}`), `new conversation`},
	{typed("conversation_create", `{"title":"T","assignee":null}`), `new conversation: T (unassigned)`},
	{typed("conversation_create", `{"title":"T","assignee":{"type":"team"}}`), `new conversation: T (team)`},
	{typed("conversation_create", `{"title":"T","assignee":{"type":"user","id":7}}`), `new conversation: T (agent 7)`},
	{typed("conversation_create", `{"title":"T","assignee":{"id":null}}`), `new conversation: T`},
	{typed("conversation_create", `{"title":"T","assignee":{"type":"queue"}}`), `new conversation: T (somebody unknown)`},
	{typed("status_change", `{"status":"open"}`), `conversation opened`},
	{typed("status_change", `{"is_closed":1,"title":"T"}`), `conversation closed: T`},
	{typed("status_change", `{"status":"parked"}`), `conversation status changed: parked`},
	{typed("assignee_change", `{"assignee":{"type":"user","email":"anna@hotel.example","id":1}}`), `assigned to anna@hotel.example`},
	{typed("assignee_change", `{"assignee":{"type":"user","id":"12"},"title":"T"}`), `assigned to agent 12: T`},
	{typed("assignee_change", `{"assignee":{"type":"user"}}`), `assigned to an agent`},
	{typed("assignee_change", `{"assignee":{"type":"team","id":"5"}}`), `assigned to team 5`},
	{typed("assignee_change", `{"assignee":{"type":"bot","id":"5"}}`), `assigned to bot`},
	{typed("assignee_change", `{"assignee":{"type":"queue"}}`), `assigned to somebody unknown`},
	{typed("assignee_change", `{"assignee":null}`), `assigned to nobody`},
	{typed("assignee_change", `{}`), `assignee changed`},
	{typed("variable", `{"variable":{"name":"¿·$user.info.age·?","value":7}}`), `variable age: 7`},
	{typed("variable", `{"name":"city","value":"Rome"}`), `variable city: Rome`},
	{typed("variable", `[]`), `variable changed`},
	{typed("label", `{"label":{"name":"VIP"}}`), `label: VIP`},
	{typed("label", `{"labels":["VIP",{"title":"late"}]}`), `label: VIP, late`},
	{typed("label", `{}`), `label changed`},
	{typed("note", `{"note":{"text":"call\nback"}}`), `note: call back`},
	{typed("note", `{}`), `note added`},
	{typed("sla_breached", `{"name":"first reply"}`), `SLA breached: first reply`},
	{typed("sla_breached", `7`), `SLA breached`},
	{typed("message_status", `{"message":{"status":"read"}}`), `message status: read`},
	{typed("message", `{}`), `somebody sent a message`},
	{typed("message", `{"message":"hello"}`), `somebody: hello`},
	{visitor(`{}`), `visitor sent a message`},
	{visitor(`{"type":"text"}`), `visitor: (empty message)`},
	{visitor(`{"type":"text","text":" \u202e\ufeff\u0000 "}`), `visitor: (empty message)`},
	{visitor(`{"type":"text","text":"a\r\n\tb\u2028c\u0007d\u202eevil\u2066 😀\ud800"}`), "visitor: a b c devil 😀\ufffd"},
	{visitor(`{"type":"image","payload":{"link":"https://x.example/a/b%20c.png?key=1"}}`), `visitor: image b%20c.png`},
	{visitor(`{"type":"image"}`), `visitor: image`},
	{visitor(`{"type":"location","payload":{"title":"Here"}}`), `visitor sent location: Here`},
	{visitor(`{"type":"list.response","payload":{"title":"Item 1"}}`), `visitor answered "Item 1"`},
	{visitor(`{"type":"odd.response"}`), `visitor answered`},
	{visitor(`{"type":"button.response","payload":{"body":["A","B"]}}`), `visitor chose "A, B"`},
	{visitor(`{"type":"button.response"}`), `visitor chose nothing`},
	{visitor(`{"type":"slider.response","payload":{"value":3}}`), `visitor chose 3`},
	{visitor(`{"type":"form.response","payload":{"fields":[7,{"variable":"¿·$user.info.x·?","value":["a","b"]},{"label":"L"}]}}`),
		`visitor filled in x: a, b, L: -`},
	{visitor(`{"type":"form.response"}`), `visitor filled in a form`},
	{visitor(`{"type":"file_upload.response"}`), `visitor uploaded a file`},
	{visitor(`{"type":"javascript.response"}`), `visitor's browser answered a script`},
	{visitor(`{"type":"calendly.response","payload":{"variables":{"is_calendly_event_scheduled":false}}}`),
		`visitor did not book an appointment with Calendly`},
	{visitor(`{"type":"appointment_booking.response"}`), `visitor answered an offer of an appointment`},
	{visitor(`{"type":"appointment_booking.response","payload":{"is_booking_failed":true,"event_name":"x"}}`), `visitor could not book x`},
	{visitor(`{"type":"appointment_booking.response","payload":{"is_booking_confirmed":false}}`), `visitor did not book an appointment`},
	{user(`{"type":"form","payload":{}}`), `agent asked`},
	{user(`{"type":"button","payload":{"buttons":[{"title":"A"},7,null,{"title":""},{"title":"B"}]}}`), `agent asked: A, 7, B`},
	{user(`{"type":"slider","payload":{"title":"How many?","min":1}}`), `agent asked "How many?"`},
	{user(`{"type":"list","payload":{"items":["A"]}}`), `agent asked: A`},
	{user(`{"type":"carousel"}`), `agent showed a carousel`},
	{user(`{"type":"carousel","payload":{"items":[{"title":"A"},{"title":"B"}]}}`), `agent showed a carousel: A, B`},
	{user(`{"type":"carousel","payload":{"items":[{},{}]}}`), `agent showed a carousel (2 pictures)`},
	{user(`{"type":"appointment_booking"}`), `agent offered an appointment`},
	{message(`{"type":"user","id":8861}`, `{"type":"button","payload":{"title":"?"}}`), `bot asked "?"`},
	{message(`{"type":"bot","id":1}`, `{"type":"text","text":"Welcome"}`), `bot: Welcome`},
	{message(`{"type":"robot"}`, `{"type":"text","text":"Hi"}`), `somebody: Hi`},
	{message(`null`, `{"type":"text","text":"Hi"}`), `somebody: Hi`},
	{visitor(`{"type":"text","text":"` + strings.Repeat("é", 111) + `"}`), `visitor: ` + strings.Repeat("é", 111)},
	{visitor(`{"type":"text","text":"` + strings.Repeat("é", 112) + `"}`), `visitor: ` + strings.Repeat("é", 110) + "…"},
	{visitor(`{"type":"text","text":"` + strings.Repeat("word ", 1000) + `"}`), `visitor: ` + strings.TrimSpace(strings.Repeat("word ", 22)) + "…"},
}

func TestSummary(t *testing.T) {
	d := newDecoder(t, Config{})
	for _, c := range summaries {
		got := d.Summary([]byte(c.element))
		if got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.element, got, c.want)
		}
		checkLine(t, got)
	}
	if n := utf8.RuneCountInString(d.Summary([]byte(typed(strings.Repeat("x", 500), `{}`)))); n != maxSummary {
		t.Errorf("a long type makes %d runes", n)
	}
}
