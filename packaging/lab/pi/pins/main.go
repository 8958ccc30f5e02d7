// Command pins prints what the kernel shows of some GPIO lines, a line at each change: pins GPIO17 GPIO18. Such a line is
// "GPIO17 deskbell hi", "GPIO17 deskbell in" for an input, or "GPIO17 - -" while nobody holds it. It looks every 2 ms: the
// shortest pulse of the agent lasts 80 ms.
package main

import (
	"fmt"
	"os"
	"regexp"
	"time"
)

// held is a line such as " gpio-475 (GPIO17              |deskbell            ) out hi ACTIVE LOW".
var held = regexp.MustCompile(`\(([^ |]+) *\|([^ )]*) *\) +(in|out) +(hi|lo)`)

func main() {
	was := make(map[string]string)
	for range time.Tick(2 * time.Millisecond) {
		text, err := os.ReadFile("/sys/kernel/debug/gpio")
		if err != nil {
			fmt.Fprintln(os.Stderr, "pins:", err)
			os.Exit(1)
		}
		is := make(map[string]string)
		for _, m := range held.FindAllSubmatch(text, -1) {
			level := string(m[4])
			if string(m[3]) == "in" {
				level = "in" // nobody drives it, so it has no level that counts
			}
			is[string(m[1])] = string(m[2]) + " " + level
		}
		for _, line := range os.Args[1:] {
			now := is[line]
			if now == "" {
				now = "- -"
			}
			if now != was[line] {
				was[line] = now
				fmt.Println(line, now)
			}
		}
	}
}
