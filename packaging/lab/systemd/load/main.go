// Command load posts events until it is ended by SIGTERM, each over a connection of its own, as a platform does: load URL [TOKEN].
// Then it says how many were answered what, and how long the slowest took. It ends with 0 when all were answered 200, but for so
// many as -allow says.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const body = `{"events": [{"event": {"type": "message", "payload": {"message_by": {"type": "visitor"}, "message": {"type": "text", "text": "hello"}}}, ` +
	`"conversation": {"key": "load-%d", "id": %d}, "account": {"key": "lab", "id": 1, "bot": {"id": 1}}, ` +
	`"visitor": {"key": "load-%d-%d-%d", "id": 1}, "timestamp": "2026-01-01 00:00:00.000000"}]}`

func main() {
	workers := flag.Int("workers", 16, "how many post at the same time")
	pause := flag.Duration("pause", 20*time.Millisecond, "of each after an answer")
	allow := flag.Int("allow", 0, "how many may fail")
	flag.Parse()
	url, token := flag.Arg(0), flag.Arg(1)
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer end()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var (
		mu      sync.Mutex
		answers = map[string]int{}
		slowest time.Duration
		all     sync.WaitGroup
	)
	run := time.Now().UnixNano() // so that no event is like one of an earlier run
	for worker := range *workers {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				began := time.Now()
				answer := post(client, url, token, fmt.Sprintf(body, worker, worker, run, worker, i))
				took := time.Since(began)
				mu.Lock()
				answers[answer]++
				slowest = max(slowest, took)
				mu.Unlock()
				time.Sleep(*pause)
			}
		})
	}
	all.Wait() // each post is answered before it ends
	failed := 0
	for _, answer := range slices.Sorted(maps.Keys(answers)) {
		fmt.Printf("%d answered %s\n", answers[answer], answer)
		if answer != "200" {
			failed += answers[answer]
		}
	}
	fmt.Printf("slowest %d ms\n", slowest.Milliseconds())
	if failed > *allow || answers["200"] == 0 {
		os.Exit(1)
	}
}

func post(client *http.Client, url, token, body string) string {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("X-Webhook-Token", token)
	}
	answer, err := client.Do(request)
	if err != nil {
		text := err.Error()
		return "nothing: " + text[strings.LastIndex(text, ": ")+1:]
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return fmt.Sprint(answer.StatusCode)
}
