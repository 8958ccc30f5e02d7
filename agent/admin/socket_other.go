//go:build !linux

package admin

// shortPath returns path: only Linux has a way to a folder that is shorter.
func shortPath(path string) (short string, release func(), err error) {
	return path, func() {}, nil
}
