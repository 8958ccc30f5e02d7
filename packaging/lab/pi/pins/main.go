// Command pins prints what the kernel shows of some GPIO lines, a line at each change: pins GPIO17 GPIO18. Such a line is the time
// since pins was started, in ms, and "GPIO17 deskbell hi", "GPIO17 deskbell in" for an input, or "GPIO17 - -" while nobody holds
// it. It looks every 4 ms: the shortest pulse of the agent lasts 80 ms.
package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

func main() {
	lines := os.Args[1:]
	start, was := time.Now(), make([]string, len(lines))
	for range time.Tick(4 * time.Millisecond) {
		looked := time.Since(start)
		text, err := os.ReadFile("/sys/kernel/debug/gpio")
		if err != nil {
			fmt.Fprintln(os.Stderr, "pins:", err)
			os.Exit(1)
		}
		for i, line := range lines {
			if now := state(text, line); now != was[i] {
				was[i] = now
				fmt.Println(looked.Milliseconds(), line, now)
			}
		}
	}
}

// state is who holds a line and at which level. The kernel shows it as
// " gpio-475 (GPIO17              |deskbell            ) out hi ACTIVE LOW".
func state(text []byte, line string) string {
	_, rest, ok := bytes.Cut(text, []byte("("+line+" "))
	if !ok {
		return "- -"
	}
	rest, _, _ = bytes.Cut(rest, []byte("\n"))
	_, rest, _ = bytes.Cut(rest, []byte("|"))
	holder, rest, ok := bytes.Cut(rest, []byte(")"))
	words := bytes.Fields(rest)
	switch {
	case !ok || len(words) < 2 || len(bytes.TrimSpace(holder)) == 0:
		return "- -"
	case string(words[0]) == "in":
		return string(bytes.TrimSpace(holder)) + " in" // nobody drives it, so it has no level that counts
	}
	return string(bytes.TrimSpace(holder)) + " " + string(words[1])
}
