package systemd

import (
	"slices"
	"strings"
	"testing"
)

func TestTheTemplateIsTheShippedUnit(t *testing.T) {
	if strings.Contains(unit, "{{") || strings.Contains(unit, "}}") {
		t.Fatal("the shipped unit holds template brackets")
	}
	const path, args = "{{Path | cmdEscape}}", "{{range Arguments}} {{. | cmd}}{{end}}"
	script := Script()
	if got := strings.NewReplacer(path, "/usr/bin/deskbell", args, "").Replace(script); got != Unit() {
		t.Errorf("for /usr/bin/deskbell without arguments the template gives\n%s", got)
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "Exec") && (strings.Count(line, path) != 1 || !strings.HasSuffix(line, args+"\n")) {
			t.Errorf("a command does not take path and arguments: %q", line)
		}
	}
	if strings.Contains(strings.NewReplacer(path, "", args, "").Replace(script), "{{") {
		t.Error("the template uses more than the path and the arguments")
	}
}

func TestTheUnitKeepsItsPromises(t *testing.T) {
	lines := slices.Collect(strings.Lines(Unit()))
	for _, want := range []string{
		"Type=notify",
		"ExecStart=/usr/bin/deskbell run", // no --config: the file may be absent
		"ExecStopPost=-/usr/bin/deskbell gpio off --for 1s",
		"Restart=always",
		"RestartPreventExitStatus=3",
		"StartLimitIntervalSec=10min", // with a start each 2 s or less often
		"StartLimitBurst=100",
		"RestartSec=2",
		"FileDescriptorStoreMax=4",
		"WatchdogSec=30", // with agent.Alive's 30 s: a minute
		"Environment=GOMEMLIMIT=96MiB",
		"OOMPolicy=continue",
		"User=deskbell",
		"StateDirectory=deskbell",
		"DeviceAllow=char-gpiochip rw",
		"CapabilityBoundingSet=",
	} {
		if !slices.Contains(lines, want+"\n") {
			t.Errorf("the unit has no line %q", want)
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "LoadCredential") || strings.HasPrefix(line, "SupplementaryGroups") {
			t.Errorf("where its file or group is missing the service never starts: %q", line)
		}
	}
	if !strings.Contains(sysusers, "\nu "+Name+" ") {
		t.Errorf("no user %s in %q", Name, sysusers)
	}
}
