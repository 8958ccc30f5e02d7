//go:build linux

package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// tonePitch is what a tone sounds at for a pattern without notes. Piezo buzzers are loud at one frequency, mostly 2 to 4 kHz;
// 2.7 kHz is that of the PS1927P02 among TDK's PS series (2, 2.7 and 4 kHz), and not far from that of the others.
const tonePitch = 2700 * physic.Hertz

// What a tone may sound at: what people hear.
const (
	minPitch = 20 * physic.Hertz
	maxPitch = 20 * physic.KiloHertz
)

// pwmClass is where the kernel shows its PWM controllers: Documentation/ABI/testing/sysfs-class-pwm.
const pwmClass = "/sys/class/pwm"

// headerPWM says which channel of which controller a pin of the 40-pin header is, by the controller's node in the device tree: its
// number among the pwmchips differs from kernel to kernel. Source: the kernel's pwm overlays, and table 4 of the RP1 peripherals.
var headerPWM = map[string]map[string]int{
	"pwm@7e20c000": {"GPIO12": 0, "GPIO13": 1, "GPIO18": 0, "GPIO19": 1}, // Pi 0 to 4
	"pwm@98000":    {"GPIO12": 0, "GPIO13": 1, "GPIO18": 2, "GPIO19": 3}, // Pi 5
}

// tonePin is a passive buzzer on a channel of the kernel's PWM. The channel is enabled all the time, and silent while its duty
// cycle is 0, so that the line is driven at its off level. That nobody else has it is known by a lock on one of its files.
type tonePin struct {
	outputPin
	chip   string // the controller's folder
	folder string // the channel's
	write  func(path, value string) error
	lock   *os.File

	mu     sync.Mutex
	period int64 // in ns, as it was set last
	on     bool
	closed bool
}

func openTonePin(o OutputConfig) (Pin, error) {
	p, err := openTone(pwmClass, o, writeFile)
	if errors.Is(err, ErrNoPWM) && len(gpiocdev.Chips()) == 0 {
		return nil, ErrNoChip // no Pi: an overlay for one would not help
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// FindTone returns an error that is [ErrNoPWM], or that the pin's PWM cannot be looked at, when a [Tone] cannot be played on
// the pin. It takes nothing and changes nothing.
func FindTone(pin string) error {
	_, _, err := findPWM(pwmClass, pin)
	return err
}

// writeFile writes a value into a file of sysfs, in one piece.
func writeFile(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// udevTakes is how long the rules of udev are waited for, which give a channel that was just exported to its group.
const udevTakes = 500 * time.Millisecond

// openTone takes the channel of a pin under the class's folder, silent. It may block for 500 ms. A channel that is exported
// already is taken over, unless a living program has it: it may be our own, left sounding by a crash.
func openTone(class string, o OutputConfig, write func(path, value string) error) (*tonePin, error) {
	chip, channel, err := findPWM(class, o.Pin)
	if err != nil {
		return nil, err
	}
	p := &tonePin{outputPin: outputPin{o.Pin, channel}, chip: chip, write: write,
		folder: filepath.Join(chip, "pwm"+strconv.Itoa(channel))}
	until := time.Now()
	if _, err := os.Stat(p.folder); errors.Is(err, fs.ErrNotExist) {
		err := write(filepath.Join(chip, "export"), strconv.Itoa(channel))
		if errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("the PWM of %s is held by the kernel, such as for audio: %w", o.Pin, ErrBusy)
		}
		if err != nil {
			return nil, fmt.Errorf("take the PWM of %s: %w", o.Pin, err)
		}
		until = until.Add(udevTakes)
	}
	for {
		err := p.begin(o.ActiveLow)
		if err == nil {
			return p, nil
		}
		p.release()
		if !errors.Is(err, fs.ErrPermission) || !time.Now().Before(until) {
			return nil, fmt.Errorf("take the PWM of %s: %w", o.Pin, err)
		}
		time.Sleep(udevTakes / 50)
	}
}

// findPWM finds controller and channel of a pin: "pwmchipN:CHANNEL" says both, a name of the header is looked up.
func findPWM(class, pin string) (chip string, channel int, err error) {
	if name, digits, ok := strings.Cut(pin, ":"); ok && strings.HasPrefix(name, "pwmchip") {
		chip = filepath.Join(class, name)
		count, err := readNumber(filepath.Join(chip, "npwm"))
		if err != nil {
			return "", 0, fmt.Errorf("%w: there is no %s", ErrNoPWM, name)
		}
		channel, err := strconv.Atoi(digits)
		if err != nil || channel < 0 || int64(channel) >= count {
			return "", 0, fmt.Errorf("%w: %s has the channels 0 to %d, not %q", ErrNoPWM, name, count-1, digits)
		}
		return chip, channel, nil
	}
	function, ok := map[string]int{"GPIO12": 4, "GPIO13": 4, "GPIO18": 2, "GPIO19": 2}[pin]
	if !ok {
		return "", 0, fmt.Errorf("%w on %s: a tone must be on GPIO12, GPIO13, GPIO18 or GPIO19", ErrNoPWM, pin)
	}
	chips, _ := filepath.Glob(filepath.Join(class, "pwmchip*")) // only a bad pattern is an error
	slices.Sort(chips)
	for _, chip := range chips {
		node, err := os.Readlink(filepath.Join(chip, "device", "of_node"))
		if err != nil {
			continue
		}
		if channel, ok := headerPWM[filepath.Base(node)][pin]; ok {
			return chip, channel, nil
		}
	}
	return "", 0, fmt.Errorf("%w for %s: add dtoverlay=pwm,pin=%s,func=%d to /boot/firmware/config.txt", ErrNoPWM, pin, strings.TrimPrefix(pin, "GPIO"), function)
}

func readNumber(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// begin locks the channel and brings it, whatever it was left in, to silence at the off level.
func (p *tonePin) begin(activeLow bool) error {
	var err error
	if p.lock, err = os.OpenFile(p.file("duty_cycle"), os.O_RDWR, 0); err != nil {
		return err
	}
	if err := unix.Flock(int(p.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("it is held by %s (another one, or another output: GPIO12 and GPIO18 may share a channel, and so may GPIO13 and GPIO19): %w", consumer, ErrBusy)
	}
	polarity := "normal"
	if activeLow {
		polarity = "inversed"
	}
	was, err := os.ReadFile(p.file("polarity"))
	if err != nil {
		return err
	}
	period, err := readNumber(p.file("period"))
	if err != nil {
		return err
	}
	if period > 0 { // else there is no duty cycle yet
		if err := p.set("duty_cycle", 0); err != nil {
			return err
		}
	}
	if err := p.set("period", nanoseconds(tonePitch)); err != nil {
		return err
	}
	p.period = nanoseconds(tonePitch)
	if strings.TrimSpace(string(was)) != polarity {
		if err := p.set("enable", 0); err != nil { // the polarity of a running one cannot be changed
			return err
		}
		if err := p.write(p.file("polarity"), polarity); err != nil {
			return err
		}
	}
	return p.set("enable", 1)
}

func (p *tonePin) file(name string) string { return filepath.Join(p.folder, name) }

func (p *tonePin) set(name string, value int64) error {
	return p.write(p.file(name), strconv.FormatInt(value, 10))
}

func nanoseconds(f physic.Frequency) int64 { return int64(f.Period() / time.Nanosecond) }

func (*tonePin) Function() string { return "PWM" }

func (p *tonePin) Out(l periph.Level) error {
	if l == periph.High {
		return p.PWM(periph.DutyHalf, tonePitch)
	}
	return p.PWM(0, tonePitch)
}

// PWM sounds at a pitch; a duty of 0 is silence.
func (p *tonePin) PWM(d periph.Duty, f physic.Frequency) error {
	if f < minPitch || f > maxPitch || !d.Valid() {
		return fmt.Errorf("sound %s: %v at %v is not a tone", p.name, d, f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("sound %s: %w", p.name, errClosed)
	}
	if err := p.sound(d, nanoseconds(f)); err != nil {
		return fmt.Errorf("sound %s: %w", p.name, err)
	}
	return nil
}

// sound changes the pitch in silence: a duty cycle that is longer than the period is refused by the kernel. The caller holds mu.
func (p *tonePin) sound(d periph.Duty, period int64) error {
	if p.on && (d == 0 || period != p.period) {
		if err := p.set("duty_cycle", 0); err != nil {
			return err
		}
		p.on = false
	}
	if d == 0 {
		return nil
	}
	if period != p.period {
		if err := p.set("period", period); err != nil {
			return err
		}
		p.period = period
	}
	p.on = true
	return p.set("duty_cycle", period*int64(d)/int64(periph.DutyMax))
}

func (p *tonePin) Read() periph.Level {
	p.mu.Lock()
	defer p.mu.Unlock()
	return level(p.on)
}

func (p *tonePin) Halt() error { return p.Out(periph.Low) }

func (p *tonePin) Close() error {
	err := p.Halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return err
	}
	p.closed = true
	if e := p.set("enable", 0); e != nil {
		err = errors.Join(err, fmt.Errorf("release %s: %w", p.name, e))
	}
	e := p.write(filepath.Join(p.chip, "unexport"), strconv.Itoa(p.number))
	if e != nil && !errors.Is(e, fs.ErrPermission) { // somebody else exported it, for us to use
		err = errors.Join(err, fmt.Errorf("release %s: %w", p.name, e))
	}
	p.release()
	return err
}

// release gives the lock back.
func (p *tonePin) release() {
	if p.lock != nil {
		_ = p.lock.Close() // nothing was written through it
		p.lock = nil
	}
}
