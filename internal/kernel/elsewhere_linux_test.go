package kernel

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLookElsewhereIsBounded: in a directory that everybody may write, no more than a bound is looked at, and the rest
// is reported.
func TestLookElsewhereIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if err := os.Mkdir(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for most, told := range map[int]bool{0: true, 4: true, 5: false, mostBeside: false} {
		fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := &distantSweep{parent: fd}
		seen := 0
		s.sweep(most, func(string) { seen++ })
		if seen > most || seen != min(most, 5) {
			t.Errorf("of at most %d, %d were looked at", most, seen)
		}
		if left := len(s.found) == 1 && strings.Contains(s.found[0].Err.Error(), "run it again for the rest"); left != told {
			t.Errorf("with a bound of %d it says %+v", most, s.found)
		}
	}
}

// TestSweepBesideJudgesFirst: what is in a directory where others could put anything is left alone.
func TestSweepBesideJudgesFirst(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has what it takes")
	}
	for mode, swept := range map[os.FileMode]bool{0o777: false, 0o777 | os.ModeSticky: true, 0o755: true} {
		above := t.TempDir()
		t.Setenv(RootVariable, above)
		p, err := placeOf(Global)
		if err != nil {
			t.Fatal(err)
		}
		dead := above + "/" + p.besideName() + "dead"
		if err := os.Mkdir(dead, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(above, mode); err != nil {
			t.Fatal(err)
		}
		p.sweepBeside()
		if _, err := os.Stat(dead); os.IsNotExist(err) != swept {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}
