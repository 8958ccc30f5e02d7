package indicator

import (
	"time"

	"deskbell/agent/desk"
	"deskbell/gpio"
)

func init() {
	configs["rules"], configs["escalate"], configs["only"], configs["relay"] = rulesConfig, escalateConfig, onlyConfig, relayConfig
}

func text(s string) *string                { return &s }
func lasts(d time.Duration) *time.Duration { return &d }
func written(outputs []Output, list ...Override) Config {
	yes := true
	for n := range list {
		if list[n].Name == "critical" {
			list[n].Critical = &yes
		}
	}
	return Config{
		Desk: desk.Config{AckLasts: 10 * time.Minute, WaitAtMost: 2 * time.Hour}, Outputs: outputs, Rules: Merge(list, true),
		People: map[string]string{"anna": "anna@hotel.example", "ben": "8"},
	}
}

// rulesConfig has rules of one key each.
func rulesConfig() Config {
	no := false
	hurry, _ := gpio.ParsePattern("100ms on, 100ms off, repeat")
	tune, _ := gpio.ParseTune("hello:d=8,o=5,b=140:c,e,g")
	c := written([]Output{
		{Name: "lamp"}, {Name: "buzzer", Kind: gpio.Buzzer}, {Name: "annas", Only: []string{"anna"}},
		{Name: "free", Only: []string{"unassigned", "Front desk"}},
	},
		Override{Name: "critical", While: text(`waiting > 0`), Of: text(`"VIP" in labels`), Show: show("lamp", "alarm", Sounds, "alarm")},
		Override{Name: "from the website", On: []string{"conversation_create"}, When: text(`channel == "WEB" && assignee.kind != "bot"`),
			Show: show("lamp", "hurry", Sounds, "hello"), For: lasts(10 * time.Second), Means: text("A guest from the website")},
		Override{Name: "rush", While: text("waiting > 2"), Every: lasts(20 * time.Second), Show: show("lamp", "fast", Sounds, "triple")},
		Override{Name: "left", On: []string{"wait_ended", "closed"}, When: text(`person == "ben"`), Show: show("lamp", "double"), Means: text("Ben is free")},
		Override{Name: "still waiting", Every: lasts(30 * time.Second)},
		Override{Name: "assignee changed", Enabled: &no},
		Override{Name: "new conversation", Show: show("lamp", "on")},
	)
	c.Patterns = map[string]gpio.Pattern{"hurry": hurry, "hello": tune.Pattern()}
	return c
}

func escalateConfig() Config {
	c := written(lampAndBuzzer, Override{
		Name: "anna's guests", While: text("waiting > 0"), Of: text(`person == "anna"`), Show: show("lamp", "pulse"),
		Escalate: []Escalation{
			{After: 2 * time.Minute, Show: show("lamp", "fast", Sounds, "double"), Repeat: time.Minute},
			{After: time.Minute, Show: show(Sounds, "alarm"), Repeat: 30 * time.Second},
			{After: 5 * time.Minute, Show: show(Sounds, "alarm")},
		},
	})
	c.Rules = c.Rules[:2] // and "somebody waits"
	return c
}

func onlyConfig() Config {
	c := written(lampAndBuzzer)
	c.Only = "bot == 8861"
	return c
}

func relayConfig() Config {
	return written([]Output{{Name: "horn", Kind: gpio.Relay}, {Name: "buzzer", Kind: gpio.Buzzer}},
		Override{Name: "late", While: text(`oldest_waiting > "1m"`), Every: lasts(20 * time.Second), Show: show("horn", "fast")},
		Override{Name: "note", On: []string{"note"}, For: lasts(30 * time.Second), Show: show("horn", "alarm")},
	)
}
