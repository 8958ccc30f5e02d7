package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"deskbell/storage"
)

// command runs one of the program's own, beside whatever the agent does.
func (s *soak) command(ctx context.Context, a action) {
	args := pick(a.rand, []string{"status"}, []string{"status", "--json"}, []string{"ack"}, []string{"mute", "1s"}, []string{"unmute"},
		[]string{"events", "list"}, []string{"events", "export"}, []string{"events", "set-aside"}, []string{"test", "lamp"}, []string{"check"},
		[]string{"replay"}, []string{"replay"}, []string{"backup"}, []string{"backup"})
	copied := filepath.Join(s.dir, fmt.Sprintf("backup-%d", a.number))
	switch args[0] {
	case "replay":
		args = s.replay(ctx, a)
	case "backup":
		args = append(args, filepath.Join(copied, "deskbell.db"))
		if err := os.Mkdir(copied, 0o755); err != nil {
			s.breach("%v", err)
			return
		}
		defer os.RemoveAll(copied)
	}
	out, code, err := s.agent.run(ctx, args...)
	if err != nil {
		s.breach("%v", err)
		return
	}
	first, _, _ := strings.Cut(out, "\n")
	s.acted(a, "deskbell %s ended with %d: %.100s", strings.Join(args, " "), code, first)
	if ctx.Err() == nil && (code < 0 || code > 1 || fatal.MatchString(out)) {
		s.breach("deskbell %s ended with %d: %s", strings.Join(args, " "), code, out)
	}
	if args[0] == "backup" && code == 0 {
		if n, err := count(copied); err != nil {
			s.breach("a backup that is no store: %v", err)
		} else {
			s.say("     in the backup: %d events", n)
		}
	}
}

// count looks a copy of a store through.
func count(dir string) (events int, err error) {
	if err := storage.Check(filepath.Join(dir, "deskbell.db")); err != nil {
		return 0, err
	}
	r, err := storage.OpenReader(dir)
	if err != nil {
		return 0, err
	}
	return r.Stats().Records, r.Close()
}

// replay asks for up to 500 delivered events once more. They are duplicates that
// were ordered.
func (s *soak) replay(ctx context.Context, a action) []string {
	out, _, _ := s.agent.run(ctx, "status", "--json")
	var status struct {
		Storage struct {
			First uint64 `json:"first_sequence"`
		}
		Forward []struct {
			Acked uint64 `json:"acked_sequence"`
		}
	}
	if json.Unmarshal([]byte(out), &status) != nil || len(status.Forward) == 0 || status.Forward[0].Acked < status.Storage.First {
		return []string{"replay", "--forward", "hub", "--from", "1", "--to", "1"} // an agent that is not there, or has nothing
	}
	from := status.Storage.First + a.rand.Uint64N(status.Forward[0].Acked-status.Storage.First+1)
	to := min(from+a.rand.Uint64N(500), status.Forward[0].Acked)
	s.expect("replay", 2*int(to-from+1)) // an end of the agent meanwhile has some of it sent again
	return []string{"replay", "--forward", "hub", "--from", strconv.FormatUint(from, 10), "--to", strconv.FormatUint(to, 10)}
}
