package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is what one run says.
type report struct {
	Machine    string    `json:"machine"`
	Extent     extent    `json:"extent"`
	Took       float64   `json:"took_seconds"`
	Others     float64   `json:"others"`      // share of the machine that others took: median of the rounds
	OthersMost float64   `json:"others_most"` // of any round
	Load       [2]string `json:"load_average"`
	Rows       []finding `json:"rows"`
	Faults     []string  `json:"faults"`
}

// A finding is one row with its figures. Times are seconds, sizes bytes.
type finding struct {
	Name       string   `json:"name"`
	Text       string   `json:"text"`
	BesideIs   string   `json:"beside_is"`
	Beside     *float64 `json:"beside"`
	Value      *float64 `json:"value"`
	Ratio      *float64 `json:"ratio"`
	RatioLeast *float64 `json:"ratio_min"`
	RatioMost  *float64 `json:"ratio_max"`
	AtLeast    string   `json:"at_least"`
	Want       string   `json:"want"`
	Reached    string   `json:"reached"` // no, at least, wanted; not measured
	Unsure     bool     `json:"unsure"`  // the rounds disagree
	Why        string   `json:"why,omitempty"`
	Rounds     []sample `json:"rounds"`
	unit       unit
}

const notMeasured = "not measured"

func (b *bench) report() report {
	r := report{Machine: b.machine, Extent: b.extent, Took: b.took.Seconds(), Load: b.loads, Faults: b.faults}
	if len(b.others) > 0 {
		shares := slices.Sorted(slices.Values(b.others))
		r.Others, r.OthersMost = shares[len(shares)/2], shares[len(shares)-1]
	}
	for _, row := range rows(b.extent) {
		samples, why := b.samples[row.name], b.skipped[row.name]
		if len(samples) > 0 || why != "" {
			r.Rows = append(r.Rows, row.find(samples, why))
		}
	}
	return r
}

// find judges the samples of a row; where there are none, why says so.
func (w row) find(samples []sample, why string) finding {
	f := finding{Name: w.name, Text: w.text, BesideIs: w.beside, AtLeast: w.least.text, Want: w.want.text,
		Reached: notMeasured, Why: why, Rounds: samples, unit: w.unit}
	if len(samples) == 0 {
		return f
	}
	f.Why = ""
	f.Value = number(median(samples, value))
	if w.beside != "" {
		f.Beside = number(median(samples, func(s sample) float64 { return s.Beside }))
		ratios := []float64{}
		for _, s := range samples {
			ratios = append(ratios, ratio(s))
		}
		f.Ratio, f.RatioLeast, f.RatioMost = number(median(samples, ratio)), number(slices.Min(ratios)), number(slices.Max(ratios))
	}
	least, agreed := w.least.verdict(samples)
	want, wantAgreed := w.want.verdict(samples)
	switch {
	case least && want:
		f.Reached, f.Unsure = "wanted", !wantAgreed
	case least:
		f.Reached, f.Unsure = "at least", !agreed
	default:
		f.Reached, f.Unsure = "no", !agreed
	}
	return f
}

// number is nil for what JSON cannot say.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) writeTable(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) }
	line("", "beside", "deskbell", "ratio", "min-max", "at least", "we want", "reached")
	for _, f := range r.Rows {
		if f.Value == nil {
			line(f.Text, "", "", "", "", f.AtLeast, f.Want, notMeasured+": "+f.Why)
			continue
		}
		beside, figure, noise := "-", "-", "-"
		if f.Beside != nil {
			beside = f.BesideIs + " " + f.unit(*f.Beside)
		}
		if f.Ratio != nil {
			figure = fmt.Sprintf("%.2f", *f.Ratio)
		}
		if f.RatioLeast != nil && f.RatioMost != nil && len(f.Rounds) > 1 {
			noise = fmt.Sprintf("%.2f-%.2f", *f.RatioLeast, *f.RatioMost)
		}
		reached := f.Reached
		if reached == "no" {
			reached = "NO"
		}
		if f.Unsure {
			reached += ", rounds disagree"
		}
		line(f.Text, beside, f.unit(*f.Value), figure, noise, f.AtLeast, f.Want, reached)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s. Rounds: %d, each %v under load; %v in all. Figures are medians, min-max is the ratio over the rounds.\n",
		r.Machine, r.Extent.Rounds, r.Extent.Load, time.Duration(r.Took*float64(time.Second)).Round(time.Second))
	fmt.Fprintf(&b, "Others took %.0f %% of the machine (median; %.0f %% at most); load average %s before, %s after.\n",
		100*r.Others, 100*r.OthersMost, r.Load[0], r.Load[1])
	if missed := r.missed(); len(missed) > 0 {
		fmt.Fprintf(&b, "Not reached: %s.\n", strings.Join(missed, "; "))
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "Fault: %s.\n", f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r report) missed() (list []string) {
	for _, f := range r.Rows {
		if f.Reached == "no" {
			list = append(list, f.Text)
		}
	}
	return list
}
