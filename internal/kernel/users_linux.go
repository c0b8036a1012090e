package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// defaultOverflow is the overflow id of a kernel that was given no other.
const defaultOverflow = 65534

// usersOf returns how this process's user namespace shows the users of the machine.
func usersOf(namespace string) (userMap, error) {
	if namespace == initialUserNamespace {
		return userMap{}, nil
	}
	text, err := contents("/proc/self/uid_map")
	if text == nil { // a kernel without user namespaces
		return userMap{}, err
	}
	m := userMap{partial: true, overflow: defaultOverflow}
	mapped := uint64(0)
	for line := range bytes.Lines(text) {
		var r idRange
		if n, _ := fmt.Sscan(string(line), &r.inside, &r.outside, &r.count); n == 3 {
			m.ranges = append(m.ranges, r)
			mapped += uint64(r.count)
		}
	}
	m.partial = mapped < allUsers
	if text, err = contents("/proc/sys/kernel/overflowuid"); err != nil {
		return userMap{}, err
	}
	if id, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32); err == nil {
		m.overflow = uint32(id)
	}
	return m, nil
}

// seenBy sets how the users of the machine look to this process, and to whom the directory above belongs.
func (p *place) seenBy(users userMap, parent *unix.Stat_t) *place {
	p.users, p.outer = users, users.outsiders(filepath.Dir(p.dir), parent.Uid)
	return p
}

// localSuffix distinguishes a user's Local directory from those of strangers with the same number in user namespaces of
// their own: it is the user's number outside, if that differs. The kernel reuses the numbers of namespaces, but outside
// nobody can be another user. There is no suffix in a directory that belongs to this namespace alone: no stranger gets
// there, and processes of older versions use the same name.
func (m *userMap) localSuffix(dir string, parent *unix.Stat_t, euid int) string {
	if above, mapped := m.outside(parent.Uid); !m.outsiders(dir, parent.Uid) && !(mapped && above == 0) {
		return ""
	}
	if own, mapped := m.outside(uint32(euid)); mapped && own != uint32(euid) {
		return "-o" + strconv.FormatUint(uint64(own), 10)
	}
	return ""
}

// opensTo reports whether this process may open an open directory again, to read it. If it may not, and the mode is
// 0700, the directory is not its user's, whatever the owner looks like. It tries an open: faccessat2 may be forbidden,
// and its replacement only compares the numbers.
func opensTo(fd int) bool {
	again, err := openAt(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(again)
	return true
}

// A Global directory carries a sign that root has made it: a file capability that grants nothing. The kernel shows such
// a capability unchanged only in user namespaces in which its maker is root, and in those below them; nobody else can
// make one that looks the same, and others cannot move a directory out of a sticky one. In a user namespace that does
// not map the host's root the sign distinguishes root's directory from a stranger's, whose owner looks the same.
const vouchAttribute = "security.capability"

// voucher is the attribute's value: revision 2, and no capability.
func voucher() []byte { return binary.LittleEndian.AppendUint32(nil, 0x02000000) }

const voucherLen = 20

// vouch puts the sign on a directory. If that fails, user namespaces below this one will not use the directory; nothing
// else is wrong with it.
func vouch(fd int) error {
	if vouched(fd) {
		return nil
	}
	return unix.Setxattr(selfDescriptor(fd), vouchAttribute, append(voucher(), make([]byte, voucherLen-4)...), 0)
}

// unsigned returns why a directory of root's has no sign; "" if it has one. This process runs as root.
func (p *place) unsigned(fd int) string {
	err := vouch(fd)
	if err == nil {
		return ""
	}
	why := "it requires the capability CAP_SETFCAP"
	switch err {
	case unix.EOPNOTSUPP:
		why = "the file system does not support security attributes"
	case unix.ENOSPC, unix.EDQUOT, unix.ENOMEM:
		why = "free some space or inodes in " + root()
	case unix.ENOSYS:
		why = filterAdvice("setxattr", err)
	case unix.EPERM:
		why += ", and no filter (seccomp) that forbids the call"
	}
	return fmt.Sprintf("sandboxes with user namespaces of their own refuse %s, because root's sign cannot be put on it "+
		"(setxattr %s: %v): %s",
		p.dir, vouchAttribute, err, why)
}

// vouched reports whether a directory has the sign, of this namespace's root or of one around it.
func vouched(fd int) bool {
	var value [64]byte
	n, err := unix.Getxattr(selfDescriptor(fd), vouchAttribute, value[:])
	return err == nil && n == voucherLen && bytes.HasPrefix(value[:], voucher())
}
