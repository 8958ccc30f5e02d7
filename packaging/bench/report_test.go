package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	w := row{"speed", "delivered a second", "floor", count, atLeast(ratio, .8, plain), atLeast(ratio, .95, plain)}
	for _, test := range []struct {
		name    string
		samples []sample
		reached string
		unsure  bool
	}{
		{"all rounds as wanted", []sample{{100, 96}, {100, 97}, {100, 110}}, "wanted", false},
		{"one round below what is wanted", []sample{{100, 96}, {100, 97}, {100, 90}}, "wanted", true},
		{"all rounds between", []sample{{100, 81}, {200, 170}, {100, 94}}, "at least", false},
		{"the median below, one round above", []sample{{100, 70}, {100, 75}, {100, 90}}, "no", true},
		{"all rounds below", []sample{{100, 70}, {100, 75}, {100, 79}}, "no", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if f := w.find(test.samples, ""); f.Reached != test.reached || f.Unsure != test.unsure {
				t.Errorf("%s, unsure %v", f.Reached, f.Unsure)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"of one", []float64{3}, 3},
		{"of an odd number", []float64{9, 1, 3}, 3},
		{"of an even number is the mean of the two in the middle", []float64{9, 1, 3, 5}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			var samples []sample
			for _, v := range test.values {
				samples = append(samples, sample{Value: v})
			}
			if got := median(samples, value); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
	if !math.IsNaN(median(nil, value)) {
		t.Error("of none")
	}
}

// TestRows holds the limits against figures just within and just beyond.
func TestRows(t *testing.T) {
	for _, test := range []struct {
		row    string
		sample sample
		want   string
	}{
		{"speed-1", sample{1000, 950}, "wanted"},
		{"speed-1", sample{1000, 940}, "at least"},
		{"speed-1", sample{1000, 790}, "no"},
		{"speed-64", sample{1000, 900}, "wanted"},
		{"answer-64", sample{.010, .0111}, "at least"},
		{"answer-64", sample{.010, .0151}, "no"},
		{"cpu-16", sample{1e-4, 1.2e-4}, "wanted"},
		{"syncs", sample{2, 2.01}, "no"},
		{"bytes-10", sample{1000, 1310}, "no"},
		{"idle-bytes", sample{0, 0}, "wanted"},
		{"idle-bytes", sample{0, 4096}, "no"},
		{"away-accepted", sample{1, .9999}, "no"},
		{"away-lost", sample{0, 1}, "no"},
		{"away-order", sample{30, 0}, "wanted"},
		{"away-drained", sample{.1, 1.9}, "at least"},
		{"memory-full", sample{15e6, 39e6}, "at least"},
		{"memory-full", sample{15e6, 16e6}, "wanted"},
		{"memory-full", sample{15e6, 41e6}, "no"},
		{"large-time", sample{1e-4, 1.04e-4}, "wanted"},
		{"start-cold", sample{.1, .299}, "wanted"},
		{"start-cold", sample{.1, .301}, "no"},
		{"start-large", sample{.01, .301}, "no"},
		{"idle-memory", sample{7e6, 15.1e6}, "at least"},
		{"first-200", sample{.01, .151}, "no"},
		{"armv6", sample{6 << 20, 16<<20 + 1}, "no"},
		{"pin", sample{.004, .0045}, "wanted"},
		{"pin", sample{.004, .0091}, "no"},
	} {
		found := false
		for _, w := range rows(whole) {
			if w.name != test.row {
				continue
			}
			found = true
			if f := w.find([]sample{test.sample}, ""); f.Reached != test.want {
				t.Errorf("%s with %v: %s, want %s", test.row, test.sample, f.Reached, test.want)
			}
		}
		if !found {
			t.Errorf("no row %s", test.row)
		}
	}
}

// TestEveryRowIsMeasured, by one measurement.
func TestEveryRowIsMeasured(t *testing.T) {
	by := map[string]int{}
	for _, m := range measurements() {
		for _, name := range m.rows {
			by[name]++
		}
	}
	for _, w := range rows(whole) {
		if by[w.name] != 1 {
			t.Errorf("%s is measured by %d", w.name, by[w.name])
		}
		delete(by, w.name)
	}
	for name := range by {
		t.Errorf("%s is measured, and not in the table", name)
	}
}

func TestReport(t *testing.T) {
	b := &bench{extent: whole, machine: "2 cores", others: []float64{.5, .01, .02}, loads: [2]string{"1 1 1", "2 2 2"}, took: 90 * time.Second,
		samples: map[string][]sample{"speed-1": {{1000, 700}, {1100, 825}}, "idle-bytes": {{0, 0}}},
		skipped: map[string]string{"bytes-1": "a loop device needs root"}, faults: []string{"deskbell: 1 events lost"}}
	var table, document strings.Builder
	r := b.report()
	if err := r.writeTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"delivered a second, 1 connection", "floor 1050", "762", "0.72", "0.70-0.75", ">= 0.8", "NO",
		"not measured: a loop device needs root", "Others took 2 % of the machine (median; 50 % at most)",
		"Not reached: delivered a second, 1 connection.", "Fault: deskbell: 1 events lost.",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in\n%s", want, table.String())
		}
	}
	if err := r.writeJSON(&document); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal([]byte(document.String()), &back); err != nil || len(back.Rows) != 3 {
		t.Errorf("%v in %s", err, document.String())
	}
}
