// Command apk reads packages as apk does, as far as that can be told from the files: apk FILE…
//
// A package is two tars, each compressed by itself: what is to be known of it, and its files. The first names the hash of the
// second, every file has its own. It prints what is wrong, or what the package holds.
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		if err := check(name); err != nil {
			fmt.Fprintf(os.Stderr, "apk: %s: %v\n", name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// A member is one of the package's tars.
type member struct {
	sum   string // SHA-256 of its compressed bytes
	files map[string][]byte
}

func check(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r := &counting{r: bufio.NewReader(f)}
	var members []member
	for {
		if _, err := r.r.Peek(1); errors.Is(err, io.EOF) {
			break
		}
		m, err := read(r)
		if err != nil {
			return fmt.Errorf("part %d: %w", len(members)+1, err)
		}
		members = append(members, m)
	}
	if len(members) != 2 {
		return fmt.Errorf("%d parts, want control and data", len(members))
	}
	return agree(members[0], members[1])
}

// agree holds what the control says against the data.
func agree(control, data member) error {
	info := map[string][]string{}
	for line := range strings.Lines(string(control.files[".PKGINFO"])) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		if !ok {
			return fmt.Errorf(".PKGINFO: %q", line)
		}
		info[key] = append(info[key], value)
	}
	var faults []error
	for _, key := range []string{"pkgname", "pkgver", "arch", "size", "pkgdesc", "license", "maintainer", "datahash"} {
		if len(info[key]) != 1 {
			faults = append(faults, fmt.Errorf(".PKGINFO has %d times %s", len(info[key]), key))
		}
	}
	if !slices.Equal(info["datahash"], []string{data.sum}) {
		faults = append(faults, fmt.Errorf("datahash is %s, the data's %s", info["datahash"], data.sum))
	}
	for _, script := range []string{".post-install", ".post-upgrade", ".pre-deinstall"} {
		if !strings.HasPrefix(string(control.files[script]), "#!/bin/sh\n") {
			faults = append(faults, errors.New("no "+script))
		}
	}
	for _, file := range []string{"usr/bin/deskbell", "etc/deskbell/deskbell.toml", "usr/share/man/man1/deskbell.1.gz"} {
		if len(data.files[file]) == 0 {
			faults = append(faults, errors.New("no "+file))
		}
	}
	for file := range data.files {
		if strings.Contains(file, "systemd") || strings.Contains(file, "sysusers") {
			faults = append(faults, errors.New(file+": there is no systemd on Alpine"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	fmt.Printf("%s %s %s: %d files, %s bytes\n", info["pkgname"][0], info["pkgver"][0], info["arch"][0], len(data.files), info["size"][0])
	return nil
}

// read reads one tar to the end of its compressed bytes.
func read(r *counting) (member, error) {
	sum := sha256.New()
	r.sum = sum
	z, err := gzip.NewReader(r)
	if err != nil {
		return member{}, err
	}
	z.Multistream(false)
	m := member{files: map[string][]byte{}}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		// The first tar has no end, as the second goes on with it.
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		body, err := io.ReadAll(t)
		if err != nil {
			return m, err
		}
		own := sha1.Sum(body)
		if want, ok := h.PAXRecords["APK-TOOLS.checksum.SHA1"]; want != hex.EncodeToString(own[:]) && (ok || h.Name != ".PKGINFO") {
			return m, fmt.Errorf("%s: checksum %q, want %x", h.Name, want, own)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Mode&0o022 != 0 {
			return m, fmt.Errorf("%s: %d:%d %o", h.Name, h.Uid, h.Gid, h.Mode)
		}
		m.files[h.Name] = body
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		return m, err
	}
	m.sum = hex.EncodeToString(sum.Sum(nil))
	return m, nil
}

// counting hashes what is taken from r. It gives single bytes, so that gzip takes none that is not its own.
type counting struct {
	r   *bufio.Reader
	sum io.Writer
}

func (c *counting) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		_, _ = c.sum.Write([]byte{b})
	}
	return b, err
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	_, _ = c.sum.Write(p[:n])
	return n, err
}
