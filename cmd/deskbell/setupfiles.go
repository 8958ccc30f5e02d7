package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kardianos/service"

	"deskbell/systemd"
)

// write puts everything into its place, each file as a whole, in an order that
// may end anywhere: secrets that nothing names yet, then what passes them to the
// service, and the configuration last.
func (s *setup) write(ctx context.Context, doc []byte) error {
	c := s.console
	if err := makeFolder(filepath.Dir(s.file)); err != nil {
		return err
	}
	if s.onSystemd() || !s.noService && service.Platform() == onOpenRC { // so that there is a group to own the configuration
		if err := systemd.EnsureUser(ctx); err != nil {
			return err
		}
	}
	secret := groups(0o640)
	if s.onSystemd() {
		secret = owner{mode: 0o600, uid: os.Getuid(), gid: os.Getgid()}
	}
	for _, name := range slices.Sorted(maps.Keys(s.secret)) {
		what := "password"
		if name == s.report.TokenFile {
			what = "token"
		}
		now, err := os.ReadFile(name)
		if err == nil && bytes.Equal(now, s.secret[name]) {
			c.done(what, name+", as before")
			continue
		}
		if err := putFile(name, s.secret[name], secret); err != nil {
			return fmt.Errorf("write the secret: %w", err)
		}
		c.done(what, name+", new")
	}
	if err := s.writeDropIn(doc); err != nil {
		return err
	}
	if bytes.Equal(doc, s.before) {
		c.done("configuration", s.file+", as before")
		return nil
	}
	as, said := groups(0o640), ""
	if info, err := os.Stat(s.file); err == nil {
		as = ownerOf(info)
		if err := putFile(s.file+".bak", s.before, as); err != nil {
			return fmt.Errorf("keep the configuration: %w", err)
		}
		said = "; the one before is " + filepath.Base(s.file) + ".bak"
	}
	if err := putFile(s.file, doc, as); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	s.report.Changed = true
	c.done("configuration", s.file+said)
	return nil
}

// writeDropIn has systemd pass the secrets to the service, those whose files
// there are.
func (s *setup) writeDropIn(doc []byte) error {
	if !s.onSystemd() {
		return nil
	}
	files := secretFiles(doc)
	maps.DeleteFunc(files, func(_, name string) bool { _, err := os.Stat(name); return err != nil })
	text := systemd.Credentials(files)
	now, err := os.ReadFile(systemd.DropIn)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the credentials: %w", err)
	case string(now) == text:
		return nil
	case err == nil && !strings.HasPrefix(string(now), systemd.Marker) && !s.force:
		return failed(fmt.Errorf("%s was written by hand", systemd.DropIn), "move it to another name, or add --force")
	case text == "":
		return os.Remove(systemd.DropIn)
	}
	if err := makeFolder(filepath.Dir(systemd.DropIn)); err != nil {
		return err
	}
	if err := putFile(systemd.DropIn, []byte(text), owner{mode: 0o644, uid: os.Getuid(), gid: os.Getgid()}); err != nil {
		return fmt.Errorf("write the credentials: %w", err)
	}
	s.console.done("credentials", systemd.DropIn)
	return nil
}

// owner is whom a file belongs to, and who may do what with it.
type owner struct {
	mode     fs.FileMode
	uid, gid int
}

// groups is for files that the service's group may read, where there is one and
// this is root; else they are for this user alone.
func groups(mode fs.FileMode) owner {
	as := owner{mode & 0o700, os.Getuid(), os.Getgid()}
	g, err := user.LookupGroup(systemd.Name)
	if err != nil || os.Getuid() != 0 {
		return as
	}
	if gid, err := strconv.Atoi(g.Gid); err == nil {
		as.mode, as.gid = mode, gid
	}
	return as
}

// makeFolder makes a folder that the service may enter, whatever the umask of
// who runs this. One that is there stays as it is.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if above := filepath.Dir(dir); above != dir {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// mayMake says whether files can be made in a folder, which may have to be made
// itself.
func mayMake(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		f, err := os.CreateTemp(dir, ".deskbell-*")
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
			continue
		}
		if err != nil {
			return fmt.Errorf("write into %s: %w", dir, errors.Unwrap(err))
		}
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
}

// putFile makes name a file of this content, at once and durably: there is never
// half of it, nor one that others may read meanwhile.
func putFile(name string, content []byte, as owner) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".deskbell-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if as.uid >= 0 && os.Getuid() == 0 {
		err = errors.Join(err, f.Chown(as.uid, as.gid))
	}
	// After Chown, which may take bits away.
	if err = errors.Join(err, f.Chmod(as.mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(name)); err == nil {
		_ = dir.Sync() // not every file system can
		_ = dir.Close()
	}
	return nil
}
