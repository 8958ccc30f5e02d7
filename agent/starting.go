package agent

import (
	"time"

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// startingAfter is how long the store may take to open before the lights say
// so: a restart is over sooner, and nobody is to see it flash.
const startingAfter = time.Second

func (a *Agent) showStarting() {
	outputs, _ := a.config.outputs()
	for name, o := range outputs {
		if o.Kind == gpio.Light {
			_ = a.board.Show(name, indicator.Starting, time.Time{}) // a light that cannot is told by the board's problems
		}
	}
}

// unlessWithin does what takes its time, and shows something if it is not done
// within so long. Nothing is shown after it has returned.
func unlessWithin(limit time.Duration, show, do func()) {
	shown := make(chan struct{})
	late := time.AfterFunc(limit, func() {
		defer close(shown)
		show()
	})
	do()
	if !late.Stop() {
		<-shown
	}
}
