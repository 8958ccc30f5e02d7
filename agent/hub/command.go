package hub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"deskbell/agent/mqtt"
)

// obey does what a command asks for. A command that cannot be done is told to
// the log, without its payload, and changes nothing. A retained one is from
// another time and ignored. The broker gets its acknowledgement when obey
// returns, which is after the command was saved.
func (h *Hub) obey(ctx context.Context, m mqtt.Message) {
	if m.Retained {
		return
	}
	if err := h.command(ctx, strings.TrimPrefix(m.Topic, h.base+"/"), m.Payload); err != nil {
		h.log.Warn("a command over MQTT was not done", "topic", m.Topic, "error", err)
	}
}

func (h *Hub) command(ctx context.Context, name string, payload []byte) error {
	text := strings.TrimSpace(string(payload))
	pressed := text == "" || text == "PRESS"
	switch name {
	case "command/ack":
		if !pressed {
			return errPress
		}
		return h.device.Acknowledge(ctx)
	case "command/unmute":
		if !pressed {
			return errPress
		}
		return h.device.Unmute(ctx)
	case "command/mute":
		var d time.Duration
		if !pressed {
			var err error
			if d, err = time.ParseDuration(text); err != nil || d <= 0 {
				return errors.New("expected a time such as 30m")
			}
		}
		return h.device.Mute(ctx, d)
	case "command/test":
		return h.known(text, func() error { return h.device.Test(ctx, text) })
	}
	if output, ok := strings.CutPrefix(name, "output/"); ok {
		output = strings.TrimSuffix(output, "/set")
		return h.known(output, func() error { return h.device.Set(ctx, output, payload) })
	}
	return errors.New("there is no such command")
}

var errPress = errors.New("expected PRESS or nothing")

// known does something with an output that there is.
func (h *Hub) known(output string, do func() error) error {
	if !slices.ContainsFunc(h.device.Outputs(), func(o OutputState) bool { return o.Name == output }) {
		return errors.New("there is no such output")
	}
	return do()
}
