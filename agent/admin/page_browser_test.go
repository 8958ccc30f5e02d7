package admin

import (
	"context"
	"net"
	"strings"
	"testing"
)

const (
	hostileText  = `<script>document.title = "owned"</script><img src=x onerror="document.title='owned'"> ` + "\u202edrow"
	hostileTitle = `"><script>document.title = "owned"</script>`
)

// showPage serves the page of agent and log on a free port and opens it.
func showPage(t *testing.T, agent *fakeAgent, log *fakeLog) (b *browser, stop func()) {
	t.Helper()
	b = startBrowser(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newTestServer(t, Config{}, agent, log).Serve(ctx, l) }()
	stopped := false
	stop = func() {
		cancel()
		if !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	b.open("http://" + l.Addr().String() + "/")
	return b, stop
}

// One browser serves for the whole story: to start it takes longer than all
// the rest.
func TestPageInABrowser(t *testing.T) {
	agent, log := newFakeAgent(), newFakeLog(created, message(hostileText))
	agent.status.Storage.LastSequence = 2
	agent.status.Desk.MutedUntil = nil
	agent.status.Desk.Conversations[1].Title = hostileTitle
	agent.status.Forward[1].LastError = hostileTitle
	agent.status.Problems = append(agent.status.Problems, hostileTitle)
	b, stop := showPage(t, agent, log)
	text := func(selector string) string {
		return b.eval("document.querySelector(`" + selector + "`).innerText")
	}
	want := func(selector, part string) {
		t.Helper()
		if got := text(selector); !strings.Contains(got, part) {
			t.Errorf("%s shows %q, want %q", selector, got, part)
		}
	}

	b.wait(`document.querySelectorAll("#events li").length === 2`)
	want("h1", "front-desk")
	want("#problems", "3 things need attention")
	want("#desk .headline", "guest is waiting")
	want("#outputs li", "somebody waits")
	want("#brokers li:nth-child(1)", "Connected")
	want("#brokers li:nth-child(2)", "Not connected")
	want("#conversations li", "with anna@hotel.example since")

	// What visitors wrote is text, wherever it stands.
	want("#events li", `visitor: <script>document.title = "owned"</script><img src=x`)
	want("#conversations li", hostileTitle)
	want("#problems", hostileTitle)
	want("#brokers li:nth-child(2)", hostileTitle)
	if n := b.eval(`document.querySelectorAll("main script, main img").length`); n != "0" {
		t.Errorf("%s elements were made of text", n)
	}
	if title := b.eval(`document.title`); title != "(1) front-desk – deskbell" {
		t.Errorf("the title is %q", title)
	}

	// Buttons tell how they are; only a simulated one can be pressed here.
	want("#inputs li:nth-child(1)", "not pressed")
	want("#inputs li:nth-child(1)", "last: acknowledge")
	want("#inputs li:nth-child(2)", "pressed, locked")
	if hidden := b.eval(`(document.querySelector("#inputs li:nth-child(1) .press").offsetParent === null) + " " + (document.querySelector("#inputs li:nth-child(2) .press").offsetParent === null)`); hidden != "false true" {
		t.Errorf("the press buttons are hidden: %s", hidden)
	}

	// Lamps do what the outputs do.
	pulse := `getComputedStyle(document.querySelector("#outputs li:nth-child(1) .light"))`
	if name := b.eval(pulse + `.animationName + " " + ` + pulse + `.animationDuration`); name != "half 2s" {
		t.Errorf("a pulse is shown as %s", name)
	}
	if name := b.eval(`getComputedStyle(document.querySelector("#outputs li:nth-child(2) .light")).opacity`); name != "0" {
		t.Errorf("a silent buzzer shines with %s", name)
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-reduced-motion", "value": "reduce"}}})
	if name := b.eval(pulse + `.animationName + " " + ` + pulse + `.opacity`); name != "none 1" {
		t.Errorf("without motion a pulse is shown as %s", name)
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{}})

	// Buttons reach the agent.
	for selector, called := range map[string]string{
		"#ack": "acknowledge", "#mute": "mute 30m0s", "#outputs li:nth-child(2) button": "test buzzer chirp 3s",
		"#inputs li:nth-child(1) .press": "press ack 0s", "#inputs li:nth-child(1) .lock": "lock ack true", "#inputs li:nth-child(2) .lock": "lock kiosk false",
	} {
		b.click(selector)
		b.wait("!document.querySelector(`" + selector + "`).disabled && document.getElementById('answer').textContent !== ''")
		if got := agent.called(); got != called {
			t.Errorf("%s called %q, want %q", selector, got, called)
		}
		b.eval(`document.getElementById("answer").textContent = ""`)
	}

	// It follows what happens.
	log.add(message("a new one"))
	agent.change(func(s *Status) {
		s.Storage.LastSequence, s.Desk.Waiting, s.Problems = 3, 0, nil
		s.Desk.MutedUntil = sampleStatus().Desk.MutedUntil
		s.Outputs = []OutputStatus{
			{Name: "lamp", Pin: "GPIO17", Kind: "light", On: true, Pattern: "on", Reason: "acknowledged"},
			{Name: "sign", Pin: "GPIO23", Kind: "relay", On: true, Pattern: "pulse", Reason: "somebody waits"},
		}
	})
	b.wait(`document.querySelectorAll("#events li").length === 3`)
	want("#events li", "a new one")
	want("#desk .headline", "Nobody is waiting")
	want("#mute", "Unmute")
	want("#outputs", "acknowledged")
	if got := b.eval(`document.querySelector("#outputs li:nth-child(2) .does").textContent + " " + getComputedStyle(document.querySelector("#outputs li:nth-child(2) .light")).animationName`); got != "on none" {
		t.Errorf("a relay, which is steadily on, is shown as %s", got)
	}
	if n := b.eval(`document.querySelectorAll("#outputs li").length + " " + document.getElementById("problems").hidden + " " + document.getElementById("ack").disabled`); n != "2 true true" {
		t.Errorf("outputs, problems, acknowledge: %s", n)
	}

	for _, width := range []int{360, 400, 768, 1280, 2400} {
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false})
		if got := b.eval(`document.documentElement.scrollWidth <= innerWidth`); got != "true" {
			t.Errorf("%d wide, the page is %s wide", width, b.eval(`document.documentElement.scrollWidth`))
		}
	}
	if faults := b.complaints(); faults != "" {
		t.Errorf("the page complained:\n%s", faults)
	}

	// It says when nobody answers, and does not pass old things off as new.
	stop()
	b.wait(`!document.getElementById("lost").hidden`)
	want("#lost", "The agent does not answer. What you see is from ")
	if stale := b.eval(`document.body.classList.contains("stale")`); stale != "true" {
		t.Error("what is shown does not look old")
	}
	b.eval(`document.getElementById("mute").click()`)
	b.wait(`document.getElementById("answer").textContent.includes("does not answer")`)
}
