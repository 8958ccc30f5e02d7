package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// platformTime is how the platform writes a timestamp: in UTC, without saying so.
const platformTime = "2006-01-02 15:04:05.000000"

// newKey is a conversation key that was never used.
func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// stamp sets the timestamp of every event of a body to now, and the key of its
// conversation to key unless that is "". Every other byte stays as it is.
func stamp(body []byte, now time.Time, key string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out []byte
	done := 0
	var path []string // the key before each open object or list
	name := ""
	inObject, expectName := []bool{}, false
	put := func(start, end int64, text string) {
		quoted, _ := json.Marshal(text) // a string always can be
		out = append(append(out, body[done:start]...), quoted...)
		done = int(end)
	}
	for {
		before := d.InputOffset()
		t, err := d.Token()
		if err != nil {
			if done == 0 && len(out) == 0 && before == 0 {
				return nil, fmt.Errorf("not JSON, so it cannot be stamped: %w", err)
			}
			break
		}
		if delim, ok := t.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				path = append(path, name)
				inObject = append(inObject, delim == '{')
				expectName = delim == '{'
				name = ""
			} else {
				path, inObject = path[:len(path)-1], inObject[:len(inObject)-1]
				expectName = len(inObject) > 0 && inObject[len(inObject)-1]
			}
			continue
		}
		if expectName {
			name, expectName = t.(string), false
			continue
		}
		end := d.InputOffset()
		if _, isText := t.(string); isText {
			start := before + int64(bytes.IndexByte(body[before:end], '"'))
			switch {
			case len(path) == 3 && path[1] == "events" && name == "timestamp":
				put(start, end, now.UTC().Format(platformTime))
			case key != "" && len(path) == 4 && path[1] == "events" && path[3] == "conversation" && name == "key":
				put(start, end, key)
			}
		}
		expectName = len(inObject) > 0 && inObject[len(inObject)-1]
	}
	return append(out, body[done:]...), nil
}
