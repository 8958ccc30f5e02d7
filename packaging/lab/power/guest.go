//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	config  = "/etc/deskbell.toml"
	storeAt = "/sd/deskbell"
	webhook = "http://127.0.0.1:8080"
)

// What the guest says: "lab: WORD … ." A line without the full stop at its end was cut off, and counts for nothing.
var console struct {
	sync.Mutex
	lines int // since the agent was started
}

func say(format string, args ...any) {
	console.Lock()
	defer console.Unlock()
	console.lines++
	fmt.Printf("lab: "+format+" .\n", args...)
}

// A task is what the kernel's command line asks of this boot.
type task struct {
	run   int
	load  string // none, small, large
	posts int    // at most
	check bool   // look at the store before the load
	early bool   // lie: say that an event was acknowledged before it is posted
	sync  bool
}

func readTask() (t task, err error) {
	text, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return t, err
	}
	t.sync = true
	for word := range strings.FieldsSeq(string(text)) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "lab.run":
			t.run, err = strconv.Atoi(value)
		case "lab.load":
			t.load = value
		case "lab.posts":
			t.posts, err = strconv.Atoi(value)
		case "lab.check":
			t.check = value == "1"
		case "lab.break":
			t.early, t.sync = value == "early", value != "sync"
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", word, err)
		}
	}
	if t.run == 0 {
		return t, errors.New("the kernel's command line has no lab.run")
	}
	return t, nil
}

func guest() error {
	t, err := readTask()
	if err != nil {
		return err
	}
	command := []string{"/bin/deskbell", "run", "--config", config}
	if !t.sync {
		command = append([]string{"/bin/power", "nosync"}, command...)
	}
	agent := exec.Command(command[0], command[1:]...)
	log, err := agent.StderrPipe()
	if err != nil {
		return err
	}
	say("start")
	began := time.Now()
	if err := agent.Start(); err != nil {
		return err
	}
	go tell(log)
	for {
		if answer, err := http.Get(webhook + "/readyz"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	names, err := os.ReadDir(storeAt)
	if err != nil {
		return err
	}
	store := ""
	for _, e := range names {
		store += " " + e.Name()
	}
	say("ready %d%s", took.Milliseconds(), store)
	if t.check {
		if err := check(); err != nil {
			return err
		}
	}
	go watch()
	t.post()
	say("quiet")
	select {} // until the plug is pulled
}

// tell shows what the agent logs.
func tell(log io.Reader) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		fmt.Println("agent:", lines.Text())
	}
	say("FAIL the agent has ended")
}

// watch says when the store's file has become longer.
func watch() {
	var was int64
	for range time.Tick(2 * time.Millisecond) {
		if now, err := os.Stat(storeAt + "/deskbell.db"); err == nil && now.Size() != was {
			if was != 0 {
				say("longer %d", now.Size())
			}
			was = now.Size()
		}
	}
}

// check reads all events of the running agent and says which of them are there, whole.
func check() error {
	export := exec.Command("/bin/deskbell", "events", "export", "--config", config)
	export.Stderr = os.Stdout
	out, err := export.StdoutPipe()
	if err != nil {
		return err
	}
	if err := export.Start(); err != nil {
		return err
	}
	found, events := map[[2]int]set{}, 0
	lines := bufio.NewReaderSize(out, 1<<20)
	before := console.lines
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		events++
		var e struct{ Sequence uint64 }
		head, data, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("}\n")), []byte(`,"data":`))
		if !ok || json.Unmarshal(append(head, '}'), &e) != nil {
			return fmt.Errorf("read the events: %.200q", line)
		}
		m, whole := read(data)
		key := [2]int{m.run, m.lane}
		if found[key] == nil {
			found[key] = set{}
		}
		switch {
		case !whole:
			say("altered %d", e.Sequence)
		case found[key][m.number]:
			say("twice %d %d %d", m.run, m.lane, m.number)
		default:
			found[key][m.number] = true
		}
	}
	if err := export.Wait(); err != nil {
		return fmt.Errorf("read the events: %w", err)
	}
	for key, numbers := range found {
		for _, ranges := range numbers.ranges(20) {
			say("has %d %d %s", key[0], key[1], ranges)
		}
	}
	say("checked %d %d", events, console.lines-before)
	return nil
}

// post posts until each lane has made its share of the posts.
func (t task) post() {
	first, n := 0, smallLanes
	switch t.load {
	case "none":
		return
	case "large":
		first, n = smallLanes, lanes-smallLanes
	}
	say("load")
	acknowledged := make(chan mark, 1024)
	var all, printer sync.WaitGroup
	printer.Go(func() { t.acknowledge(acknowledged) })
	client := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	for lane := first; lane < first+n; lane++ {
		all.Go(func() {
			for number := range t.posts / n {
				m := mark{t.run, lane, number}
				if t.early {
					acknowledged <- m
				}
				status, err := post(client, m)
				switch {
				case err != nil:
					say("FAIL a post was not answered: %v", err)
				case status != http.StatusOK:
					say("FAIL a post was answered %d", status)
				case !t.early:
					acknowledged <- m
				}
			}
		})
	}
	all.Wait()
	close(acknowledged)
	printer.Wait()
}

// acknowledge says what was answered 200: what has come while the last line was written is one line.
func (t task) acknowledge(marks <-chan mark) {
	for m := range marks {
		byLane := map[int]set{m.lane: {m.number: true}}
		for range len(marks) {
			m := <-marks
			if byLane[m.lane] == nil {
				byLane[m.lane] = set{}
			}
			byLane[m.lane][m.number] = true
		}
		var parts []string
		for lane, numbers := range byLane {
			for _, ranges := range numbers.ranges(20) {
				parts = append(parts, fmt.Sprintf("%d %s", lane, ranges))
			}
		}
		slices.Sort(parts)
		say("200 %s", strings.Join(parts, " "))
	}
}

func post(client *http.Client, m mark) (status int, err error) {
	request, err := http.NewRequest(http.MethodPost, webhook+"/webhook", strings.NewReader(`{"events": [`+event(m)+`]}`))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Webhook-Token", "lab")
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection can be used again
	return answer.StatusCode, nil
}
