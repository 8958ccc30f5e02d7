package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// console talks with a person, or tells what happens where there is none.
type console struct {
	out         io.Writer
	interactive bool // somebody can be asked
	dressed     bool // colours, and a line that moves while something is waited for

	in      *bufio.Reader
	fd      int
	pending chan typed // a line that somebody has been asked for, or nil
	moving  int        // how often the moving line was drawn; 0: it is not there
}

// typed is one line of somebody, or why there is none.
type typed struct {
	text string
	err  error
}

// newConsole looks whether in and out are terminals.
func newConsole(in io.Reader, out io.Writer) *console {
	c := &console{out: out, in: bufio.NewReader(in)}
	f, isFile := in.(*os.File)
	if o, ok := out.(output); ok {
		out = o.w
	}
	if to, ok := out.(*os.File); ok && isFile && term.IsTerminal(int(to.Fd())) && term.IsTerminal(int(f.Fd())) {
		c.fd, c.interactive = int(f.Fd()), true
		c.dressed = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
	}
	return c
}

func (c *console) dress(code, text string) string {
	if !c.dressed || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (c *console) bold(text string) string { return c.dress("1", text) }
func (c *console) dim(text string) string  { return c.dress("2", text) }

// say prints a line.
func (c *console) say(format string, args ...any) {
	c.rest()
	fmt.Fprintf(c.out, strings.TrimRight(format, " ")+"\n", args...)
}

func (c *console) head(text string) {
	if c.interactive {
		c.say("\n%s", c.bold(text))
	}
}

func (c *console) done(what, text string) { c.say("%s %s", c.dress("32", "✓"), labelled(what, text)) }
func (c *console) warn(what, text string) { c.say("%s %s", c.dress("33", "!"), labelled(what, text)) }
func (c *console) bad(text string)        { c.say("%s %s", c.dress("31", "✗"), text) }
func (c *console) step(text string)       { c.say("%s %s", c.dim("·"), text) }

func labelled(what, text string) string {
	if what == "" {
		return text
	}
	return fmt.Sprintf("%-14s %s", what, text)
}

func (c *console) hint(text string) { c.say("     %s", c.dim(text)) }

// keys is text, where keys can be pressed.
func (c *console) keys(text string) string {
	if !c.interactive {
		return ""
	}
	return c.dim(text)
}

// question begins a question.
func (c *console) question(n int, text string) {
	c.say("\n  %s  %s", c.bold(strconv.Itoa(n)), c.bold(text))
}

func (c *console) choice(n int, text, more string) {
	if more != "" {
		more = "  " + c.dim(more)
	}
	c.say("     %d  %s%s", n, text, more)
}

// spinner is what moves while something is waited for.
var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// working shows that something is waited for, where that can be taken away
// again.
func (c *console) working(what string) {
	if c.dressed {
		fmt.Fprintf(c.out, "\r\x1b[K%s %s", c.dress("36", string(spinner[c.moving%len(spinner)])), c.dim(what+" …"))
		c.moving++
	}
}

// rest takes that line away.
func (c *console) rest() {
	if c.moving > 0 {
		fmt.Fprint(c.out, "\r\x1b[K")
		c.moving = 0
	}
}

// typed returns the next line that somebody types, until ctx ends. One that is
// not waited for any more is kept for the next call.
func (c *console) typed(ctx context.Context) (string, bool) {
	text, err := c.read(ctx)
	return text, err == nil
}

func (c *console) read(ctx context.Context) (string, error) {
	if !c.interactive {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if c.pending == nil {
		asked := make(chan typed, 1)
		// A read of a terminal cannot be stopped: it ends with the process.
		go func() {
			text, err := c.in.ReadString('\n')
			asked <- typed{strings.TrimRight(text, "\r\n"), err}
		}()
		c.pending = asked
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case t := <-c.pending:
		c.pending = nil
		return t.text, t.err
	}
}

// prompt reads an answer. The end of the input, as by ctrl-D, is the wish to
// stop.
func (c *console) prompt(ctx context.Context, text string) (string, error) {
	c.rest()
	fmt.Fprint(c.out, text)
	answer, err := c.read(ctx)
	if err != nil {
		fmt.Fprintln(c.out)
	}
	if errors.Is(err, io.EOF) {
		err = context.Canceled
	}
	return strings.TrimSpace(answer), err
}

// line asks for a line that is right; Enter alone takes shown, of which missing
// is told where it is empty.
func (c *console) line(ctx context.Context, what, shown, missing string, right func(string) error) (string, error) {
	told := shown
	if told == "" {
		told = missing
	}
	if what != "" {
		what += " "
	}
	for {
		answer, err := c.prompt(ctx, fmt.Sprintf("     %s%s %s ", what, c.dim("["+told+"]"), c.dress("36", "›")))
		if err != nil || answer == "" {
			return shown, err
		}
		if err := right(answer); err != nil {
			c.say("     %s %s", c.dress("31", "✗"), err)
			continue
		}
		return answer, nil
	}
}

// pick asks for one of n.
func (c *console) pick(ctx context.Context, shown, n int) (int, error) {
	answer, err := c.line(ctx, "", strconv.Itoa(shown), "", func(text string) error {
		if i, err := strconv.Atoi(text); err != nil || i < 1 || i > n {
			return fmt.Errorf("write a number from 1 to %d", n)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(answer)
}

// yesNo asks.
func (c *console) yesNo(ctx context.Context, text string, shown bool) (bool, error) {
	choice := "[y/N]"
	if shown {
		choice = "[Y/n]"
	}
	for {
		answer, err := c.prompt(ctx, fmt.Sprintf("%s %s %s ", text, c.dim(choice), c.dress("36", "›")))
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "":
			return shown, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		c.bad("write y or n")
	}
}

// password asks for something that is not shown.
func (c *console) password(ctx context.Context, what string) ([]byte, error) {
	c.rest()
	fmt.Fprintf(c.out, "     %s %s ", what, c.dress("36", "›"))
	before, err := term.GetState(c.fd)
	if err != nil {
		return nil, err
	}
	type result struct {
		text []byte
		err  error
	}
	asked := make(chan result, 1)
	go func() {
		text, err := term.ReadPassword(c.fd)
		asked <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(c.out)
		return nil, errors.Join(ctx.Err(), term.Restore(c.fd, before))
	case r := <-asked:
		fmt.Fprintln(c.out)
		if errors.Is(r.err, io.EOF) || r.err == nil && len(r.text) == 0 {
			return nil, context.Canceled
		}
		return r.text, r.err
	}
}
