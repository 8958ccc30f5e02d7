package systemd

import (
	"encoding/xml"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestOpenRC(t *testing.T) {
	got, err := OpenRC("/usr/bin/deskbell")
	if err != nil || got != openRC {
		t.Errorf("for the package's path it is not the shipped script: %v\n%s", err, got)
	}
	got, err = OpenRC("/opt/a b/deskbell", "--config", "/srv/my desk.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"program='/opt/a b/deskbell'", `arguments="'--config' '/srv/my desk.toml'"`, "command_user=deskbell:deskbell", "umask=0027"} {
		if !slices.Contains(strings.Split(got, "\n"), line) {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	for _, bad := range []string{"a'b", "a\nb", `a"b`, "a$b", "{{a", "a`b", `a\b`} {
		if _, err := OpenRC(bad); err == nil {
			t.Errorf("path %q is taken", bad)
		}
		if _, err := OpenRC("/usr/bin/deskbell", "--config", bad); err == nil {
			t.Errorf("argument %q is taken", bad)
		}
	}
}

// The script's words reach the program as they are, for a shell as OpenRC uses one.
func TestOpenRCCallsTheProgram(t *testing.T) {
	script, err := OpenRC("/bin/echo", "--config", "/srv/my desk.toml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script+`
deskbell_args='--more 1'
eval "$command" $command_args
su() { shift 3; /bin/sh "$@"; }
as_deskbell gpio off --for 1s
checkconfig && echo good`).CombinedOutput()
	const want = "gpio off --for 0s --config /srv/my desk.toml\nrun --config /srv/my desk.toml\ngpio off --for 1s --config /srv/my desk.toml\ngood\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLaunchd(t *testing.T) {
	got, err := Launchd(packaged)
	if err != nil || got != plist {
		t.Errorf("%v\n%s", err, got)
	}
	got, err = Launchd("/opt/a & b/deskbell", "--config", "/srv/<desk>.toml")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	d := xml.NewDecoder(strings.NewReader(got))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
			words = append(words, string(c))
		}
	}
	want := []string{
		"Label", "deskbell", "ProgramArguments", "/opt/a & b/deskbell", "run", "--config", "/srv/<desk>.toml", "RunAtLoad", "KeepAlive",
		"ThrottleInterval", "5", "ExitTimeOut", "15", "Umask", "23", "StandardErrorPath", LaunchdLog,
	}
	if !slices.Equal(words, want) {
		t.Errorf("got %q", words)
	}
}
