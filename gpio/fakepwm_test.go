//go:build linux

package gpio

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// fakePWM is a tree such as the kernel's in a folder of the test, with what the kernel answers to what is written.
type fakePWM struct {
	t      *testing.T
	class  string
	busy   bool // the kernel has the channels for itself
	noUdev int  // so many begins find files that are root's alone
	log    []string
}

// newFakePWM makes one controller with the node of the device tree.
func newFakePWM(t *testing.T, node string, channels int) *fakePWM {
	k := &fakePWM{t: t, class: filepath.Join(t.TempDir(), "class", "pwm")}
	k.controller("pwmchip0", node, channels)
	return k
}

func (k *fakePWM) controller(name, node string, channels int) {
	device := filepath.Join(filepath.Dir(k.class), "devices", name)
	for _, folder := range []string{device, filepath.Join(k.class, name)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			k.t.Fatal(err)
		}
	}
	for link, to := range map[string]string{filepath.Join(device, "of_node"): "../../../firmware/devicetree/base/soc/" + node,
		filepath.Join(k.class, name, "device"): device} {
		if err := os.Symlink(to, link); err != nil {
			k.t.Fatal(err)
		}
	}
	k.put(filepath.Join(k.class, name, "npwm"), strconv.Itoa(channels)+"\n")
}

func (k *fakePWM) put(path, value string) {
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		k.t.Error(err)
	}
}

func (k *fakePWM) number(path string) int64 {
	n, err := readNumber(path)
	if err != nil {
		k.t.Error(err)
	}
	return n
}

// export makes a channel as the kernel does: nothing is set.
func (k *fakePWM) export(folder string) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		k.t.Error(err)
	}
	for name, value := range map[string]string{"period": "0", "duty_cycle": "0", "enable": "0", "polarity": "normal"} {
		k.put(filepath.Join(folder, name), value+"\n")
	}
}

// write is what the kernel does with a value: drivers/pwm/sysfs.c and pwm_apply_state.
func (k *fakePWM) write(path, value string) error {
	folder, name := filepath.Split(path)
	n, _ := strconv.ParseInt(value, 10, 64)
	k.log = append(k.log, name+"="+value)
	channel := filepath.Join(folder, "pwm"+value)
	switch name {
	case "export":
		if _, err := os.Stat(channel); err == nil || k.busy {
			return syscall.EBUSY
		}
		k.export(channel)
		return nil
	case "unexport":
		if _, err := os.Stat(channel); err != nil {
			return syscall.ENODEV
		}
		return os.RemoveAll(channel)
	}
	if k.noUdev > 0 {
		k.noUdev--
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
	}
	period := k.number(folder + "period")
	switch name {
	case "period":
		if n <= 0 || n < k.number(folder+"duty_cycle") {
			return syscall.EINVAL
		}
	case "duty_cycle":
		if period == 0 || n > period {
			return syscall.EINVAL
		}
	case "enable":
		if period == 0 {
			return syscall.EINVAL
		}
	case "polarity":
		if period == 0 || k.number(folder+"enable") != 0 {
			return syscall.EBUSY
		}
	default:
		return syscall.ENOENT
	}
	k.put(path, value+"\n")
	return nil
}

func (k *fakePWM) open(o OutputConfig) (Pin, error) {
	p, err := openTone(k.class, o, k.write)
	if err != nil {
		return nil, err
	}
	return p, nil
}
