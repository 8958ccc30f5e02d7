package event

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a timestamp of the platform, or of those that resemble it: "2006-01-02 15:04:05.999999" with blank or
// T, with a zone or without (then it is in zone), or seconds or milliseconds since 1970. What cannot be read, or lies
// outside the years 1 to 9999, is the zero time.
func parseTime(text string, zone *time.Location) time.Time {
	if text == "" || len(text) > 64 {
		return time.Time{}
	}
	t, ok := time.Time{}, false
	if strings.IndexByte(text, ':') < 0 {
		t, ok = parseUnix(text)
	} else if t, ok = parsePlain(text, zone); !ok {
		t, ok = parseCalendar(text, zone)
	}
	if !ok {
		return time.Time{}
	}
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t
}

func parseCalendar(text string, zone *time.Location) (time.Time, bool) {
	const date, clock = "2006-01-02", "15:04:05" // fractions of a second are read without being named here
	separator := " "
	if len(text) > len(date) && text[len(date)] == 'T' {
		separator = "T"
	}
	for _, suffix := range [...]string{"", "Z07:00", " Z07:00", "Z0700", " Z0700", "Z07"} {
		if t, err := time.ParseInLocation(date+separator+clock+suffix, text, zone); err == nil {
			return t, true
		}
	}
	for _, name := range [...]string{" UTC", " GMT", " Z"} {
		if bare, ok := strings.CutSuffix(text, name); ok {
			return parseCalendar(bare, time.UTC)
		}
	}
	return time.Time{}, false
}

// parsePlain reads what the platform sends, date and clock without a zone, the way that package time is fast at.
func parsePlain(text string, zone *time.Location) (t time.Time, ok bool) {
	const date = len("2006-01-02")
	if len(text) <= date || text[date] != ' ' {
		return t, false
	}
	var b [64 + 1]byte
	rfc := append(append(b[:0], text...), 'Z')
	rfc[date] = 'T'
	if t.UnmarshalText(rfc) != nil {
		return t, false
	}
	if zone != time.UTC {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	}
	return t, true
}

// parseUnix takes up to eleven digits before the point for seconds (to the year 5138), more for milliseconds.
func parseUnix(text string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n == 0 {
		return time.Time{}, false
	}
	if n >= 100_000_000_000 {
		return time.UnixMilli(n), true
	}
	ns, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(n, ns), err == nil
}
