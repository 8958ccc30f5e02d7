package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/storage"
)

func TestExport(t *testing.T) {
	for name, c := range map[string]struct {
		after uint64
		limit int
		kind  string
		want  string
	}{
		"everything":                      {0, 0, "", "1 2 3 4 5 "},
		"what follows a sequence":         {3, 0, "", "4 5 "},
		"so many at most":                 {1, 2, "", "2 3 "},
		"one kind":                        {0, 0, "message", "2 3 5 "},
		"of one kind so many at most":     {0, 2, "message", "2 3 "},
		"after the end nothing":           {5, 0, "", ""},
		"a kind that no event has":        {0, 0, "note", ""},
		"what cannot be decoded is other": {0, 0, "other", "4 "},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Export(t.Context(), &b, testLog(), newDecoder(t), c.after, c.limit, c.kind); err != nil {
				t.Fatal(err)
			}
			got := ""
			for line := range strings.Lines(b.String()) {
				var e EventDetail
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				got += fmt.Sprint(e.Sequence, " ")
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnExportedEventIsOneLine(t *testing.T) {
	var b bytes.Buffer
	element := "{\"a\":\r\n\t[1.0e5,\n12345678901234567890 ],\"s\":\"\\n\u2028\"}"
	if err := Export(t.Context(), &b, newFakeLog(element, "no\nJSON"), newDecoder(t), 0, 0, ""); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], ",\"data\":{\"a\":  \t[1.0e5, 12345678901234567890 ],\"s\":\"\\n\u2028\"}}\n") ||
		!strings.HasSuffix(lines[1], `,"data":"no\nJSON"}`+"\n") {
		t.Errorf("got %q", lines)
	}
}

// A growingLog gets one more event with each read.
type growingLog struct{ *fakeLog }

func (l growingLog) Read(after uint64, max int) ([]storage.Record, error) {
	l.add(created)
	return l.fakeLog.Read(after, max)
}

func TestAnExportEndsThoughMoreAndMoreComes(t *testing.T) {
	var b bytes.Buffer
	if err := Export(t.Context(), &b, growingLog{testLog()}, newDecoder(t), 0, 0, ""); err != nil || strings.Count(b.String(), "\n") != 5 {
		t.Errorf("%v:\n%s", err, &b)
	}
}

// A failingLog cannot be read beyond a sequence.
type failingLog struct {
	*fakeLog
	beyond uint64
}

func (l failingLog) Read(after uint64, _ int) ([]storage.Record, error) {
	if after >= l.beyond {
		return nil, errors.New("input/output error")
	}
	return l.fakeLog.Read(after, 1)
}

func TestAnExportThatIsNotWholeIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		beyond uint64
		text   string
	}{
		"when it fails at once": {0, "input/output error"},
		"when it breaks off":    {3, "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			log := failingLog{testLog(), c.beyond}
			client, _ := startSocket(t, newTestServer(t, Config{}, newFakeAgent(), log), filepath.Join(t.TempDir(), "control.sock"))
			var b bytes.Buffer
			err := client.Export(t.Context(), &b, 0, 0, "")
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v after\n%s", err, &b)
			}
		})
	}
}

func TestAnExportTellsWhatItsWriterHad(t *testing.T) {
	client, _ := startSocket(t, newTestServer(t, Config{}, newFakeAgent(), testLog()), filepath.Join(t.TempDir(), "control.sock"))
	r, w := io.Pipe()
	full := errors.New("no space left on device")
	r.CloseWithError(full)
	if err := client.Export(t.Context(), w, 0, 0, ""); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestSetAside(t *testing.T) {
	log := newFakeLog(created, message("two"), message("three"), created, message("five"))
	h := newTestServer(t, Config{}, newFakeAgent(), log).Handler(true)
	var page AsidePage
	if w := serve(h, "GET", "/api/set-aside", ""); json.Unmarshal(w.Body.Bytes(), &page) != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	got := ""
	for _, e := range page.SetAside {
		got += fmt.Sprintf("%s %d %s; ", e.Forward, e.Sequence, e.Summary)
	}
	if want := "hub 2 visitor: two; hub 5 visitor: five; "; got != want { // 9 is gone
		t.Errorf("got %s, want %s", got, want)
	}
	damaged := &damagedLog{log}
	page, err := AsideDocument(damaged, newDecoder(t), []Aside{{"hub", []uint64{2}}})
	if err != nil || len(page.SetAside) != 1 || page.SetAside[0].Sequence != 2 || page.SetAside[0].Summary != "(cannot be read any more)" {
		t.Errorf("a damaged one: %+v, %v", page, err)
	}
	var b strings.Builder
	if err := WriteAside(&b, AsidePage{}, time.UTC); err != nil || b.String() != "nothing is set aside\n" {
		t.Errorf("of nothing: %s, %v", b.String(), err)
	}
}

type damagedLog struct{ *fakeLog }

func (damagedLog) Get(seq uint64) (storage.Record, error) {
	return storage.Record{}, storage.ErrDamaged
}

// A stuckAgent does nothing until its context ends.
type stuckAgent struct{ *fakeAgent }

func (stuckAgent) Acknowledge(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("acknowledge: %w", ctx.Err())
}

func TestACommandDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, Config{}, stuckAgent{newFakeAgent()}, testLog()).Handler(false)
		began := time.Now()
		w := serve(h, "POST", "/api/ack", "")
		if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took != commandTimeout || took >= answerTimeout {
			t.Errorf("%d after %v: %s", w.Code, took, w.Body)
		}
		if w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "did not answer in time") {
			t.Errorf("got %v %s", w.Header(), w.Body)
		}
	})
}

func TestAClientDoesNotWaitForEver(t *testing.T) {
	for name, answer := range map[string]string{
		"for the beginning of an answer": "",
		"for the rest of an answer":      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				go func() {
					c, err := l.Accept()
					if err != nil {
						return
					}
					request := make([]byte, 4<<10)
					_, _ = c.Read(request)
					_, _ = io.WriteString(c, answer)
				}()
				_, err := l.client().Status(t.Context())
				if err == nil || !strings.Contains(err.Error(), "does not answer") || Hint(err) == "" {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestABackupIsOnTheControlSocketAlone(t *testing.T) {
	agent := newFakeAgent()
	server := newTestServer(t, Config{}, agent, testLog())
	if w := serve(server.Handler(true), "GET", "/api/backup", ""); w.Code != http.StatusNotFound || agent.called() != "" {
		t.Errorf("from the network: %d %s", w.Code, w.Body)
	}
	c, _ := startSocket(t, server, filepath.Join(t.TempDir(), "control.sock"))
	r, err := c.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || string(data) != "a backup" {
		t.Errorf("got %q, %v", data, err)
	}
	agent.err = storage.ErrClosed
	if _, err := c.Backup(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("one that cannot be made: %v", err)
	}
}
