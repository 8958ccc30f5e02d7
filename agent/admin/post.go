package admin

import "fmt"

// Words tells a post in one line, such as "token in body, answered 200".
func (p Post) Words() string {
	token := "no token"
	if p.TokenIn != "" {
		token = "token in " + printable(p.TokenIn)
		if p.Code == 401 || p.Code == 429 {
			token = "a wrong " + token
		}
	}
	text := fmt.Sprintf("%s, answered %d", token, p.Code)
	if p.Events > 0 {
		text = count(p.Events, "event") + ", " + text
	} else if p.Code == 200 {
		text = "a check, " + text
	}
	if p.Address != "" {
		text = "from " + printable(p.Address) + ": " + text
	}
	return text
}
