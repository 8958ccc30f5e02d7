package process

import (
	"os"
	"testing"
	"time"
)

// TestOwnFigures reads those of this process.
func TestOwnFigures(t *testing.T) {
	if used, err := CPU(os.Getpid()); err != nil || used < 0 || used > time.Hour {
		t.Errorf("cpu: %v, %v", used, err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all, mapped, err := Memory(os.Getpid(), program)
	if err != nil || mapped == 0 || all <= mapped {
		t.Errorf("memory: %d, %d of it mapped from %s, %v", all, mapped, program, err)
	}
	if _, none, err := Memory(os.Getpid(), "deskbell.db"); none != 0 || err != nil {
		t.Errorf("%d bytes of no file, %v", none, err)
	}
}
