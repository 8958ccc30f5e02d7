package systemd

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"strings"
)

//go:embed deskbell.plist
var plist string

// LaunchdLog is where launchd writes what the service says.
const LaunchdLog = "/var/log/deskbell.log"

// Launchd returns the service's property list for launchd: it has the binary at path run with args, again after each end.
func Launchd(path string, args ...string) (string, error) {
	var b strings.Builder
	for i, s := range append([]string{path, "run"}, args...) {
		if strings.Contains(s, "{{") {
			return "", fmt.Errorf("write a property list with %q: brackets do not go", s)
		}
		if i > 0 {
			b.WriteString("\n\t\t")
		}
		b.WriteString("<string>")
		if err := xml.EscapeText(&b, []byte(s)); err != nil {
			return "", fmt.Errorf("write a property list with %q: %w", s, err)
		}
		b.WriteString("</string>")
	}
	return strings.Replace(plist, "<string>"+packaged+"</string>\n\t\t<string>run</string>", b.String(), 1), nil
}
