package storage

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestAPageThatIsNotGiven holds up who reads it, and nobody else: not for as long
// as a disk tries to read a bad sector.
func TestAPageThatIsNotGiven(t *testing.T) {
	for name, read := range map[string]func(l *testLog, hang func()) error{
		"of entries": func(l *testLog, hang func()) error {
			_, err := l.cursor("desk").entries(l.hanging(hang))
			return err
		},
		"of a list": func(l *testLog, hang func()) error {
			_, err := l.remembered(l.hanging(hang), "refused")
			return err
		},
		"when it is known what memory holds": func(l *testLog, hang func()) error {
			return l.moment(l.view, func() {}, func(*bolt.Tx) error { hang(); return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLog(t, memory(t), testOptions())
			reads, given, ended := make(chan struct{}), make(chan struct{}), make(chan error)
			go func() {
				ended <- read(l, sync.OnceFunc(func() { close(reads); <-given }))
			}()
			<-reads
			goesOn := make(chan struct{})
			go func() {
				defer close(goesOn)
				if _, err := l.Append(context.Background(), events(0, 3)); err != nil || l.Stats().Records != 3 {
					t.Errorf("%v, %+v", err, l.Stats())
				}
				if err := l.cursor("desk").Commit(context.Background(), Update{Position: 1}); err != nil {
					t.Error(err)
				}
			}()
			select {
			case <-goesOn:
			case <-time.After(30 * time.Second):
				t.Error("all wait for it")
			}
			close(given)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			<-goesOn
		})
	}
}

// hanging is a view in which something happens before anything is read.
func (l *testLog) hanging(hang func()) viewer {
	return func(f func(*bolt.Tx) error) error {
		return l.view(func(tx *bolt.Tx) error { hang(); return f(tx) })
	}
}

// TestACommitWhileReading: what it stores is in neither the transaction of who
// reads nor in memory any more.
func TestACommitWhileReading(t *testing.T) {
	l := openLog(t, memory(t), testOptions())
	save := func(n byte) func() {
		return sync.OnceFunc(func() {
			l.cursor("desk").Save(Update{Put: map[string][]byte{"k": {n}}})
			l.Remember("refused", []byte{n})
			l.commit("hub", Update{})
		})
	}
	if got, err := l.cursor("desk").entries(l.hanging(save(1))); err != nil || string(got["k"]) != "\x01" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := l.remembered(l.hanging(save(2)), "refused"); err != nil || string(slices.Concat(got...)) != "\x01\x02" {
		t.Errorf("%q, %v", got, err)
	}
}
