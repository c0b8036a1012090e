//go:build unix && !aix

package kernel

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// A section over a file is an entry like any other whose memory is a descriptor of the user's file. The door is the
// same, a holder's descriptor; device and inode identify what it must lead to. The library never removes the file or
// makes it shorter, and is not responsible for what others do to it.

// overFile, in the attributes of a section, says that its memory is a file. It is Windows' SEC_FILE.
const overFile = 0x00800000

// overFile reports an entry whose memory is a user's file.
func (e *entry) overFile() bool { return e.kind == KindSection && e.attributes&overFile != 0 }

// backingName is what users are shown as the memory's backing.
func (e *entry) backingName() string {
	if e.overFile() {
		return "user file"
	}
	return e.backing.String()
}

// OpenFile opens or makes a file, which must not be a directory. flags are those of os.OpenFile.
func OpenFile(path string, flags int, readable, writable bool) (*File, error) {
	fd, err := openKept(path, flags)
	if fd < 0 {
		fd, err = openPath(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0o666)
		setMark(fd) // a kept descriptor may belong to the program's own open file
	}
	switch {
	case err == unix.ENOENT:
		if _, parentErr := os.Stat(filepath.Dir(path)); parentErr != nil {
			return nil, &fault.Fault{Code: fault.PathNotFound, Cause: err}
		}
		return nil, &fault.Fault{Code: fault.FileNotFound, Cause: err}
	case err == unix.ENOTDIR:
		return nil, &fault.Fault{Code: fault.PathNotFound, Cause: err}
	case err == unix.EISDIR, err == unix.ETXTBSY:
		return nil, &fault.Fault{Code: fault.AccessDenied, Cause: err}
	case err == unix.EEXIST:
		return nil, &fault.Fault{Code: fault.FileExists, Cause: err}
	case err == unix.ENAMETOOLONG:
		return nil, &fault.Fault{Code: fault.FilenameTooLong, Cause: err}
	case err != nil:
		return nil, &fault.Fault{Code: codeOfErrno(err), Cause: err}
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		unix.Close(fd)
		return nil, &fault.Fault{Code: fault.AccessDenied, Cause: unix.EISDIR}
	}
	return &File{descriptor: descriptorOf(fd), readable: readable, writable: writable}, nil
}

// FileOf returns a File for a descriptor, of which it makes a duplicate. It fails with InvalidHandle for a number that
// is not a descriptor, or not a file's.
func FileOf(descriptor uintptr) (*File, error) {
	fd, err := anotherDescriptor(int(descriptor))
	if err != nil {
		code := fault.InvalidHandle
		if err != unix.EBADF && err != unix.EINVAL {
			code = codeOfErrno(err)
		}
		return nil, &fault.Fault{Code: code, Cause: err}
	}
	d := descriptorOf(fd)
	if d.mode < 0 {
		closeFile(d)
		return nil, &fault.Fault{Code: fault.InvalidHandle, Cause: unix.EBADF}
	}
	return &File{descriptor: d, readable: d.mode != unix.O_WRONLY, writable: d.mode != unix.O_RDONLY}, nil
}

// Rights reports what the file is open for.
func (f *File) Rights() (readable, writable bool) { return f.readable, f.writable }

// Stat returns the file's size, and its type as the S_IFMT bits of its mode.
func (f *File) Stat() (size int64, kind uint32, err error) {
	if !f.uses.Enter() {
		return 0, 0, closedHandle()
	}
	defer f.leave()
	if !f.descriptor.ours() {
		return 0, 0, errLost
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.descriptor.fd, &st); err != nil {
		return 0, 0, &fault.Fault{Code: codeOfErrno(err), Cause: err}
	}
	return st.Size, uint32(st.Mode) & unix.S_IFMT, nil
}

// Unlink removes the file's name. It looks for it at path and, if the system tells, where the file was moved to.
// Anything else there is left alone, except what takes its place between the look and the removal: no system removes a
// name by the file that it leads to.
func (f *File) Unlink(path string) {
	if !f.uses.Enter() {
		return
	}
	defer f.leave()
	if !f.descriptor.ours() {
		return
	}
	var own unix.Stat_t
	if unix.Fstat(f.descriptor.fd, &own) != nil {
		return
	}
	for _, p := range []string{path, pathOf(f.descriptor.fd)} {
		if p != "" && unlinkIf(p, &own) {
			return
		}
	}
}

// unlinkIf removes a name that leads to this file, and reports whether there was one. It looks up the directory once:
// users who can write a directory on the way cannot redirect the removal to another directory, where they may not
// remove anything.
func unlinkIf(path string, own *unix.Stat_t) bool {
	dir, err := openPath(filepath.Dir(path), directoryFlags|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	name := filepath.Base(path)
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Dev != own.Dev || st.Ino != own.Ino {
		return false
	}
	unix.Unlinkat(dir, name, 0)
	return true
}

func (f *File) leave() {
	if f.uses.Leave() {
		closeFile(f.descriptor)
	}
}

// Close closes the descriptor. Sections over the file have their own.
func (f *File) Close() error {
	first, free := f.uses.Close()
	if !first {
		return closedHandle()
	}
	if free {
		return closeFile(f.descriptor)
	}
	return nil
}

// CreateSectionOver makes a section over a file, or with MayExist opens the one of this name. The section has exactly
// the size asked for, to which a writable file is grown; 0 means the file's own.
func CreateSectionOver(
	ctx context.Context, name string, f *File, spec Spec, access Access, mode Mode,
) (s *Section, existed bool, err error) {
	if !f.uses.Enter() {
		return nil, false, closedHandle()
	}
	defer f.leave()
	if !f.descriptor.ours() {
		return nil, false, errLost
	}
	writes := spec.Protection.grants()&Write != 0
	if !f.readable || writes && !f.writable {
		return nil, false, fault.Fail(fault.AccessDenied,
			"the file was not opened with the access that the protection allows")
	}
	if spec.Size, err = f.sizeFor(spec.Size, writes); err != nil {
		return nil, false, err
	}
	spec.over, spec.Attributes = f, spec.Attributes|overFile
	return CreateSection(ctx, name, spec, access, mode)
}

// sizeFor returns the size of a section for which asked bytes were requested.
func (f *File) sizeFor(asked int64, writes bool) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.descriptor.fd, &st); err != nil {
		return 0, &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("fstat", err)}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return 0, fault.BadHandle("it is not a regular file")
	case asked == 0 && st.Size == 0:
		return 0, fault.Fail(fault.FileInvalid, "the file is empty")
	case asked == 0:
		return st.Size, nil
	case asked <= st.Size:
		return asked, nil
	case asked >= maxSize, !writes:
		return 0, fault.Fail(fault.NotEnoughMemory, "%d bytes, and the file has %d", asked, st.Size)
	}
	return asked, grow(f.descriptor.fd, st.Size, asked)
}

// overMemory opens the file once more for a section's memory, with the access that the section needs and, if the system
// allows that, no more.
func overMemory(spec *Spec, access Access) (memory, [3]uint64, error) {
	var st unix.Stat_t
	fd, err := anotherDescriptor(spec.over.descriptor.fd)
	if err == nil {
		if err = unix.Fstat(fd, &st); err != nil {
			closeFile(descriptorOf(fd))
		}
	}
	if err != nil {
		return nil, [3]uint64{}, &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("dup", err)}
	}
	m := &userFile{file: descriptorOf(fd), mode: unix.O_RDWR}
	if !spec.over.writable {
		m.mode = unix.O_RDONLY
	} else if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		m.lower()
	}
	return m, [3]uint64{uint64(st.Dev), uint64(st.Ino)}, nil
}

// userFile is memory that is a user's file.
type userFile struct {
	file userDescriptor
	mode int // O_RDONLY or O_RDWR
}

func (m *userFile) descriptor() int { return m.file.fd }
func (m *userFile) openMode() int   { return m.mode }
func (m *userFile) ours() bool      { return lossUnless(m.file.ours()) }
func (m *userFile) close() error    { return closeFile(m.file) }

func (m *userFile) view(offset, length int64, access Access) ([]byte, error) {
	if !m.ours() {
		return nil, errLost
	}
	return mapFile(m.file.fd, offset, length, access)
}

// fill writes zeros from one offset of a file to another. On failure it takes them back, if the file still ends there.
func fill(fd int, from, to int64) error {
	if err := fits(to); err != nil {
		return err
	}
	var st unix.Stat_t
	zeros := make([]byte, min(to-from, 1<<20))
	for at := from; at < to; {
		n, err := unix.Pwrite(fd, zeros[:min(int64(len(zeros)), to-at)], at)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			if unix.Fstat(fd, &st) == nil && st.Size == at {
				truncate(fd, from)
			}
			return &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("write", err)}
		}
		at += int64(n)
	}
	return nil
}
