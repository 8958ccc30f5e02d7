package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// shownBody is how many runes of a body are shown in words.
const shownBody = 400

// WriteRejected writes the bodies as text, and the shapes of requests as lines
// of JSON, which is what a person compares with the platform's documentation.
// Times are in loc.
func WriteRejected(w io.Writer, page RejectedPage, loc *time.Location) error {
	var b bytes.Buffer
	b.WriteString("Bodies that could not be understood:\n")
	for _, e := range page.Rejected {
		var r struct {
			Time   *time.Time
			Reason string
			Bytes  int
			Body   []byte
		}
		if err := json.Unmarshal(e, &r); err != nil { // of another version
			fmt.Fprintf(&b, "  %s\n", escapedLine(string(e)))
			continue
		}
		fmt.Fprintf(&b, "  %s  %s: %s\n", stamp(r.Time, loc), count(r.Bytes, "byte"), escapedLine(r.Reason))
		text := []rune(string(r.Body))
		more := ""
		if len(text) > shownBody {
			text, more = text[:shownBody], "… (more is in: deskbell events rejected --json)"
		}
		fmt.Fprintf(&b, "    %s%s\n", escapedLine(string(text)), more)
	}
	if len(page.Rejected) == 0 {
		b.WriteString("  none\n")
	}
	b.WriteString("Requests without a right token:\n")
	for _, e := range page.Refused {
		fmt.Fprintf(&b, "  %s\n", escapedLine(string(e)))
	}
	if len(page.Refused) == 0 {
		b.WriteString("  none\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// escapedLine is escaped, with line ends too.
func escapedLine(s string) string { return strings.ReplaceAll(escaped(s), "\n", `\n`) }
