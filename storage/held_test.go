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

func TestAReaderHasACursorsEntries(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(events(0, 3)...)
	l.commit("hub", Update{Position: 3, Hold: []uint64{2}, Put: map[string][]byte{"a": {1}, "b": {2, 3}, "gone": {4}}})
	l.commit("hub", Update{Position: 3, Put: map[string][]byte{"gone": nil}})
	l.stop()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := map[string][]byte{"a": {1}, "b": {2, 3}}
	if got, err := r.Entries("hub"); err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v: %v", got, want, err)
	}
	if got, err := r.Entries("nobody"); err != nil || len(got) != 0 {
		t.Errorf("of a cursor that is not there: %v, %v", got, err)
	}
}
