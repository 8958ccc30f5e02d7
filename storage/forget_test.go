package storage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestWhatIsForgottenIsNowhereInTheFile neither in what is used of it nor in
// what is not.
func TestWhatIsForgottenIsNowhereInTheFile(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(mixed(0, 50)...)
	for _, text := range []string{"anna says hello", "ben says hello", "anna says goodbye"} {
		l.append(event(text))
	}
	l.pass(51)
	l.commit("desk", Update{Put: map[string][]byte{"anna": []byte("anna waits"), "ben": []byte("ben waits")}})
	l.commit("desk", Update{Put: map[string][]byte{"anna": []byte("anna waits on")}}) // and a page that is free
	l.commit("hub", Update{Hold: []uint64{2, 53}})
	l.Remember("rejected", []byte("anna's body"))
	l.Remember("rejected", []byte("ben's body"))
	l.stop()
	has := func(data []byte) bool { return bytes.Contains(data, []byte("anna")) }
	if file, err := os.ReadFile(storePath(dir)); err != nil || bytes.Count(file, []byte("anna")) < 5 {
		t.Fatalf("it is not in the file: %v", err)
	}
	m := Match{
		Record: func(r Record) bool { return has(r.Data) },
		Entry:  func(cursor, name string) bool { return cursor == "desk" && name == "anna" },
		Item:   func(list string, data []byte) bool { return list == "rejected" && has(data) },
	}
	for _, want := range []Forgotten{{2, 1, 2}, {}} { // the second time there is nothing
		if f, err := Forget(t.Context(), dir, m, checkHere); err != nil || f != want {
			t.Errorf("%+v, want %+v: %v", f, want, err)
		}
		file, err := os.ReadFile(storePath(dir))
		if err != nil || has(file) || !strings.Contains(string(file), "ben says hello") {
			t.Errorf("anna is in the file still, or ben is not: %v", err)
		}
	}
	if err := Check(storePath(dir)); err != nil {
		t.Error(err)
	}
	c := openLog(t, dir, testOptions())
	if got := c.append(event("anna says hello"), event("anna says goodbye"), event("the next")); got[0] != 0 || got[1] != 0 || got[2] != 54 {
		t.Errorf("sent again they are %v", got)
	}
	if rs, err := c.Read(51, 10); err != nil || len(rs) != 2 || rs[0].Sequence != 52 || rs[1].Sequence != 54 {
		t.Errorf("read %v, %v", rs, err)
	}
	if held := c.cursor("hub").Held(); len(held) != 1 || held[0] != 2 {
		t.Errorf("held: %v", held)
	}
	if entries, err := c.cursor("desk").Entries(); err != nil || entries["anna"] != nil || string(entries["ben"]) != "ben waits" {
		t.Errorf("entries: %q, %v", entries, err)
	}
}

func TestAForgetThatCannotBeLeavesTheStoreAsItIs(t *testing.T) {
	dir := t.TempDir()
	l := liveStore(t, dir)
	all := Match{Record: func(Record) bool { return true }}
	if _, err := Forget(t.Context(), dir, all, checkHere); !errors.Is(err, ErrLocked) {
		t.Errorf("of a store in use: %v", err)
	}
	l.stop()
	want, err := os.ReadFile(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	bad := errors.New("it is damaged")
	if f, err := Forget(t.Context(), dir, all, func(context.Context, string) error { return bad }); !errors.Is(err, bad) || f != (Forgotten{}) {
		t.Errorf("of one that is damaged: %+v, %v", f, err)
	}
	if got, err := os.ReadFile(storePath(dir)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the store is another one: %v", err)
	}
}
