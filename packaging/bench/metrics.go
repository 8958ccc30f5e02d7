package main

import (
	"sort"
	"strconv"
	"strings"
)

// metric returns the value of one series of a page in Prometheus text, 0 where
// it is not there.
func metric(page, series string) float64 {
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v
		}
	}
	return 0
}

// A histogram counts observations by the upper end of their bucket, in order.
type histogram []bucket

type bucket struct{ below, n float64 } // n: all below

// readHistogram reads one without labels but le.
func readHistogram(page, name string) (h histogram) {
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(line, name+`_bucket{le="`)
		if !ok {
			continue
		}
		below, value, _ := strings.Cut(rest, `"} `)
		b, err1 := strconv.ParseFloat(below, 64) // "+Inf" too
		n, err2 := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err1 == nil && err2 == nil {
			h = append(h, bucket{b, n})
		}
	}
	sort.Slice(h, func(i, j int) bool { return h[i].below < h[j].below })
	return h
}

// since returns what was observed after before.
func (h histogram) since(before histogram) histogram {
	d := append(histogram(nil), h...)
	for i := range d {
		if i < len(before) {
			d[i].n -= before[i].n
		}
	}
	return d
}

// count is how many observations there are.
func (h histogram) count() float64 {
	if len(h) == 0 {
		return 0
	}
	return h[len(h)-1].n
}

// quantile estimates a quantile as Prometheus does: as if observations were
// even within their bucket. Above the last bucket it is that one's end.
func (h histogram) quantile(q float64) float64 {
	rank, low, under := q*h.count(), 0.0, 0.0
	for i, b := range h {
		if b.n >= rank && b.n > under {
			if i == len(h)-1 {
				return low
			}
			return low + (b.below-low)*(rank-under)/(b.n-under)
		}
		low, under = b.below, b.n
	}
	return low
}
