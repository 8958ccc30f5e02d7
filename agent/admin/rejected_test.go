package admin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRejectedBodiesAreShownAsText(t *testing.T) {
	entry := func(at, body string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"time":%s,"reason":"unexpected character at byte 3","bytes":%d,"body":%q}`,
			at, len(body), base64.StdEncoding.EncodeToString([]byte(body))))
	}
	for name, c := range map[string]struct {
		entry json.RawMessage
		want  string
	}{
		"as it came":                              {entry(`"2026-03-06T14:03:01Z"`, `{"a":[1,}`), "  2026-03-06 14:03:01  9 bytes: unexpected character at byte 3\n    {\"a\":[1,}\n"},
		"on one line, whatever it holds":          {entry("null", "a\nb\r\tc"), "(clock not set)  6 bytes: unexpected character at byte 3\n    a\\nb\\u000d\\u0009c\n"},
		"without anything that steers a terminal": {entry("null", "\x1b[31mred\u202eder\u009b"), `    \u001b[31mred\u202eder\u009b`},
		"also what is no text at all":             {entry("null", "\xff\xfe"), `    \ufffd\ufffd`},
		"of a long one the beginning":             {entry("null", strings.Repeat("é", 401)), "    " + strings.Repeat("é", 400) + "… (more is in: deskbell events rejected --json)\n"},
		"what another version wrote, as it is":    {json.RawMessage("\"odd\x1b\""), `  "odd\u001b"`},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := WriteRejected(&b, RejectedPage{Rejected: []json.RawMessage{c.entry}}, time.UTC); err != nil || !strings.Contains(b.String(), c.want) {
				t.Errorf("got\n%s\nwant\n%s\n%v", b.String(), c.want, err)
			}
			if !strings.HasSuffix(b.String(), "Requests without a right token:\n  none\n") {
				t.Errorf("got %s", b.String())
			}
		})
	}
}
