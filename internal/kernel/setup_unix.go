//go:build unix && !aix

package kernel

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// setupGlobal makes the Global directory, or gives an existing one the right owner, group and mode, with its lock
// files. What does not belong to root there is moved aside, so that a directory somebody planted blocks nobody.
func setupGlobal(group string) (Setup, error) {
	p, err := placeOf(Global)
	if err != nil {
		return Setup{}, err
	}
	s := Setup{Directory: p.dir, Mode: "0755", Group: group}
	if unix.Geteuid() != 0 {
		return s, &Fault{Code: PrivilegeNotHeld, Cause: fmt.Errorf("%s belongs to root", p.dir), Advice: "run this as root"}
	}
	gid, mode := 0, uint32(0o755)
	if group != "" {
		if gid, err = lookupGroup(group); err != nil {
			return s, err
		}
		mode, s.Mode = unix.S_ISGID|0o775, "2775"
	}
	if err := p.moveAside(); err != nil {
		return s, err
	}
	if err := syscall.Mkdir(p.dir, 0o700); err != nil && err != unix.EEXIST {
		return s, advise(p.fault("mkdir", p.dir, err), "%s", rootAdvice())
	}
	if err := unix.Lchown(p.dir, 0, gid); err != nil {
		return s, p.fault("chown", p.dir, err)
	}
	if err := p.repairControls(gid, group != ""); err != nil {
		return s, err
	}
	// The mode last: from here on others may write.
	if err := unix.Chmod(p.dir, mode); err != nil {
		return s, p.fault("chmod", p.dir, err)
	}
	s.Persist = persistLines(p.dir, mode, group)
	return s, p.check()
}

// moveAside renames what stands in the directory's place and is not root's directory.
func (p *place) moveAside() error {
	var st unix.Stat_t
	if err := unix.Lstat(p.dir, &st); err != nil || st.Uid == 0 && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	aside := fmt.Sprintf("%s.foreign-%d", p.dir, os.Getpid())
	if err := unix.Rename(p.dir, aside); err != nil {
		return p.fault("rename", p.dir, err)
	}
	return nil
}

// repairControls makes the lock files, or gives them the directory's group. Somebody else's are replaced: in a
// directory that a group may write, a member can have put one there.
func (p *place) repairControls(gid int, shared bool) error {
	mode := uint32(0o600)
	if shared {
		mode = 0o660
	}
	for _, name := range p.controlFiles() {
		path := p.dir + "/" + name
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err == nil && (st.Uid != 0 || st.Mode&unix.S_IFMT != unix.S_IFREG) {
			if err := unix.Unlink(path); err != nil {
				return p.fault("unlink", path, err)
			}
		}
		fd, err := openPath(path, unix.O_RDWR|unix.O_CREAT|entryFlags, 0o600)
		if err != nil {
			return p.fault("open", path, err)
		}
		err = unix.Fchown(fd, 0, gid)
		if err == nil {
			err = unix.Fchmod(fd, mode)
		}
		unix.Close(fd)
		if err != nil {
			return p.fault("chmod", path, err)
		}
	}
	return nil
}

// persistLines is what makes the directory again at every boot: /dev/shm is empty then.
func persistLines(dir string, mode uint32, group string) []string {
	if group == "" {
		group = "root"
	}
	lines := []string{
		"/etc/tmpfiles.d/namedshm.conf",
		fmt.Sprintf("d %s %04o root %s -", dir, mode, group),
	}
	control := "0600"
	if mode&0o020 != 0 {
		control = "0660"
	}
	p, err := placeOf(Global)
	if err != nil {
		return lines
	}
	for _, name := range p.controlFiles() {
		lines = append(lines, fmt.Sprintf("f %s/%s %s root %s -", dir, name, control, group))
	}
	return lines
}
