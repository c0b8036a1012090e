package kernel

import (
	"context"
	"os"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// adoptSection needs no more of the protocol than a door that leads to the file. An opener compares device, inode and
// size while somebody holds the object, so while the inode is in use and cannot be another file's. But openers cannot
// search all of /proc for such memory when every door on record is gone, because it does not carry the object's token
// as its name.
func adoptSection(ctx context.Context, name Name, file *os.File, size int64, access Access) (*handle, error) {
	if name.Namespace == Global {
		return nil, fault.Advise(fault.Fail(fault.NotSupported,
			"a Global section is a System V segment, and cannot be made of a file"), "give it a Local name")
	}
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, err
	}
	if !p.backing.nature().byDescriptor {
		return nil, fault.Fail(fault.NotSupported, "sections are kept in files here ("+BackingVariable+")")
	}
	protection, mode := PageReadOnly, unix.O_RDONLY
	if access&Write != 0 {
		protection, mode = PageReadWrite, unix.O_RDWR
	}
	m := &making{
		Spec:   Spec{Size: roundToPages(size), Protection: protection},
		access: access | Read, kind: KindSection,
	}
	if err := m.Spec.check(m.access); err != nil {
		return nil, err
	}
	m.adopt = func(h *header) (memory, error) {
		fd, err := adoptDescriptor(file, mode)
		if err != nil {
			return nil, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			closeFile(descriptorOf(fd))
			return nil, memfdFault("fstat", err)
		}
		if st.Size < size || name.Namespace != Unnamed && st.Size != m.Size {
			closeFile(descriptorOf(fd))
			return nil, fault.Fail(fault.InvalidParameter, "the file has %d bytes, the section %d", st.Size, m.Size)
		}
		h.identity = [3]uint64{uint64(st.Dev), st.Ino}
		return &userFile{file: descriptorOf(fd), mode: mode}, nil
	}
	h, _, err := createObject(ctx, name, m, MustBeNew)
	return h, err
}

// adoptDescriptor returns a descriptor of the file with exactly this access: what may not be written must not be
// writable.
func adoptDescriptor(file *os.File, mode int) (fd int, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(theirs uintptr) {
		var st unix.Stat_t
		if !keptFiles.none() && unix.Fstat(int(theirs), &st) == nil {
			if fd = keptFiles.take(uint64(st.Dev), st.Ino, mode); fd >= 0 {
				return
			}
		}
		fd, err = openPath(selfDescriptor(int(theirs)), mode|unix.O_CLOEXEC, 0)
	})
	if controlErr != nil {
		return -1, controlErr
	}
	if err != nil {
		return -1, memfdFault("open", err)
	}
	setMark(fd)
	return fd, nil
}

// memoryOf returns a descriptor of the memory with the handle's own access.
func memoryOf(h *handle) (*os.File, error) {
	if h.mem.descriptor() < 0 {
		return nil, fault.Advise(fault.Fail(fault.NotSupported, "a System V segment has no descriptor"),
			"use a Local section")
	}
	if !h.mem.ours() {
		return nil, errLost
	}
	fd, err := unix.FcntlInt(uintptr(h.mem.descriptor()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, memfdFault("dup", err)
	}
	return os.NewFile(uintptr(fd), "section"), nil
}
