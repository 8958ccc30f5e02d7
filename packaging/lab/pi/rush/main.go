// Command rush posts new conversations at an even pace: rush NUMBER IN URL, such as rush 1000 10s http://127.0.0.1:8080/webhook.
// Each is a post of its own, and stays with the bot. It ends with 0 when each was answered 200.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// workers post at the same time, as a platform does whose answers take a while.
const workers = 16

const body = `{"events":[{"event":{"type":"conversation_create","payload":{"title":"rush","assigned_to_user":{"type":"bot","id":"1"}}},` +
	`"conversation":{"key":"rush-%d","id":%d},"account":{"key":"lab","id":1,"bot":{"id":1}},"visitor":{"key":"v%d","id":%d},"timestamp":"2026-01-01 00:00:00.%06d"}]}`

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: rush NUMBER IN URL")
		os.Exit(2)
	}
	number, err := strconv.Atoi(os.Args[1])
	in, err2 := time.ParseDuration(os.Args[2])
	if err != nil || err2 != nil || number <= 0 {
		fmt.Fprintln(os.Stderr, "rush: not a number and a time")
		os.Exit(2)
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	var (
		mu      sync.Mutex
		slowest time.Duration
		bad     int
		work    = make(chan int, number)
		all     sync.WaitGroup
	)
	for range workers {
		all.Go(func() {
			for i := range work {
				began := time.Now()
				ok := post(client, os.Args[3], fmt.Sprintf(body, i, i, i, i, i))
				mu.Lock()
				slowest = max(slowest, time.Since(began))
				if !ok {
					bad++
				}
				mu.Unlock()
			}
		})
	}
	start := time.Now()
	pace := time.NewTicker(in / time.Duration(number))
	for i := range number {
		work <- i
		<-pace.C
	}
	pace.Stop()
	close(work)
	all.Wait()
	fmt.Printf("%d posts in %.1f s, %d not answered 200, the slowest answer took %d ms\n", number, time.Since(start).Seconds(), bad, slowest.Milliseconds())
	if bad > 0 {
		os.Exit(1)
	}
}

func post(client *http.Client, url, body string) bool {
	answer, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "rush:", err)
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection can be used again
	return answer.StatusCode == http.StatusOK
}
