package hub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"deskbell/agent/mqtt"
)

// commandTime bounds a command. It does not end with the connection: what was
// asked for is done, though the answer may not arrive.
const commandTime = 10 * time.Second

var (
	errPress    = errors.New("expected PRESS or nothing")
	errDuration = errors.New("expected a time such as 30m")
	errOutput   = errors.New("there is no such output")
	errInput    = errors.New("there is no such input")
	errSwitch   = errors.New("expected ON or OFF")
	errCommand  = errors.New("there is no such command")
)

// obey does what a command asks for. One that cannot be done changes nothing
// and is told to the log, without its payload, once until the next that can. A
// retained one is from another time and ignored. The broker gets its
// acknowledgement when obey returns, which is after the command was saved.
func (h *Hub) obey(ctx context.Context, m mqtt.Message) {
	if m.Retained {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
	defer cancel()
	name, err := h.command(ctx, strings.TrimPrefix(m.Topic, h.base+"/"), m.Payload)
	if err == nil {
		delete(h.complained, name)
		return
	}
	if !h.complained[name] {
		h.complained[name] = true
		h.log.Warn("a command over MQTT was not done", "command", name, "error", err)
	}
}

// command returns the name of a command in our own words: a topic is
// anybody's.
func (h *Hub) command(ctx context.Context, topic string, payload []byte) (name string, err error) {
	text := strings.TrimSpace(string(payload))
	pressed := text == "" || text == "PRESS"
	switch topic {
	case "command/ack":
		if !pressed {
			return "ack", errPress
		}
		return "ack", h.device.Acknowledge(ctx)
	case "command/unmute":
		if !pressed {
			return "unmute", errPress
		}
		return "unmute", h.device.Unmute(ctx)
	case "command/mute":
		if pressed {
			return "mute", h.device.Mute(ctx, 0)
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return "mute", errDuration
		}
		return "mute", h.device.Mute(ctx, d)
	case "command/test":
		if !h.known(text) {
			return "test", errOutput
		}
		return "test", h.device.Test(ctx, text)
	}
	if input, ok := strings.CutPrefix(topic, "input/"); ok {
		return h.lock(ctx, strings.TrimSuffix(input, "/lock"), text)
	}
	output, ok := strings.CutPrefix(topic, "output/")
	if !ok {
		return "unknown", errCommand
	}
	output = strings.TrimSuffix(output, "/set")
	if !h.known(output) {
		return "set", errOutput
	}
	return "set " + output, h.device.Set(ctx, output, payload)
}

// lock locks an input or unlocks it.
func (h *Hub) lock(ctx context.Context, input, text string) (name string, err error) {
	if !slices.ContainsFunc(h.device.Inputs(), func(i InputState) bool { return i.Name == input }) {
		return "lock", errInput
	}
	name = "lock " + input
	switch text {
	case "ON":
		return name, h.device.Lock(ctx, input, true)
	case "OFF":
		return name, h.device.Lock(ctx, input, false)
	}
	return name, errSwitch
}

// known says that there is an output of that name.
func (h *Hub) known(output string) bool {
	return slices.ContainsFunc(h.device.Outputs(), func(o OutputState) bool { return o.Name == output })
}
