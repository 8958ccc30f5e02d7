package indicator

import (
	"time"

	"deskbell/gpio"
)

// quadruple is the rhythm of the store's trouble, a rhythm that no rule's pattern has: four times 150 ms, 150 ms apart, in 3 s.
var quadruple = gpio.Pattern{Name: "quadruple", Repeat: true, Steps: []gpio.Step{
	{On: true, For: 150 * time.Millisecond}, {For: 150 * time.Millisecond},
	{On: true, For: 150 * time.Millisecond}, {For: 150 * time.Millisecond},
	{On: true, For: 150 * time.Millisecond}, {For: 150 * time.Millisecond},
	{On: true, For: 150 * time.Millisecond}, {For: 1950 * time.Millisecond},
}}

// Starting is the rhythm of the lights while the store is being checked, before there is an indicator: a short flash a second.
var Starting = gpio.Pattern{Name: "starting", Repeat: true, Steps: []gpio.Step{{On: true, For: 80 * time.Millisecond}, {For: 920 * time.Millisecond}}}

// Health returns, for people to see, the rules that are there whatever the configuration says, below all others.
func Health() (list []Rule) {
	for _, r := range health([]Output{{Name: Lights, Kind: gpio.Light}}) {
		r.Show = show(Lights, quadruple.Name)
		list = append(list, r.Rule)
	}
	return list
}

// health is what the lights show of the box itself when no rule asks for them: it is there whatever the rules are, and below
// all of them. A relay is left alone: what hangs on it is rarely meant to speak of a disk.
func health(outputs []Output) []rule {
	refuses := rule{Rule: Rule{Name: "events cannot be stored", While: "the store refuses"}, health: fieldStoreRefuses}
	fills := rule{Rule: Rule{Name: "the store is nearly full", While: "the store is nearly full", Every: time.Minute}, health: fieldStoreFills}
	for _, o := range outputs {
		var always, once *shows
		if o.Kind == gpio.Light {
			always = &shows{pattern: quadruple}
			once = &shows{pattern: quadruple.Once(), once: onceTakes(quadruple)}
		}
		refuses.shows, fills.shows = append(refuses.shows, always), append(fills.shows, once)
	}
	return []rule{refuses, fills}
}
