package storage

import (
	"maps"
	"slices"
	"testing"
)

func TestAReaderKnowsWhatEachCursorHolds(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.Cursors = append(o.Cursors, CursorSpec{"other", true})
	l := openLog(t, dir, o)
	l.append(events(0, 5)...)
	l.commit("hub", Update{Position: 5, Hold: []uint64{4, 2}})
	l.commit("other", Update{Position: 3, Hold: []uint64{3}, Put: map[string][]byte{"z": {1}}})
	l.commit("other", Update{Release: []uint64{3}})
	l.stop()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := map[string][]uint64{"hub": {2, 4}}
	if got, err := r.Held(); err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v: %v", got, want, err)
	}
}
