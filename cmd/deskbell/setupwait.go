package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deskbell/agent/admin"
)

// lookEvery is how often setup asks the agent while it waits.
const lookEvery = 200 * time.Millisecond

// until asks the agent until is says so, and returns the status then. An agent
// that does not answer, as it starts again, is asked on.
func (s *setup) until(ctx context.Context, what string, is func(admin.Status) bool) (admin.Status, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	defer s.console.rest()
	for {
		st, err := s.api().Status(ctx)
		if err == nil && is(st) {
			return st, nil
		}
		if errors.Is(err, admin.ErrNotPermitted) {
			return st, told(err)
		}
		s.console.working(what)
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-tick.C:
		}
	}
}

// listenIn waits for the platform's check and for a hand-over, and asks whether
// it was noticed.
func (s *setup) listenIn(ctx context.Context) error {
	c := s.console
	if s.noWait {
		if s.rehearsal {
			c.say("")
			return s.rehearse(ctx)
		}
		c.say("")
		c.say("Save it there: the platform then posts a check, and deskbell status shows it.")
		c.say("Hear the bell now: sudo deskbell send --story handover")
		return nil
	}
	st, err := s.api().Status(ctx)
	if err != nil {
		return told(err)
	}
	c.say("")
	patient, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.awaitCheck(patient, st.Webhook); err != nil {
		return s.tired(ctx, err, "the platform has posted nothing within "+s.timeout.String(),
			"is the address reached from outside? see: sudo deskbell doctor; what was refused: deskbell events rejected")
	}
	if s.rehearsal {
		return s.rehearse(ctx)
	}
	patient, cancel = context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.tired(ctx, s.awaitHandOver(patient), "no guest has asked for a person within "+s.timeout.String(),
		"rehearse one: sudo deskbell send --story handover; types that are not understood: deskbell learn")
}

// tired says what did not come in time.
func (s *setup) tired(ctx context.Context, err error, what, hint string) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return failed(errors.New(what), hint)
	}
	return err
}

// errSkipped is what somebody says who does not want to wait.
var errSkipped = errors.New("skipped")

// orKey does what until does, and gives up when somebody types a line that take
// does not take.
func (s *setup) orKey(ctx context.Context, what string, is func(admin.Status) bool, take func(string) error) error {
	watch, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		if text, ok := s.console.typed(watch); ok {
			stop(take(text))
		}
	}()
	_, err := s.until(watch, what, is)
	why := context.Cause(watch)
	stop(nil)
	<-typed
	if err != nil && ctx.Err() == nil && why != nil {
		return why
	}
	return err
}

// awaitCheck waits for a post after those of before, and tells of those that
// are refused meanwhile.
func (s *setup) awaitCheck(ctx context.Context, before admin.WebhookStatus) error {
	c := s.console
	c.say("Save it there: the platform then posts a check.%s", c.keys(" Enter skips this."))
	refused, shown := number(before.LastRefused), ""
	err := s.orKey(ctx, "waiting for the platform's check", func(st admin.Status) bool {
		if p := st.Webhook.LastRefused; number(p) > refused {
			refused = p.Number
			if text := refusedWords(*p); text != shown {
				c.bad(text)
				shown = text
			}
		}
		if p := st.Webhook.LastPost; number(p) > number(before.LastPost) {
			s.report.Check = p
			return true
		}
		return false
	}, func(string) error { return errSkipped })
	switch {
	case errors.Is(err, errSkipped):
		c.say("Skipped: deskbell status shows when it has come.")
		return nil
	case err != nil:
		return err
	}
	c.done("check", strings.TrimPrefix(s.report.Check.Words(), "a check, "))
	return nil
}

func number(p *admin.Post) uint64 {
	if p == nil {
		return 0
	}
	return p.Number
}

// refusedWords says what is wrong with a post that was refused.
func refusedWords(p admin.Post) string {
	from := cmp.Or(p.Address, "somewhere")
	switch {
	case p.Code == 401 && p.TokenIn == "":
		return "a post without a token came from " + from + ", or with one in an unknown place: see deskbell events rejected, and webhook.token_in"
	case p.Code == 401:
		return "a post with a wrong token came from " + from + " (in " + p.TokenIn + "): paste the token again"
	}
	return fmt.Sprintf("a post came from %s and was answered %d: see deskbell events rejected", from, p.Code)
}

// awaitHandOver waits until a guest asks for a person, or for the wish to
// rehearse that.
func (s *setup) awaitHandOver(ctx context.Context) error {
	c := s.console
	c.say("")
	c.say("Now a first guest: open a chat on your page and ask for a person.%s", c.keys(" r rehearses it, Enter skips it."))
	rehearse := errors.New("rehearse")
	err := s.orKey(ctx, "waiting for a guest who asks for a person", rings, func(text string) error {
		if strings.EqualFold(strings.TrimSpace(text), "r") {
			return rehearse
		}
		return errSkipped
	})
	switch {
	case errors.Is(err, rehearse):
		return s.rehearse(ctx)
	case errors.Is(err, errSkipped):
		return nil
	case err != nil:
		return err
	}
	return s.noticed(ctx)
}

// rings says whether a guest waits and an output shows something.
func rings(st admin.Status) bool {
	return st.Desk.Waiting > 0 && slices.ContainsFunc(st.Outputs, shows)
}

func shows(o admin.OutputStatus) bool { return o.Pattern != "" && o.Pattern != "off" }

// shownWithin is how long after a hand-over an output may take to show it.
const shownWithin = 10 * time.Second

// rehearse plays a hand-over as the platform would post it.
func (s *setup) rehearse(ctx context.Context) error {
	scenes, scene := handover(), 0
	err := tellStory(ctx, 0, newPoster(s.config), func(what string, _ time.Duration) error {
		s.console.step(what)
		scene++
		if scenes[scene-1].told != asksForPerson {
			return nil
		}
		patient, cancel := context.WithTimeout(ctx, shownWithin)
		defer cancel()
		if _, err := s.until(patient, "the outputs", rings); err != nil {
			return s.tired(ctx, err, "no output shows that a guest waits", "see why with: deskbell why")
		}
		return s.noticed(ctx)
	})
	if err == nil {
		s.console.say("")
		s.console.say("That was a rehearsal; the desk is quiet again.")
	}
	return err
}

// noticed tells what the outputs show, and asks whether somebody noticed.
func (s *setup) noticed(ctx context.Context) error {
	c := s.console
	s.report.HandOver = true
	st, err := s.api().Status(ctx)
	if err != nil {
		return told(err)
	}
	only := true
	for _, o := range st.Outputs {
		text := "is off"
		if shows(o) {
			text = verb(o.Kind, o.Pattern) + ": " + o.Reason
		} else if o.Kind == "buzzer" || o.Kind == "tone" {
			text = "has sounded"
		}
		if o.Driver == simulated {
			text += " (simulated)"
		} else {
			only = false
		}
		c.done(o.Name, text)
	}
	if only {
		c.say("Nothing hangs on the pins yet: see the README for the wiring, then run setup again.")
		return nil
	}
	if s.yes {
		c.say("Nobody was asked whether it was heard.")
		return nil
	}
	for try := range 2 {
		heard, err := c.yesNo(ctx, "Did you see and hear it?", true)
		if err != nil {
			return err
		}
		s.report.Heard = &heard
		if heard {
			c.say("Then this desk is ready.")
			return nil
		}
		if try == 0 {
			for _, o := range st.Outputs {
				if _, err := s.api().Test(ctx, o.Name, "", 0); err != nil {
					return told(err)
				}
			}
			c.say("Once more, all of them, for 3 s.")
		}
	}
	c.say("Wiring, pin and voltage are the usual causes: see the README, deskbell gpio list and deskbell test.")
	return nil
}
