package main

import (
	"fmt"
	"math"
	"slices"
)

// A row is one line of the table.
type row struct {
	name   string // by which it is chosen
	text   string
	beside string // what the value stands beside
	unit   unit
	least  limit
	want   limit
}

// A unit writes a figure, which is in seconds, bytes or nothing else.
type unit func(float64) string

func plain(v float64) string        { return fmt.Sprintf("%.4g", v) }
func count(v float64) string        { return fmt.Sprintf("%.0f", v) }
func milliseconds(v float64) string { return fmt.Sprintf("%.3g ms", v*1e3) }
func microseconds(v float64) string { return fmt.Sprintf("%.0f us", v*1e6) }
func seconds(v float64) string      { return fmt.Sprintf("%.2f s", v) }
func megabytes(v float64) string    { return fmt.Sprintf("%.1f MB", v/1e6) }
func mebibytes(v float64) string    { return fmt.Sprintf("%.1f MiB", v/(1<<20)) }
func percent(v float64) string      { return fmt.Sprintf("%.4g %%", 100*v) }

// A limit judges a figure that each round's sample gives.
type limit struct {
	text   string
	figure func(sample) float64
	met    func(float64) bool
}

func ratio(s sample) float64  { return s.Value / s.Beside }
func value(s sample) float64  { return s.Value }
func beyond(s sample) float64 { return s.Value - s.Beside }

func atLeast(figure func(sample) float64, x float64, unit unit) limit {
	return limit{">= " + unit(x), figure, func(v float64) bool { return v >= x }}
}

func atMost(figure func(sample) float64, x float64, unit unit) limit {
	return limit{"<= " + unit(x), figure, func(v float64) bool { return v <= x }}
}

// verdict says whether the median of the rounds meets the limit, and whether
// each round says the same.
func (l limit) verdict(samples []sample) (met, agreed bool) {
	met, agreed = l.met(median(samples, l.figure)), true
	for _, s := range samples {
		agreed = agreed && l.met(l.figure(s)) == met
	}
	return met, agreed
}

func median(samples []sample, figure func(sample) float64) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, figure(s))
	}
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// rows is what deskbell must reach, line by line.
func rows(e extent) []row {
	const floor, empty = "floor", "empty"
	times := func(name, text string, unit unit, least, want float64) row {
		return row{name, text, floor, unit, atMost(ratio, least, plain), atMost(ratio, want, plain)}
	}
	speed := func(name, load string, want float64) row {
		return row{name, "delivered a second, " + load, floor, count, atLeast(ratio, .8, plain), atLeast(ratio, want, plain)}
	}
	fixed := func(name, text, beside string, unit unit, least, want float64) row {
		return row{name, text, beside, unit, atMost(value, least, unit), atMost(value, want, unit)}
	}
	mib := func(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
	gone := fmt.Sprintf("broker away %.0f s at 500/s: ", e.Away.Seconds())
	cold := func(s sample) float64 { return (s.Value - .150) / s.Beside }
	drained := fixed("away-drained", gone+"drained in", floor, seconds, 2, .5)
	accepted := row{"away-accepted", gone + "accepted", floor, percent, atLeast(value, 1, percent), atLeast(value, 1, percent)}
	memory := fixed("memory-full", "memory beside a full store of "+mib(e.Store)+", broker away and draining", empty, megabytes, 40e6, 0)
	memory.want = limit{"as empty (<= 1.1)", ratio, func(v float64) bool { return v <= 1.1 }}
	start := fixed("start-large", "start to ready, full store of "+mib(e.Large)+" in memory", empty, milliseconds, .3, 0)
	start.want = limit{"less", value, func(v float64) bool { return v < .3 }}
	startCold := row{"start-cold", "start to ready, full store of " + mib(e.Store) + " on disk", "one read", milliseconds,
		limit{"<= 1.5 reads + 150 ms", cold, func(v float64) bool { return v <= 1.5 }},
		limit{"less", cold, func(v float64) bool { return v < 1.5 }}}
	binary := fixed("armv6", "ARMv6 binary", floor, mebibytes, 16<<20, 0)
	binary.want = limit{"less", value, func(v float64) bool { return v < 16<<20 }}
	return []row{
		speed("speed-1", "1 connection", .95), speed("speed-16", "16 connections", .9), speed("speed-64", "64 connections", .9),
		times("answer-64", "HTTP p99, 64 connections", milliseconds, 1.5, 1.1),
		times("delivery", "accepted to delivered at 200/s, p50", milliseconds, 1.5, 1.2),
		times("cpu-16", "CPU an event, 16 connections", microseconds, 1.5, 1.2),
		times("cpu-64", "CPU an event, 64 connections", microseconds, 1.5, 1.2),
		fixed("syncs", "syncs a group commit, 16 connections", floor, plain, 2, 2),
		fixed("own-commits", "commits without an event, a second, at 20/s", floor, plain, 1, 1),
		times("bytes-1", "device bytes an event, 1 a commit", count, 1.3, 1.1),
		times("bytes-10", "device bytes an event, 10 a commit", count, 1.3, 1.1),
		times("bytes-100", "device bytes an event, 100 a commit", count, 1.3, 1.1),
		fixed("idle-bytes", fmt.Sprintf("bytes written in %.0f s without events", e.Idle.Seconds()), "", count, 0, 0),
		accepted,
		fixed("away-lost", gone+"lost", floor, count, 0, 0),
		fixed("away-order", gone+"out of order", floor, count, 0, 0),
		drained, memory,
		{"large-time", "time an event, full store of " + mib(e.Large), empty, microseconds, atMost(ratio, 1.2, plain), atMost(ratio, 1.05, plain)},
		{"large-cpu", "CPU an event, full store of " + mib(e.Large), empty, microseconds, atMost(ratio, 1.2, plain), atMost(ratio, 1.05, plain)},
		startCold, start,
		fixed("idle-memory", "idle memory", floor, megabytes, 24e6, 15e6),
		fixed("first-200", "start to first 200", floor, milliseconds, .150, .050),
		binary,
		{"pin", "accepted to pin set at 200/s, p99, beyond the commit's", "commit", milliseconds, atMost(beyond, .005, milliseconds), atMost(beyond, .001, milliseconds)},
	}
}
