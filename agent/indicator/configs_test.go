package indicator

import "deskbell/gpio"

func init() { configs["people"], configs["tower"] = peopleConfig, towerConfig }

// peopleConfig has a lamp for each of two people, one for what nobody has, and one at the door for all.
func peopleConfig() Config {
	c := testConfig()
	c.People = map[string]string{"anna": "anna@hotel.example", "ben": "ben@hotel.example"}
	c.Outputs = []Output{
		{Name: "annas", Only: []string{"anna"}}, {Name: "bens", Only: []string{"ben"}},
		{Name: "desk", Only: []string{OnlyUnassigned, "Front desk"}}, {Name: "door"},
	}
	return c
}

// towerConfig has a tower of three lights, of which one is on.
func towerConfig() Config {
	c := testConfig()
	c.Outputs = []Output{{Name: "red"}, {Name: "yellow"}, {Name: "green"}, {Name: "siren", Kind: gpio.Buzzer}}
	c.Rules = []Rule{
		{Name: "no way to us", While: "unreachable", Show: show("red", "triple", "green", "off")},
		{Name: "a guest waits long", While: `oldest_waiting > "1m"`, Show: show("red", "blink", "yellow", "off", "green", "off", Sounds, "double")},
		{Name: "a guest waits", While: "waiting > 0", Show: show("red", "off", "yellow", "on", "green", "off")},
		{Name: "taken", While: "acknowledged > 0", Show: show("yellow", "pulse", "green", "off")},
		{Name: "all is well", While: "open >= 0", Show: show("green", "on")},
	}
	return c
}
