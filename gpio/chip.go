//go:build linux

package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
	periph "periph.io/x/conn/v3/gpio"
)

// consumer is the name under which the kernel knows our lines.
const consumer = "deskbell"

// chipPin is an output on a line of a gpiochip. The kernel inverts an active-low line.
type chipPin struct {
	outputPin
	line *gpiocdev.Line
}

// openChipPin claims the line at the given level. The request carries direction, level and polarity in one call, so the
// line never shows another level.
func openChipPin(c Config, o OutputConfig, on bool) (Pin, error) {
	chips, err := listChips()
	if err != nil {
		return nil, err
	}
	chip, number, err := findLine(chips, c.Chip, o.Pin)
	if err != nil {
		return nil, err
	}
	value := 0
	if on {
		value = 1
	}
	line, err := gpiocdev.RequestLine(chip.Name, number,
		gpiocdev.WithConsumer(consumer), gpiocdev.LevelOption(o.ActiveLow), gpiocdev.AsOutput(value))
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s is held by %s: %w", o.Pin, holder(chip.Name, number), ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("claim %s (%s line %d): %w", o.Pin, chip.Name, number, err)
	}
	return &chipPin{outputPin{o.Pin, number}, line}, nil
}

// holder names who has the line now: it may have changed since the list was made.
func holder(chip string, number int) string {
	c, err := gpiocdev.NewChip(chip)
	if err != nil {
		return "another program"
	}
	defer c.Close()
	info, err := c.LineInfo(number)
	switch {
	case err != nil || info.Consumer == "":
		return "another program"
	case info.Consumer == consumer:
		return consumer + " (another one, or another output)"
	}
	return fmt.Sprintf("%q", info.Consumer)
}

func (p *chipPin) Out(l periph.Level) error {
	value := 0
	if l == periph.High {
		value = 1
	}
	return p.failed("set", p.line.SetValue(value))
}

func (p *chipPin) Read() periph.Level {
	value, err := p.line.Value()
	return err == nil && value != 0
}

func (p *chipPin) Halt() error { return p.Out(periph.Low) }

func (p *chipPin) Close() error {
	return errors.Join(p.Halt(), p.failed("release", p.line.Close()))
}

func (p *chipPin) failed(doing string, err error) error {
	if errors.Is(err, gpiocdev.ErrClosed) {
		err = errClosed
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", doing, p.name, err)
	}
	return err
}

// listChips reads every chip of the machine, the one with the header first.
func listChips() ([]Chip, error) {
	return list(gpiocdev.Chips(), readChip, func(name string) string {
		to, _ := os.Readlink("/dev/" + name) // empty where it is none
		return filepath.Base(to)
	})
}

// list reads the chips of these names, and notes which names are but links to another.
func list(names []string, read func(name string) (Chip, error), link func(name string) string) ([]Chip, error) {
	var chips []Chip
	var refused error
	links := map[string][]string{}
	for _, name := range names {
		chip, err := read(name)
		switch {
		case errors.Is(err, gpiocdev.ErrNotCharacterDevice):
			to := link(name)
			links[to] = append(links[to], name)
		case errors.Is(err, fs.ErrNotExist): // gone since
		case err != nil:
			refused = errors.Join(refused, fmt.Errorf("open chip %s: %w", name, err))
		default:
			chips = append(chips, chip)
		}
	}
	for i := range chips {
		chips[i].links = links[chips[i].Name]
	}
	if len(chips) > 0 {
		markHeader(chips)
		return chips, nil
	}
	if refused != nil {
		return nil, refused
	}
	return nil, ErrNoChip
}

func readChip(name string) (Chip, error) {
	c, err := gpiocdev.NewChip(name)
	if err != nil {
		return Chip{}, err
	}
	defer c.Close()
	chip := Chip{Name: c.Name, Label: c.Label, Lines: slices.Grow([]Line(nil), c.Lines())}
	for number := range c.Lines() {
		info, err := c.LineInfo(number)
		if err != nil {
			return Chip{}, fmt.Errorf("line %d: %w", number, err)
		}
		direction := "input"
		if info.Config.Direction == gpiocdev.LineDirectionOutput {
			direction = "output"
		}
		chip.Lines = append(chip.Lines, Line{Number: number, Name: info.Name, Consumer: info.Consumer, Used: info.Used,
			Direction: direction, ActiveLow: info.Config.ActiveLow})
	}
	return chip, nil
}
