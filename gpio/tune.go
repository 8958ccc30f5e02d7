package gpio

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Tune is a melody, read from RTTTL, the text that mobile telephones had for theirs: "hello:d=8,o=5,b=140:c,e,g".
type Tune struct {
	Name  string
	Beats int // quarter notes a minute
	Notes []Note
}

// Note is one note of a tune, or a pause.
type Note struct {
	Length int  // which part of a whole note: 1, 2, 4, 8, 16 or 32
	Dotted bool // half as long again
	Key    int  // in semitones as MIDI counts them: 69 is the A of 440 Hz; 0 is a pause
}

// Bounds of a tune that ParseTune accepts: it is a signal, not a concert, and each note can be heard.
const (
	maxTuneText = 4 << 10 // bytes
	maxNotes    = 256
	maxTune     = time.Minute
	minBeats    = 25 // as in the format
	maxBeats    = 900
	minOctave   = 4 // its A is 440 Hz
	maxOctave   = 8
)

// noteNames are the semitones of an octave. H, the German B, is read as well.
var noteNames = []string{"c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"}

// ParseTune reads a tune in RTTTL: a name, the defaults, and the notes, parted by colons. The defaults may be left out: d=4, o=6,
// b=63. White space does not count, but in the name; nor does upper or lower case. At most 256 notes and one minute.
func ParseTune(s string) (Tune, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || len(s) > maxTuneText {
		return Tune{}, fmt.Errorf("not a tune such as \"hello:d=8,o=5,b=140:c,e,g\" of at most %d bytes", maxTuneText)
	}
	t := Tune{Name: strings.TrimSpace(parts[0]), Beats: 63}
	if !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, unicode.IsControl) {
		return Tune{}, fmt.Errorf("%q cannot be the name of a tune", t.Name)
	}
	length, octave := 4, 6
	for pair := range strings.SplitSeq(squeeze(parts[1]), ",") {
		if pair == "" {
			continue
		}
		name, digits, _ := strings.Cut(pair, "=")
		n, err := strconv.Atoi(digits)
		switch {
		case err == nil && name == "d" && isLength(n):
			length = n
		case err == nil && name == "o" && n >= minOctave && n <= maxOctave:
			octave = n
		case err == nil && name == "b" && n >= minBeats && n <= maxBeats:
			t.Beats = n
		default:
			return Tune{}, fmt.Errorf("%q is none of d=1|2|4|8|16|32, o=%d to %d, b=%d to %d", pair, minOctave, maxOctave, minBeats, maxBeats)
		}
	}
	sound := false
	for text := range strings.SplitSeq(squeeze(parts[2]), ",") {
		n, err := parseNote(text, length, octave)
		if err != nil {
			return Tune{}, err
		}
		if len(t.Notes) == maxNotes {
			return Tune{}, fmt.Errorf("more than %d notes", maxNotes)
		}
		t.Notes = append(t.Notes, n)
		sound = sound || n.Key != 0
		if t.lasts(n) < 2*minStep {
			return Tune{}, fmt.Errorf("the note %q lasts %v at b=%d: too short to be heard", text, t.lasts(n), t.Beats)
		}
	}
	if !sound {
		return Tune{}, errors.New("nothing but pauses: nobody would hear it")
	}
	if all := t.Pattern().Period(); all > maxTune {
		return Tune{}, fmt.Errorf("it lasts %v, more than %v", all.Round(time.Second), maxTune)
	}
	return t, nil
}

// squeeze takes white space and upper case out.
func squeeze(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

func isLength(n int) bool { return n >= 1 && n <= 32 && n&(n-1) == 0 }

// parseNote reads "8c#5.": length, name, octave, dot; all but the name may be missing, and the dot may come before the octave.
func parseNote(text string, length, octave int) (Note, error) {
	fault := fmt.Errorf("%q is not a note such as 8c#6, 4p. or c", text)
	n := Note{Length: length}
	rest := strings.TrimLeft(text, "0123456789")
	if digits := text[:len(text)-len(rest)]; digits != "" {
		l, err := strconv.Atoi(digits)
		if err != nil || !isLength(l) {
			return Note{}, fault
		}
		n.Length = l
	}
	name := rest[:min(len(rest), 1)]
	if strings.HasPrefix(rest[len(name):], "#") {
		name = rest[:2]
	}
	rest = rest[len(name):]
	if dotless := strings.Replace(rest, ".", "", 1); dotless != rest {
		n.Dotted, rest = true, dotless
	}
	if rest != "" {
		o, err := strconv.Atoi(rest)
		if err != nil || len(rest) != 1 || o < minOctave || o > maxOctave {
			return Note{}, fault
		}
		octave = o
	}
	if name == "h" {
		name = "b"
	}
	semitone := slices.Index(noteNames, name)
	switch {
	case semitone >= 0:
		n.Key = (octave+1)*len(noteNames) + semitone
	case name != "p":
		return Note{}, fault
	}
	return n, nil
}

// String is the tune in the form that ParseTune reads; its defaults are the length and the octave that most notes have.
func (t Tune) String() string {
	lengths, octaves := map[int]int{}, map[int]int{}
	for _, n := range t.Notes {
		lengths[n.Length]++
		if n.Key != 0 {
			octaves[n.octave()]++
		}
	}
	length, octave := most(lengths), most(octaves)
	notes := make([]string, 0, len(t.Notes))
	for _, n := range t.Notes {
		text := "p"
		if n.Key != 0 {
			text = noteNames[n.Key%len(noteNames)]
			if n.octave() != octave {
				text += strconv.Itoa(n.octave())
			}
		}
		if n.Length != length {
			text = strconv.Itoa(n.Length) + text
		}
		if n.Dotted {
			text += "."
		}
		notes = append(notes, text)
	}
	return fmt.Sprintf("%s:d=%d,o=%d,b=%d:%s", t.Name, length, octave, t.Beats, strings.Join(notes, ","))
}

func (n Note) octave() int { return n.Key/len(noteNames) - 1 }

// most returns the key that was counted most often, of several the least.
func most(counts map[int]int) int {
	best := 0
	for n, count := range counts {
		if c := cmp.Compare(count, counts[best]); best == 0 || c > 0 || c == 0 && n < best {
			best = n
		}
	}
	return best
}

// lasts is how long a note takes, the silence at its end included.
func (t Tune) lasts(n Note) time.Duration {
	d := 4 * time.Minute / time.Duration(t.Beats*n.Length)
	if n.Dotted {
		d += d / 2
	}
	return d
}

// Pattern is the tune to be shown once: its name, and its notes as steps. Each note ends with a short silence, an eighth of it, so
// that two of one pitch are heard as two; on an output that has no pitch the notes are on and the rest is off.
func (t Tune) Pattern() Pattern {
	p := Pattern{Name: t.Name, Tune: &t}
	for _, n := range t.Notes {
		d := t.lasts(n)
		if n.Key == 0 {
			p.Steps = append(p.Steps, Step{For: d})
			continue
		}
		p.Steps = append(p.Steps, Step{On: true, For: d - d/8}, Step{For: d / 8})
	}
	return p
}

// pitches are the frequencies in Hz of the steps that Pattern makes; 0 for silence.
func (t Tune) pitches() []float64 {
	var list []float64
	for _, n := range t.Notes {
		if n.Key == 0 {
			list = append(list, 0)
			continue
		}
		list = append(list, 440*math.Pow(2, float64(n.Key-69)/12), 0) // equal temperament
	}
	return list
}

func (t *Tune) equal(u *Tune) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Name == u.Name && t.Beats == u.Beats && slices.Equal(t.Notes, u.Notes)
}
