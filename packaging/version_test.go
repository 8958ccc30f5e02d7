package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apk "github.com/knqyf263/go-apk-version"
)

// versions as Debian writes them, each newer than the one before.
var versions = []string{
	"0.1.0~git20261123184246.1d92d8a17411",
	"0.1.0~git20261123184247.0000d8a17411",
	"0.1.0~git20270101000000.123456789012",
	"0.1.0~rc1",
	"0.1.0~rc2",
	"0.1.0~rc10",
	"0.1.0",
	"0.1.0+git20280101000000.1d92d8a17411",
	"0.1.1~rc1",
	"0.1.1",
	"0.9.0",
	"0.10.0",
	"1.0.0",
}

func version(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("./version", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// TestVersions holds the order of versions against the rules of each packager: dpkg's and rpm's own, and those of apk in Go.
func TestVersions(t *testing.T) {
	older := map[string]func(a, b string) bool{
		"deb": func(a, b string) bool { return exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() == nil },
		"rpm": func(a, b string) bool {
			out, err := exec.Command("rpm", "--eval", `%{lua:print(rpm.vercmp("`+a+`", "`+b+`"))}`).Output()
			return err == nil && strings.TrimSpace(string(out)) == "-1"
		},
		"apk": func(a, b string) bool { return apk.Version(a).LessThan(apk.Version(b)) },
	}
	for format, older := range older {
		t.Run(format, func(t *testing.T) {
			if tool := map[string]string{"deb": "dpkg", "rpm": "rpm"}[format]; tool != "" {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skip(tool + " is not here")
				}
			}
			var last string
			for _, v := range versions {
				now, err := version(t, format, v)
				if err != nil {
					t.Fatalf("%s: %v", v, err)
				}
				if format == "apk" && !apk.Valid(now) || format == "rpm" && strings.Contains(now, "-") {
					t.Errorf("%s is no version", now)
				}
				if last != "" && !older(last, now) {
					t.Errorf("%s is not older than %s", last, now)
				}
				last = now
			}
		})
	}
	for _, bad := range []string{"1.0.0-1", "v1.0.0", "", "1.0.0~what", "1.0.0 1"} {
		if v, err := version(t, "apk", bad); err == nil {
			t.Errorf("apk %q is %s", bad, v)
		}
	}
}

// TestVersionOfCommit asks clones that know more and less of the history.
func TestVersionOfCommit(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	run := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "GIT_COMMITTER_DATE=2026-11-23T19:42:46+0100")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	commit := func(changes string, tags ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(repo, "CHANGELOG.md"), []byte(changes), 0o600); err != nil {
			t.Fatal(err)
		}
		run(repo, "git", "add", ".")
		run(repo, "git", "commit", "-q", "-m", "x")
		for _, tag := range tags {
			run(repo, "git", "tag", tag)
		}
	}
	ask := func(repo string) string {
		t.Helper()
		out, err := exec.Command(filepath.Join(repo, "packaging", "version")).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.MkdirAll(filepath.Join(repo, "packaging"), 0o700); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("version")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, "packaging", "version"), script, 0o700); err != nil {
		t.Fatal(err)
	}
	run(repo, "git", "init", "-q", "-b", "main")
	steps := []struct {
		changes string
		tags    []string
		want    string
	}{
		{"## Unreleased\n", nil, "0.1.0~git20261123184246."},
		{"## Unreleased\n\nx\n", []string{"v1.0.0-rc.1", "other"}, "1.0.0~rc1"},
		{"## 1.0.0 – 2026-12-01\n", []string{"v1.0.0-rc.2", "v1.0.0"}, "1.0.0"},
		{"## Unreleased\n\n## 1.0.0 – 2026-12-01\n", nil, "1.0.0+git20261123184246."},
	}
	for i, s := range steps {
		commit(s.changes, s.tags...)
		shallow := filepath.Join(dir, "shallow", s.want)
		run(dir, "git", "clone", "-q", "--depth", "1", "file://"+repo, shallow)
		got := []string{ask(repo), ask(shallow)}
		if strings.HasSuffix(s.want, ".") {
			for _, v := range got {
				if rest, ok := strings.CutPrefix(v, s.want); !ok || len(rest) != 12 {
					t.Errorf("step %d: %s, want %s and 12 digits", i, v, s.want)
				}
			}
		} else if got[0] != s.want {
			t.Errorf("step %d: %s, want %s", i, got[0], s.want)
		}
		if len(slices.Compact(got)) != 1 {
			t.Errorf("step %d: clones differ: %q", i, got)
		}
	}
}
