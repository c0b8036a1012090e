package kernel

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestUserMaps: what a user namespace hides, and what is concluded from an owner's number in it.
func TestUserMaps(t *testing.T) {
	const nobody = 65534
	first := userMap{}
	whole := userMap{ranges: []idRange{{0, 0, allUsers}}, overflow: nobody}
	none := userMap{partial: true, overflow: nobody}
	one := userMap{partial: true, ranges: []idRange{{1000, 1000, 1}}, overflow: nobody}
	root := userMap{partial: true, ranges: []idRange{{0, 1000, 1}}, overflow: nobody}
	container := userMap{partial: true, ranges: []idRange{{0, 1000, 1}, {1, 100000, 65536}}, overflow: nobody}
	keeping := userMap{partial: true, ranges: []idRange{{0, 0, 1}, {1000, 5000, 10}}, overflow: nobody}
	other := userMap{partial: true, ranges: []idRange{{0, 1000, 1}}, overflow: 99}
	for _, c := range []struct {
		title    string
		users    userMap
		uid      uint32 // of the directory above
		dir      string
		outsider bool
		euid     int
		suffix   string
	}{
		{"the first namespace: root", first, 0, "/x", false, 1000, ""},
		{"the first namespace: nobody", first, nobody, defaultRoot, false, 1000, ""},
		{"all are mapped: nobody", whole, nobody, defaultRoot, false, 1000, ""},
		{"all are mapped: root", whole, 0, defaultRoot, false, 1000, ""},
		{"none is mapped", none, nobody, "/x", true, nobody, ""},
		{"one, by its number", one, nobody, "/x", true, 1000, ""},
		{"one, by its number: its own", one, 1000, "/x", false, 1000, ""},
		{"root of its own", root, nobody, "/x", true, 0, "-o1000"},
		{"root of its own: its own", root, 0, "/x", false, 0, ""},
		{"a container", container, nobody, defaultRoot, true, 0, "-o1000"},
		{"a container's nobody, or not", container, nobody, "/x", false, 0, ""},
		{"a container: another user", container, nobody, defaultRoot, true, 33, "-o100032"},
		{"a container: its last user", container, nobody, defaultRoot, true, 65536, "-o165535"},
		{"a container: its own", container, 0, defaultRoot, false, 33, ""},
		{"the host's root is mapped", keeping, 0, "/x", false, 1000, "-o5000"},
		{"the host's root is mapped: root", keeping, 0, "/x", false, 0, ""},
		{"another overflow id", other, 99, "/x", true, 0, "-o1000"},
		{"another overflow id: nobody", other, nobody, "/x", false, 0, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			if got := c.users.outsiders(c.dir, c.uid); got != c.outsider {
				t.Errorf("an outsider's: %v", got)
			}
			if got := c.users.localSuffix(c.dir, &unix.Stat_t{Uid: c.uid}, c.euid); got != c.suffix {
				t.Errorf("the suffix is %q", got)
			}
		})
	}
}
