package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	damagedName = fileName + ".damaged-" // and a number
	keepDamaged = 3
)

// takeOver puts deskbell.db.new, which must be durable, in the place of
// deskbell.db. With keep the old file stays as one of the newest three damaged
// ones, and aside is its path. After an error deskbell.db is what it was, unless
// renamed: then it is the new one, but perhaps not after a power cut.
//
// A crash at any moment leaves a whole store under the name, the old one or the
// new one, or a state that finish completes.
func takeOver(dir string, keep bool) (aside string, renamed bool, err error) {
	path, fresh := filepath.Join(dir, fileName), filepath.Join(dir, newName)
	if err := sameOwner(path, fresh); err != nil {
		return "", false, err
	}
	if keep {
		if aside, err = setAside(dir); err != nil {
			return "", false, err
		}
		if err := syncFolder(dir); err != nil {
			return aside, false, err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return aside, false, err
	}
	if err := syncFolder(dir); err != nil {
		return aside, true, err
	}
	return aside, true, prune(dir)
}

// setAside gives deskbell.db a name as a damaged file, beside its own one. Where
// that cannot be, as on FAT, it loses its own one.
func setAside(dir string) (aside string, err error) {
	path := filepath.Join(dir, fileName)
	numbers, err := damagedFiles(dir)
	if err != nil {
		return "", err
	}
	next := 1
	if n := len(numbers); n > 0 {
		next = numbers[n-1] + 1
		if sameFile(path, damagedPath(dir, numbers[n-1])) {
			return damagedPath(dir, numbers[n-1]), nil // a start before this one came no further
		}
	}
	aside = damagedPath(dir, next)
	if err := os.Link(path, aside); err != nil {
		if fullDisk(err) {
			return "", err
		}
		return aside, os.Rename(path, aside)
	}
	return aside, nil
}

// finish completes what was cut off: no deskbell.db, for it was set aside, and
// what was saved of it is there.
func finish(dir string) error {
	path, fresh := filepath.Join(dir, fileName), filepath.Join(dir, newName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if numbers, err := damagedFiles(dir); err != nil || len(numbers) == 0 {
		return err
	}
	p, err := openPager(fresh)
	if err != nil {
		return nil // nothing was saved
	}
	metas, faults := p.metas()
	whole := len(faults) == 0 && p.peek(metas[0].root).format > 0
	if err := p.file.Close(); err != nil || !whole {
		return err
	}
	return errors.Join(os.Rename(fresh, path), syncFolder(dir))
}

func damagedPath(dir string, number int) string {
	return filepath.Join(dir, damagedName+strconv.Itoa(number))
}

// damagedFiles lists the numbers of the stores that were moved aside, the
// oldest first.
func damagedFiles(dir string) ([]int, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, f := range files {
		number, ok := strings.CutPrefix(f.Name(), damagedName)
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// prune removes all damaged files but the newest three.
func prune(dir string) error {
	numbers, err := damagedFiles(dir)
	if err != nil {
		return err
	}
	for _, n := range numbers[:max(0, len(numbers)-keepDamaged)] {
		if err := os.Remove(damagedPath(dir, n)); err != nil {
			return err
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
