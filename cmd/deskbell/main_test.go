package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary answer as the program too, when it is called
// by the name deskbell.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"deskbell": main})
}
