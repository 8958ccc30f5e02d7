package systemd

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed deskbell.openrc
var openRC string

// OpenRC returns the service's script for OpenRC, which has it started by the binary at path, with args (such as --config FILE) after
// each of its commands. For /usr/bin/deskbell without args these are the bytes that the package installs as /etc/init.d/deskbell.
// A quote or a line break in path or args is an error.
func OpenRC(path string, args ...string) (string, error) {
	for _, s := range append([]string{path}, args...) {
		if strings.ContainsAny(s, "'\"\\$`\n\r") || strings.Contains(s, "{{") {
			return "", fmt.Errorf("write a script with %q: quotes, brackets, $, \\ and line breaks do not go", s)
		}
	}
	script := openRC
	if path != packaged {
		script = strings.Replace(script, "\nprogram="+packaged+"\n", "\nprogram='"+path+"'\n", 1)
	}
	if len(args) > 0 {
		script = strings.Replace(script, "\narguments=\n", "\narguments=\"'"+strings.Join(args, "' '")+"'\"\n", 1)
	}
	return script, nil
}
