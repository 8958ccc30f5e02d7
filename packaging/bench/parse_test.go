package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const page = `# TYPE deskbell_output_seconds histogram
deskbell_output_seconds_bucket{le="0.001"} 10
deskbell_output_seconds_bucket{le="0.002"} 30
deskbell_output_seconds_bucket{le="0.004"} 40
deskbell_output_seconds_bucket{le="+Inf"} 40
deskbell_output_seconds_count 40
deskbell_forward_connected{forward="hub"} 1
`

func TestHistogram(t *testing.T) {
	if metric(page, "deskbell_output_seconds_count") != 40 || metric(page, `deskbell_forward_connected{forward="hub"}`) != 1 || metric(page, "deskbell") != 0 {
		t.Error("single figures")
	}
	all := readHistogram(page, "deskbell_output_seconds")
	for _, test := range []struct {
		name string
		h    histogram
		q    float64
		want float64
	}{
		{"within the first bucket", all, .125, .0005},
		{"at the end of a bucket", all, .25, .001},
		{"within a later bucket", all, .5, .0015},
		{"of the last observation", all, 1, .004},
		{"of those that came later", all.since(histogram{{.001, 10}, {.002, 30}, {.004, 30}, {math.Inf(1), 30}}), .5, .003},
		{"beyond the last bucket", histogram{{.001, 0}, {.002, 0}, {math.Inf(1), 5}}, .5, .002},
		{"of nothing", nil, .5, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.h.quantile(test.q); math.Abs(got-test.want) > 1e-9 {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestTracedCallsAreThoseBetween(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	err := os.WriteFile(file, []byte(`10 99.999999 fdatasync(8) = 0
10 100.000001 fdatasync(8 <unfinished ...>
11 100.500000 fsync(9) = 0
10 100.600000 <... fdatasync resumed>) = 0
10 100.700000 --- SIGURG {si_signo=SIGURG} ---
10 101.000001 fdatasync(8) = 0
10 101.100000 +++ exited with 0 +++
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := traced(file, time.Unix(100, 0), time.Unix(101, 0)); n != 2 || err != nil {
		t.Errorf("%d calls, %v", n, err)
	}
}

// TestBusyness has this process do something: that is ours, not others'.
func TestBusyness(t *testing.T) {
	before, err := look()
	if err != nil {
		t.Fatal(err)
	}
	for time.Since(before.at) < 100*time.Millisecond {
	}
	now, err := look()
	if err != nil {
		t.Fatal(err)
	}
	if ours := now.ours - before.ours; ours <= 0 {
		t.Errorf("ours: %v", ours)
	}
	if share, err := before.since(); err != nil || share < 0 || share > 1.1 {
		t.Errorf("others: %v, %v", share, err)
	}
}
