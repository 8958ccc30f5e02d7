package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"deskbell/packaging/bench/load"
)

// window is how many publishes are in flight at most.
const window = 64

// Books keep what was done, what it may cost and what it did cost.
type books struct {
	out    io.Writer
	began  time.Time
	ledger *load.Ledger

	mu       sync.Mutex
	done     map[kind]int
	breaches []string
	allowed  map[kind]int           // duplicates that were to be expected, by cause
	copies   map[kind]int           // duplicates that came after the cause
	counted  int                    // of the ledger's duplicates
	cause    kind                   // the last one of duplicates
	away     map[kind]time.Duration // the longest time not ready
	failing  time.Time              // since when positions may not be saved; zero: they are
	sizes    []size
}

func newBooks(out io.Writer, l *load.Ledger) *books {
	return &books{out: out, began: time.Now(), ledger: l, done: map[kind]int{}, allowed: map[kind]int{}, copies: map[kind]int{}, away: map[kind]time.Duration{}}
}

// say prints a line with the time.
func (b *books) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.print(format, args...)
}

func (b *books) print(format string, args ...any) {
	fmt.Fprintf(b.out, "%7.1fs  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// breach notes what must not be.
func (b *books) breach(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	b.print("BREACH  %s", text)
	b.breaches = append(b.breaches, fmt.Sprintf("at %.1fs: %s", time.Since(b.began).Seconds(), text))
}

// acted counts an action and says what it was.
func (b *books) acted(a action, format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done[a.kind]++
	text := fmt.Sprintf(format, args...)
	if text != "" {
		text = ": " + text
	}
	b.print("%4d %s%s", a.number, a.kind, text)
}

// expect allows for duplicates: what was in flight when a connection was lost.
func (b *books) expect(cause kind, n int) {
	b.count()
	b.allow(cause, n)
}

func (b *books) allow(cause kind, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cause = cause
	b.allowed[cause] += n
}

// expectUnsaved allows for those after the end of an agent that could not save
// its position: what was acknowledged since it last could, too.
func (b *books) expectUnsaved(cause kind) {
	since := time.Now().Add(-1500 * time.Millisecond)
	b.mu.Lock()
	if !b.failing.IsZero() && b.failing.Before(since) {
		since = b.failing
	}
	b.mu.Unlock()
	n, _, _ := b.ledger.Came(since)
	b.expect(cause, n+window)
}

// unsaved notes that from now on positions may not be saved, or are again.
func (b *books) unsaved(now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now {
		b.failing = time.Time{}
	} else if b.failing.IsZero() {
		b.failing = time.Now()
	}
}

// count books the duplicates that came since the last time on the last cause.
func (b *books) count() {
	further, again := b.ledger.Copies()
	b.mu.Lock()
	n := max(0, further-again-b.counted)
	b.counted += n
	b.mu.Unlock()
	b.book(n)
}

func (b *books) book(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.copies[b.cause] += n
	copies, allowed := 0, 0
	for k := range b.copies {
		copies += b.copies[k]
	}
	for k := range b.allowed {
		allowed += b.allowed[k]
	}
	if copies > allowed {
		text := fmt.Sprintf("%d duplicates, %d explained; the last %d after %q", copies, allowed, n, b.cause)
		b.print("BREACH  %s", text)
		b.breaches = append(b.breaches, text)
		b.allowed[b.cause] += copies - allowed // once
	}
}

// wasAway notes a time not ready.
func (b *books) wasAway(cause kind, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away[cause] = max(b.away[cause], d)
}

func (b *books) sized(s size) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sizes = append(b.sizes, s)
}

// flat compares the memory of the last third of the run with the first, of
// agents that had time to settle.
func (b *books) flat() (text, fault string) {
	thirds := [3][]int64{}
	files, threads := 0, 0
	for _, s := range b.sizes {
		if s.age < 3*time.Second {
			continue
		}
		third := min(2, int(3*s.at.Sub(b.began)/max(1, time.Since(b.began))))
		thirds[third] = append(thirds[third], s.memory)
		files, threads = max(files, s.files), max(threads, s.threads)
	}
	if len(thirds[0]) < 3 || len(thirds[2]) < 3 {
		return fmt.Sprintf("too few samples (%d)", len(b.sizes)), ""
	}
	for i := range thirds {
		slices.Sort(thirds[i])
	}
	middle := func(l []int64) float64 {
		if len(l) == 0 {
			return 0
		}
		return float64(l[len(l)/2]) / (1 << 20)
	}
	first, last := middle(thirds[0]), middle(thirds[2])
	text = fmt.Sprintf("%.1f, %.1f, %.1f MiB (median beside the mapped store, by thirds), most %.1f MiB; at most %d files, %d threads",
		first, middle(thirds[1]), last, float64(max(thirds[0][len(thirds[0])-1], thirds[2][len(thirds[2])-1]))/(1<<20), files, threads)
	switch {
	case last > 2*first+16:
		fault = "memory grows: " + text
	case files > 400 || threads > 100:
		fault = "files or threads grow: " + text
	}
	return text, fault
}

// sum prints the summary and returns whether all is well.
func (b *books) sum(seed uint64, folder string) bool {
	b.count()
	r := b.ledger.Report(0)
	if f := r.Faults(); f != "" {
		b.breach("%s; lost are %s", f, strings.Join(b.ledger.LostMarks(5), ", "))
	}
	memory, fault := b.flat()
	if fault != "" {
		b.breach("%s", fault)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := func(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }
	p("\nseed %d, %v\n", seed, time.Since(b.began).Round(time.Second))
	p("events      %d posted, %d accepted, %d refused, %d without an answer\n", r.Sent, r.Accepted, r.Refused, r.Unanswered)
	p("delivered   %d, lost %d, altered %d, out of order %d, though refused %d\n", r.Delivered, r.Lost, r.Altered, r.OutOfOrder, r.Surplus)
	p("duplicates  %d, of them %d by the broker itself\n", r.Duplicates, r.Repeated)
	for _, k := range slices.Sorted(maps.Keys(b.allowed)) {
		p("            %6d (at most %d) after: %s\n", b.copies[k], b.allowed[k], k)
	}
	p("latency     to the answer %v at 50 %%, %v at 99 %%, %v at most\n", r.Answer.P50.Round(time.Microsecond), r.Answer.P99.Round(time.Millisecond), r.Answer.Max.Round(time.Millisecond))
	p("memory      %s\n", memory)
	for i, k := range slices.Sorted(maps.Keys(b.done)) {
		p("%-11s %6d %s\n", []string{"actions", ""}[min(i, 1)], b.done[k], k)
	}
	for i, k := range slices.Sorted(maps.Keys(b.away)) {
		p("%-11s %6.1fs after: %s\n", []string{"not ready", ""}[min(i, 1)], b.away[k].Seconds(), k)
	}
	if len(b.breaches) == 0 {
		p("good\n")
		return true
	}
	p("\n%d breaches:\n  %s\nto repeat: make soak SEED=%d; kept in %s\n", len(b.breaches), strings.Join(b.breaches, "\n  "), seed, folder)
	return false
}
