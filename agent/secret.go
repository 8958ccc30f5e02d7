package agent

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// secret fills a secret: from $CREDENTIALS_DIRECTORY, else from the file that
// <key>_file names, else from the key itself.
func (b *binder) secret(dst reflect.Value, form, key string, src map[string]any, path, credential string) {
	direct, hasDirect := src[key]
	file, hasFile := src[key+"_file"]
	if hasDirect && hasFile {
		b.add(join(path, key), "give %s or %s_file, not both", key, key)
	}
	if hasDirect {
		b.value(dst, direct, join(path, key), credential)
	}
	at := join(path, key+"_file")
	name := ""
	if hasFile {
		if name, _ = b.text(file, at, "a path"); name != "" && b.from.File != nil {
			b.from.File(credential, name)
		}
	}
	passed := false
	if dir, ok := b.env("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		in := filepath.Join(dir, credential)
		if _, err := os.Stat(in); err == nil {
			name, passed = in, true
		}
	}
	if name == "" {
		return
	}
	content, err := []byte(Unread), error(nil)
	if !b.from.WithoutSecrets {
		content, err = b.from.Read(name)
	}
	bad := err != nil || passed && strings.TrimSpace(string(content)) == ""
	switch {
	case !bad:
	case err != nil:
		b.faults = append(b.faults, Fault{Key: at, Line: b.line(at), Text: "read the secret: " + err.Error(), cause: err})
	default:
		// The service manager passes nothing where the file is missing. That may
		// not mean that no token is asked for.
		b.add(at, "the credential %s is empty: its file is missing or empty; look into the service's LoadCredential lines, or run: sudo deskbell setup", credential)
	}
	if bad {
		content = []byte(Unread) // no other fault is to follow from it
	}
	if form == "lines" {
		lines := []string{}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		dst.Set(reflect.ValueOf(lines))
		return
	}
	dst.SetString(strings.TrimRight(string(content), "\r\n"))
}
