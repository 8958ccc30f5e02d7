package systemd

import "testing"

func TestCredentials(t *testing.T) {
	got := Credentials(map[string]string{"webhook.tokens": "/etc/deskbell/token", "forward.hub.password": "/etc/deskbell/100%"})
	const want = `# Written by deskbell setup. Secrets that root alone may read are passed to the service at its start.
[Service]
LoadCredential=forward.hub.password:/etc/deskbell/100%%
SetCredential=forward.hub.password:\n
LoadCredential=webhook.tokens:/etc/deskbell/token
SetCredential=webhook.tokens:\n
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if Credentials(nil) != "" {
		t.Error("a drop-in without a credential")
	}
}
