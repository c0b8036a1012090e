//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// This file judges owners: whose a file is, as far as this process can tell. docs/design.md gives the reasons.
//
// A user namespace shows every user that it does not map as one number, the overflow id, and few namespaces map the
// host's root. Such a user is called an outsider here. No process of this namespace can become an outsider or has a
// capability over an outsider's files, so an outsider's sticky directory protects from all of them as root's does on
// the host. But outsiders cannot be told apart, so for what must be root's the owner's number is not enough: see
// vouched.

// userMap is how this process's user namespace shows the users of the machine. The zero value shows each user by its
// own number.
type userMap struct {
	partial  bool // there are users that it does not map
	ranges   []idRange
	overflow uint32 // the number shown for those
}

// idRange is count users, with the first number in here and in the namespace around this one.
type idRange struct{ inside, outside, count uint32 }

// allUsers is how many user ids there are: the last number, -1, is not one.
const allUsers = 1<<32 - 1

// outside returns a user's number in the namespace around this one; false if it is not mapped.
func (m *userMap) outside(uid uint32) (uint32, bool) {
	if !m.partial && m.ranges == nil {
		return uid, true
	}
	for _, r := range m.ranges {
		if uid >= r.inside && uid-r.inside < r.count {
			return r.outside + (uid - r.inside), true
		}
	}
	return 0, false
}

// mayHide reports whether the owner of a file may be an outsider.
func (m *userMap) mayHide(uid uint32) bool { return m.partial && uid == m.overflow }

// hides reports whether the owner certainly is one: no user of this namespace has the overflow id.
func (m *userMap) hides(uid uint32) bool {
	_, mapped := m.outside(uid)
	return m.mayHide(uid) && !mapped
}

// outsiders reports whether the directory that holds the namespaces' directories belongs to an outsider. If a user of
// this namespace has the overflow id too, as in most containers, that user's directory looks the same, and its owner
// could rename what is in it. The system's own directory cannot be that user's: whoever made this mount namespace put
// it there.
func (m *userMap) outsiders(dir string, uid uint32) bool {
	return m.hides(uid) || m.mayHide(uid) && dir == defaultRoot
}

// isOurs reports whether a file belongs to this process's user.
func (p *place) isOurs(uid uint32) bool { return int(uid) == p.euid }

// isRoots reports whether a file belongs to the root that is responsible for Global names here: the owner of the
// directory above. If that is an outsider, the file may still belong to a different outsider.
func (p *place) isRoots(uid uint32) bool {
	if p.outer {
		return p.users.mayHide(uid)
	}
	return uid == 0
}

// byRoot reports whether this process runs as that root. Root of a user namespace that uses the host's directory is not
// that root.
func (p *place) byRoot() bool { return p.euid == 0 && !p.outer }

// protects reports whether a directory keeps what is ours in it from others: it belongs to root, to us, or to an
// outsider, and others who may write it can neither rename nor remove what they have not made.
func (p *place) protects(dir string, st *unix.Stat_t) bool {
	// A directory that only its owner may use, and we can, is ours. Anything else may belong to an outsider with the
	// same number.
	ours := p.isOurs(st.Uid) && (!p.users.mayHide(st.Uid) || st.Mode&0o077 == 0)
	trusted := st.Uid == 0 || ours || p.users.outsiders(dir, st.Uid)
	return trusted && (st.Mode&0o022 == 0 || st.Mode&unix.S_ISVTX != 0)
}
