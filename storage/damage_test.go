package storage

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

var damages = flag.Int("damages", 60, "of the damage test")

// TestAnyDamage changes any part of a file. Either the check finds it out, or
// the store can be opened, read and written as if nothing were wrong.
func TestAnyDamage(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("go test -run TestAnyDamage -seed %d -damages %d", s, *damages)
	r := rand.New(rand.NewPCG(s, 0))

	dir := t.TempDir()
	o := testOptions()
	o.Keep = 0
	l := openLog(t, dir, o)
	for i := 0; i < 6000; i += 50 {
		l.append(events(i, 50)...)
		if i%500 == 0 {
			l.pass(uint64(i / 2))
		}
		l.cursor("desk").Save(Update{Put: map[string][]byte{fmt.Sprint("conversation ", i): make([]byte, 300)}})
		l.Remember("refused", make([]byte, 300))
	}
	l.stop()
	good, err := os.ReadFile(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	pages := int(l.writer.size.high / pageSize)
	found := 0
	for n := range *damages {
		bad := append([]byte(nil), good...)
		page := r.IntN(pages)
		p := bad[page*pageSize : (page+1)*pageSize]
		switch n % 5 {
		case 0:
			clear(p)
		case 1:
			for i := range p {
				p[i] = byte(r.Int())
			}
		case 2:
			p[r.IntN(len(p))] ^= 1 << r.IntN(8)
		case 3:
			p[r.IntN(64)] ^= 1 << r.IntN(8)
		case 4:
			from := r.IntN(pages) * pageSize
			copy(p, good[from:from+pageSize])
		}
		if err := os.WriteFile(storePath(dir), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if checkInChild(context.Background(), storePath(dir)) != nil {
			found++
			continue
		}
		if out, err := child(context.Background(), "use", dir).CombinedOutput(); err != nil {
			t.Errorf("damage %d on page %d: %v\n%.1000s", n, page, err, out)
		}
	}
	if found == 0 {
		t.Error("none was found")
	}
}

// useStore is the child: it does all that an agent does.
func useStore(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	l, err := Open(context.Background(), dir, testOptions())
	fail(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	for after, more := uint64(0), true; more; {
		rs, err := l.Read(after, 1000)
		fail(err)
		for _, r := range rs {
			if want := fmt.Sprint("event ", r.Sequence-1); string(r.Data) != want {
				fail(fmt.Errorf("%q instead of %q", r.Data, want))
			}
			after = r.Sequence
		}
		more = len(rs) > 0
	}
	_, err = l.Remembered("refused")
	fail(err)
	for _, c := range l.cursors {
		entries, err := c.Entries()
		fail(err)
		for name := range entries {
			entries[name] = nil
		}
		c.Save(Update{Position: l.Stats().LastSequence, Put: entries})
	}
	for i := range 20 {
		_, err := l.Append(ctx, events(10000+i*50, 50))
		fail(err)
	}
	cancel()
	fail(<-ended)
	fail(l.Close())
	fail(Check(storePath(dir)))
}
