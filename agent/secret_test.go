package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const withSecrets = "admin = { listen = ':8090', password_file = '/etc/admin' }\n[webhook]\nlisten = ':8080'\ntokens_file = '/etc/token'\n" +
	"[[forward]]\nname = 'hub'\nbroker = 'mqtt://a'\nusername = 'desk'\npassword_file = '/etc/hub'\n"

func notPermitted(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// Whoever may not read the secrets is told of them, and of nothing that would
// only follow from that.
func TestSecretsThatMayNotBeRead(t *testing.T) {
	_, err := Loader{Machine: testMachine, Read: notPermitted}.Load([]byte(withSecrets))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 3 || !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("got %v", err)
	}
	if s := faults[1].String(); !strings.Contains(s, "line 4: webhook.tokens_file: ") || !strings.Contains(s, "open /etc/token: ") {
		t.Errorf("got %s", s)
	}
	_, err = Loader{Machine: testMachine, Read: notPermitted}.Load([]byte("log = { level = 'loud' }\n" + withSecrets))
	if errors.Is(err, fs.ErrPermission) {
		t.Errorf("another fault is hidden behind permissions: %v", err)
	}
}

func TestWithoutSecrets(t *testing.T) {
	files := map[string]string{}
	l := Loader{Machine: testMachine, Read: notPermitted, WithoutSecrets: true, File: func(credential, name string) { files[credential] = name }}
	c, err := l.Load([]byte(withSecrets))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Webhook.Tokens) != 1 || c.Webhook.Tokens[0] != Unread || c.Forward[0].Password != Unread {
		t.Errorf("got %q, %q", c.Webhook.Tokens, c.Forward[0].Password)
	}
	if len(files) != 3 || files["webhook.tokens"] != "/etc/token" || files["forward.hub.password"] != "/etc/hub" || files["admin.password"] != "/etc/admin" {
		t.Errorf("files %v", files)
	}
	l.Read = func(name string) ([]byte, error) { t.Errorf("%s is read", name); return nil, nil }
	if _, err := l.Load([]byte(withSecrets)); err != nil {
		t.Error(err)
	}
}

// A credential whose file is missing is passed empty. It must never mean that
// every post on a loopback address is taken.
func TestAnEmptyCredentialIsAFault(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for _, doc := range []string{"", "[webhook]\nlisten = '127.0.0.1:8080'\ntokens_file = '/etc/token'\n", "[webhook]\ntokens = ['right']\n"} {
		for _, content := range []string{"", "\n \n"} {
			if err := os.WriteFile(filepath.Join(dir, "webhook.tokens"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load([]byte(doc), testMachine)
			var faults Faults
			if !errors.As(err, &faults) || len(faults) != 1 || !strings.Contains(err.Error(), "the credential webhook.tokens is empty") {
				t.Errorf("%q with %q: got %v", doc, content, err)
			}
			if _, err := (Loader{Machine: testMachine, WithoutSecrets: true}).Load([]byte(doc)); err != nil {
				t.Errorf("%q: a command that needs no secret: %v", doc, err)
			}
		}
	}
}
