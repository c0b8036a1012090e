package kernel

import (
	"context"
	"os"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// TestWhoMayRenameTheDirectory: nothing is made where others can replace our directory.
func TestWhoMayRenameTheDirectory(t *testing.T) {
	for _, c := range []struct {
		mode  uint32
		owner int
		right bool
	}{
		{0o755, 0, true},
		{0o700, 0, true},
		{0o1777, 0, true},
		{0o1775, 0, true},
		{0o777, 0, false},
		{0o775, 0, false},
		{0o757, 0, false},
		{0o2777, 0, false},
		{0o755, 64101, false},
		{0o1777, 64101, false},
	} {
		if c.owner != 0 && os.Geteuid() != 0 {
			continue
		}
		ownRoot(t)
		if c.owner != 0 {
			if err := os.Chown(root(), c.owner, -1); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Chmod(root(), c.mode); err != nil {
			t.Fatal(err)
		}
		s, _, err := CreateSection(context.Background(), `Local\Object`, Spec{Size: pageSize, Protection: PageReadWrite},
			Read, MustBeNew)
		if c.right && err != nil || !c.right && fault.CodeOf(err) != fault.AccessDenied {
			t.Errorf("in a directory of user %d with mode %04o: %v", c.owner, c.mode, err)
		}
		if err == nil {
			s.Close()
		}
	}
}
