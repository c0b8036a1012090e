package kernel

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWhoseEntriesCount: in a Global directory an entry is root's, or belongs to a member of the group that may write
// there.
func TestWhoseEntriesCount(t *testing.T) {
	const member, group, stranger = 64101, 64110, 64102
	for _, c := range []struct {
		name         string
		group        string // that the directory is for
		owner, of    int    // the entry's
		mode         uint32
		right        bool
		replacedMode uint32 // of the directory; 0 as it was set up
	}{
		{"root's", "", 0, 0, unix.S_IFREG | 0o644, true, 0},
		{"root's, for a group", "", 0, group, unix.S_IFREG | 0o640, true, 0},
		{"a stranger's, in root's directory", "", stranger, 0, unix.S_IFREG | 0o644, false, 0},
		{"a stranger's of another group", "", stranger, stranger, unix.S_IFREG | 0o644, false, 0},
		{"a member's", strconv.Itoa(group), member, group, unix.S_IFREG | 0o640, true, 0},
		{"a member's of another group", strconv.Itoa(group), member, stranger, unix.S_IFREG | 0o640, false, 0},
		{"a member's, whose group may not write any more", strconv.Itoa(group), member, group, unix.S_IFREG | 0o640, false,
			0o2755},
		{"a member's pipe", strconv.Itoa(group), member, group, unix.S_IFIFO | 0o640, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			globalRoot(t)
			needNative(t)
			p, err := placeOf(Global)
			if err != nil {
				t.Fatal(err)
			}
			if c.group != "" {
				_, err = SetupGlobal(c.group)
			}
			if err == nil {
				err = p.ensure()
			}
			if err == nil && c.replacedMode != 0 {
				err = unix.Chmod(p.dir, c.replacedMode)
			}
			if err != nil {
				t.Fatal(err)
			}
			e := &entry{place: p, file: "Object", owner: uint32(c.owner), group: uint32(c.of), mode: c.mode}
			if why := p.permitted(e); (why == "") != c.right {
				t.Errorf("permitted says %q", why)
			}
		})
	}
}
