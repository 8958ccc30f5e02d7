package systemd

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strings"
)

// EnsureUser makes the system user and group that the unit runs as, where they are missing, and puts the user into the group gpio
// where there is one. It must run as root, may be repeated, and is what the package does in its postinst; the program does it for
// `service install`. Nobody else is put into the group deskbell.
func EnsureUser(ctx context.Context) error {
	if _, err := user.Lookup(Name); err != nil {
		if err := makeUser(ctx); err != nil {
			return fmt.Errorf("make the user %s: %w", Name, err)
		}
	}
	if _, err := user.LookupGroup("gpio"); err != nil {
		return nil // no board, or one whose chips root alone may use
	}
	join := []string{"usermod", "--append", "--groups", "gpio", Name}
	if _, err := exec.LookPath(join[0]); err != nil {
		join = []string{"addgroup", Name, "gpio"}
	}
	if err := pipe(ctx, "", join[0], join[1:]...); err != nil {
		return fmt.Errorf("put the user %s into the group gpio: %w", Name, err)
	}
	return nil
}

// makeUser takes what there is: systemd's program, that of most distributions, or busybox's.
func makeUser(ctx context.Context) error {
	if _, err := exec.LookPath("systemd-sysusers"); err == nil {
		return pipe(ctx, sysusers, "systemd-sysusers", "-")
	}
	const home, shell, full = "/var/lib/deskbell", "/sbin/nologin", "deskbell agent"
	if _, err := exec.LookPath("useradd"); err == nil {
		return pipe(ctx, "", "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", shell, "--comment", full, Name)
	}
	if _, err := user.LookupGroup(Name); err != nil {
		if err := pipe(ctx, "", "addgroup", "-S", Name); err != nil {
			return err
		}
	}
	return pipe(ctx, "", "adduser", "-S", "-D", "-H", "-h", home, "-s", shell, "-G", Name, "-g", full, Name)
}

// pipe runs a command with input; its error holds what the command said.
func pipe(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if said := strings.TrimSpace(string(out)); err != nil && said != "" {
		return errors.Join(err, errors.New(said))
	}
	return err
}
