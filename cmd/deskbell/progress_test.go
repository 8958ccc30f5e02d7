package main

import (
	"bytes"
	"testing"
	"time"
)

func TestAProcessThatDoesNothingDoesNotComeForward(t *testing.T) {
	before := work()
	if now := work(); now.beyond(before) {
		t.Errorf("to look is work: %+v, then %+v", before, now)
	}
	for began := time.Now(); !work().beyond(before); {
		if time.Since(began) > 20*time.Second {
			t.Fatal("20 s of the processor are no work")
		}
	}
	told := 0
	var out bytes.Buffer
	n, err := progressing{&out, func() { told++ }}.Write([]byte("\n{}"))
	if told != 1 || n != 3 || err != nil || out.String() != "\n{}" {
		t.Errorf("told %d times, wrote %d, %v: %q", told, n, err, out.String())
	}
}
