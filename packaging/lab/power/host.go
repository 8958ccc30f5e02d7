//go:build linux

package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A kind of cut says when the plug is pulled: a random time after the guest has said a word.
type kind struct {
	name  string
	after string        // the word; empty: the power was switched on
	most  time.Duration // so long after it; 0: about as long as the agent takes to be ready
	load  string
	posts int
	check bool // the store is looked at in this boot, before the load
}

// The kinds in groups of five, as the short form has five cuts: each group is drawn in a random order.
var kinds = []kind{
	{name: "commits", after: "200", most: 6 * time.Second, load: "small", posts: 1600, check: true},
	{name: "file made longer", after: "longer", most: 60 * time.Millisecond, load: "large", posts: 240, check: true},
	{name: "just ready", after: "ready", most: 400 * time.Millisecond, load: "small", posts: 1600},
	{name: "store is checked", after: "start", load: "none"},
	{name: "idle", after: "quiet", most: 2500 * time.Millisecond, load: "small", posts: 160, check: true},

	{name: "commits", after: "200", most: 6 * time.Second, load: "small", posts: 1600, check: true},
	{name: "large commits", after: "200", most: 2 * time.Second, load: "large", posts: 240, check: true},
	{name: "first commits", after: "load", most: 600 * time.Millisecond, load: "small", posts: 1600, check: true},
	{name: "machine boots", load: "none"},
	{name: "commits", after: "200", most: 6 * time.Second, load: "small", posts: 1600, check: true},
}

const group = 5

// plan draws the cuts.
func plan(random *rand.Rand, n int) (cuts []kind) {
	for first := 0; len(cuts) < n; first = (first + group) % len(kinds) {
		for _, i := range random.Perm(group) {
			cuts = append(cuts, kinds[first+i])
		}
	}
	return cuts[:n]
}

// A machine is QEMU and how its boots are started.
type machine struct {
	folder, kernel, dtb string
	limit               time.Duration // for each thing that is waited for
	broken              string
	account             *account
	ready               time.Duration // how long the last one took from start to ready, on the host's clock
}

func host(arguments []string) error {
	flags := flag.NewFlagSet("host", flag.ContinueOnError)
	m := machine{}
	flags.StringVar(&m.folder, "folder", ".", "where initrd and sd.img are")
	flags.StringVar(&m.kernel, "kernel", "vmlinuz", "the kernel")
	flags.StringVar(&m.dtb, "dtb", "board.dtb", "the device tree")
	flags.DurationVar(&m.limit, "limit", 4*time.Minute, "for each thing that is waited for")
	flags.StringVar(&m.broken, "break", "", "early: acknowledged before it is posted; sync: syncs do nothing")
	cuts := flags.Int("cuts", 50, "how often the plug is pulled")
	seed := flags.Uint64("seed", 0, "of the moments; 0: a new one")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	began := time.Now()
	fmt.Printf("seed %d, %d cuts\n", *seed, *cuts)
	random := rand.New(rand.NewPCG(*seed, 0))
	m.account = newAccount()
	for i, k := range plan(random, *cuts) {
		said, err := m.boot(i+1, k, random.Float64())
		if err != nil {
			return fmt.Errorf("boot %d: %w", i+1, err)
		}
		fmt.Printf("%3d %-17s %s\n", i+1, k.name, said)
		if m.broken != "" && m.account.faults() > 0 {
			break // that is what was to be shown
		}
	}
	last := kind{name: "the last boot", after: "quiet", load: "none", check: true}
	said, err := m.boot(*cuts+1, last, 0)
	if err != nil {
		return fmt.Errorf("the last boot: %w", err)
	}
	fmt.Printf("    %-17s %s\n", last.name, said)
	m.account.print(os.Stdout)
	fmt.Printf("took %v, seed %d\n", time.Since(began).Round(time.Second), *seed)
	switch {
	case m.broken != "" && m.account.faults() == 0:
		return fmt.Errorf("nothing was found wrong, though it was broken: %s", m.broken)
	case m.broken != "":
		fmt.Printf("ok   what was broken (%s) was found\n", m.broken)
	case m.account.faults() > 0:
		return errors.New("FAIL")
	default:
		fmt.Println("ok   all that was answered 200 is in the store")
	}
	return nil
}

// boot boots the card and pulls the plug. It returns what happened, in words.
func (m *machine) boot(run int, k kind, share float64) (said string, err error) {
	on := map[bool]int{true: 1}
	line := fmt.Sprintf("console=ttyAMA0,115200 panic=-1 rdinit=/init quiet loglevel=3 lab.run=%d lab.load=%s lab.posts=%d lab.check=%d lab.break=%s",
		run, k.load, k.posts, on[k.check], m.broken)
	qemu := exec.Command("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
		"-drive", "if=sd,format=raw,file="+filepath.Join(m.folder, "sd.img"), "-dtb", m.dtb, "-kernel", m.kernel,
		"-initrd", filepath.Join(m.folder, "initrd"), "-append", line)
	serial, err := qemu.StdoutPipe()
	if err != nil {
		return "", err
	}
	runtime.LockOSThread() // QEMU ends with the thread that started it
	defer runtime.UnlockOSThread()
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := qemu.Start(); err != nil {
		return "", err
	}
	console, err := os.Create(filepath.Join(m.folder, fmt.Sprintf("console-%d", run)))
	if err != nil {
		return "", err
	}
	defer console.Close()
	lines, began := make(chan string, 4096), time.Now()
	go func() {
		defer close(lines)
		for r := bufio.NewReader(serial); ; {
			text, err := r.ReadString('\n')
			if err != nil {
				return // what has no end of line was cut off
			}
			text = strings.TrimRight(text, "\r\n")
			fmt.Fprintf(console, "%7.3f %s\n", time.Since(began).Seconds(), text)
			lines <- text
		}
	}()
	said, err = m.watch(run, k, share, lines, func() { _ = qemu.Process.Kill() })
	_ = qemu.Process.Kill()
	for text := range lines {
		_ = m.account.hear(run, text) // it was said before the plug was pulled
	}
	_ = qemu.Wait() // killed
	m.account.sum()
	return said + m.account.said(run), err
}

// watch listens to the guest, and pulls the plug when the time has come.
func (m *machine) watch(run int, k kind, share float64, lines <-chan string, pull func()) (said string, err error) {
	began := time.Now()
	var started time.Time
	var plug <-chan time.Time
	limit := time.NewTimer(m.limit)
	arm := func() {
		most := k.most
		if most == 0 && k.after != "quiet" {
			most = max(m.ready, 2*time.Second)
		}
		plug = time.After(time.Duration(share * float64(most)))
	}
	if k.after == "" {
		arm()
	}
	var console []string
	for {
		select {
		case <-plug:
			pull()
			return fmt.Sprintf("cut after %5.1f s", time.Since(began).Seconds()), nil
		case <-limit.C:
			return "", fmt.Errorf("nothing was heard for %v; the last it said:\n%s", m.limit, strings.Join(console, "\n"))
		case text, ok := <-lines:
			if !ok {
				return "", fmt.Errorf("the machine has ended; the last it said:\n%s", strings.Join(console, "\n"))
			}
			limit.Reset(m.limit)
			console = append(console, text)
			console = console[max(0, len(console)-60):]
			word := m.account.hear(run, text)
			switch word {
			case "FAIL":
				return "", fmt.Errorf("%s; the last it said:\n%s", text, strings.Join(console, "\n"))
			case "start":
				started = time.Now()
			case "ready":
				m.ready = time.Since(started)
			}
			// Whatever is waited for may not come: then idle is as good.
			if plug == nil && (word == k.after || word == "quiet") {
				arm()
			}
		}
	}
}
