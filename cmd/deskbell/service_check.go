package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

func (m *onSystemdOnly) check(ctx context.Context) error {
	text, err := runs(ctx, "systemctl", "cat", unitFile)
	if err != nil {
		return err
	}
	return parseUnit(text).check(ctx)
}

// unit is what of a unit and its drop-ins decides how the service sees its configuration.
type unit struct {
	start []string // program and arguments
	user  string
	env   []string
	load  map[string]string // credentials by name: the path of each
	set   map[string]string // and those whose text stands in the unit, taken where a file is missing
}

// unknown stands for a credential that only systemd can read.
const unknown = "unknown"

// parseUnit reads the unit and its drop-ins as `systemctl cat` prints them.
func parseUnit(text string) unit {
	u := unit{load: map[string]string{}, set: map[string]string{}}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		name, rest, given := strings.Cut(value, ":")
		switch key {
		case "ExecStart":
			if value != "" {
				u.start = unitWords(value)
			}
		case "User":
			u.user = value
		case "Environment":
			u.env = append(u.env, unitWords(value)...)
			if value == "" {
				u.env = nil
			}
		case "LoadCredential":
			if value == "" {
				clear(u.load)
			} else if u.load[name] = strings.ReplaceAll(rest, "%%", "%"); !given || !strings.HasPrefix(rest, "/") || strings.Contains(strings.ReplaceAll(rest, "%%", ""), "%") {
				u.load[name] = unknown
			}
		case "LoadCredentialEncrypted", "SetCredentialEncrypted":
			if value != "" {
				u.load[name] = unknown
			}
		case "SetCredential":
			if value == "" {
				clear(u.set)
			} else {
				u.set[name] = rest
			}
		}
	}
	return u
}

// unitWords are the words of a unit's line: apart by spaces, but for those in
// quotes, with a backslash before what is meant as it is.
func unitWords(line string) []string {
	var words []string
	var word strings.Builder
	in, quote := false, rune(0)
	for i, runes := 0, []rune(line); i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '\\' && i+3 < len(runes) && runes[i+1] == 'x':
			if n, err := strconv.ParseUint(string(runes[i+2:i+4]), 16, 8); err == nil {
				word.WriteByte(byte(n))
				i += 3
				in = true
				break
			}
			fallthrough
		case r == '\\' && i+1 < len(runes):
			i++
			word.WriteRune(runes[i])
			in = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, strings.ReplaceAll(word.String(), "%%", "%"))
				word.Reset()
			}
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		words = append(words, strings.ReplaceAll(word.String(), "%%", "%"))
	}
	return words
}

// check runs the service's own program, as its user, with its environment and
// copies of its credentials, to look at the configuration. Who starts another
// command as the service is not checked.
func (u unit) check(ctx context.Context) error {
	if len(u.start) < 2 || u.start[1] != "run" {
		return nil
	}
	cmd := exec.CommandContext(ctx, u.start[0], append([]string{"check"}, u.start[2:]...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, u.env...)
	id := -1
	if u.user != "" && os.Geteuid() == 0 {
		who, err := user.Lookup(u.user)
		if err != nil {
			return fmt.Errorf("find the service's user: %w", err)
		}
		if id, err = actAs(cmd, who); err != nil {
			return err
		}
	}
	dir, err := u.credentials(id)
	if err != nil {
		return err
	}
	if dir != "" {
		defer os.RemoveAll(dir)
		cmd.Env = append(cmd.Env, "CREDENTIALS_DIRECTORY="+dir)
	}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return err // nil, or it could not be run
	}
	var faults []string
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "deskbell: error: "); ok {
			faults = append(faults, text)
		}
	}
	if len(faults) == 0 {
		return fmt.Errorf("%s check: %w: %s", u.start[0], err, strings.TrimSpace(string(out)))
	}
	return errors.New(strings.Join(faults, "\n"))
}

// credentials makes a folder of the user id's own with copies of the service's
// credentials, in memory where the system has such a place; "" without any. A
// credential whose file is missing, and that has no text, is an error.
func (u unit) credentials(id int) (dir string, err error) {
	if len(u.load)+len(u.set) == 0 {
		return "", nil
	}
	place := "/run"
	if info, err := os.Stat(place); err != nil || !info.IsDir() || os.Geteuid() != 0 {
		place = ""
	}
	if dir, err = os.MkdirTemp(place, "deskbell-check-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	content := map[string]string{}
	for name, text := range u.set {
		content[name] = text
	}
	for name, path := range u.load {
		if path == unknown {
			content[name] = unknown
			continue
		}
		text, err := os.ReadFile(path)
		if _, ok := u.set[name]; ok && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return dir, fmt.Errorf("read the credential %s: %w", name, err)
		}
		content[name] = string(text)
	}
	for name, text := range content {
		at := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(at, []byte(text), 0o400); err != nil {
			return dir, err
		}
		if id >= 0 {
			if err := os.Chown(at, id, -1); err != nil {
				return dir, err
			}
		}
	}
	if id >= 0 {
		err = os.Chown(dir, id, -1)
	}
	return dir, err
}
