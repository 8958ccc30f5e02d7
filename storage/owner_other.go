//go:build !unix

package storage

// sameOwner has nothing to do where the folder says who may use its files.
func sameOwner(_, _ string) error { return nil }
