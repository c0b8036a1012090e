package kernel

import "golang.org/x/sys/unix"

// giveMode gives a directory that was just made the mode bits that the umask took away. One of them may be the right to
// open it. Another user's directory is left alone: then a process of ours has removed ours, and a stranger has put
// another in its place.
func giveMode(parent int, name string, mode uint32) error {
	fd, err := openAt(parent, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&0o777 == mode || int(st.Uid) != unix.Geteuid() {
		return err
	}
	return uninterrupted(func() error { return unix.Chmod(selfDescriptor(fd), mode) })
}

// exchange swaps two names of a directory, whatever they lead to.
func exchange(parent int, a, b string) error {
	return uninterrupted(func() error { return unix.Renameat2(parent, a, parent, b, unix.RENAME_EXCHANGE) })
}

// takeMountAway unmounts what a user has mounted at a name, because that cannot be moved. Users can mount only FUSE
// file systems; what root mounted stays. The user may unmount it at the same moment: then there is nothing to do.
func takeMountAway(parent int, name string) error {
	fd, err := openAt(parent, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	above, told := mountOf(parent)
	here, toldHere := mountOf(fd) // fstatfs would ask the user's program
	unix.Close(fd)
	switch {
	case told && toldHere && above == here:
		return nil
	case !toldHere || !isFuse(here):
		return unix.EBUSY
	}
	err = unix.Unmount(selfDescriptor(parent)+"/"+name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == unix.EINVAL { // nothing is mounted there any more
		return nil
	}
	return err
}
