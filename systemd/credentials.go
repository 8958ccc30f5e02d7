package systemd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DropIn is where Credentials belongs.
const DropIn = "/etc/systemd/system/deskbell.service.d/credentials.conf"

// Marker is the first line of what Credentials renders. Who removes the package
// removes a DropIn that begins with it.
const Marker = "# Written by deskbell setup"

// Credentials renders the drop-in that passes files to the service: by the name of each credential, its path. Without any it is "":
// no drop-in is needed.
//
// Where LoadCredential names a file that is missing, the service would not start, and say nothing but status 243. The SetCredential of
// the same name is passed then: a line end alone, as systemd 252 takes nothing at all for a fault of its own. deskbell refuses it in
// words.
func Credentials(files map[string]string) string {
	if len(files) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(Marker + ". Secrets that root alone may read are passed to the service at its start.\n[Service]\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "LoadCredential=%s:%s\nSetCredential=%[1]s:\\n\n", name, strings.ReplaceAll(files[name], "%", "%%"))
	}
	return b.String()
}
