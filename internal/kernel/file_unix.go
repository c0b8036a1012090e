//go:build unix && !aix

package kernel

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A section over a file is an entry like any other whose memory is a descriptor of the user's file. The door is the same,
// a holder's descriptor; what it must lead to is told by device and inode. The file itself is never removed or made shorter
// here, and what others do to it is theirs to answer for.

// overFile, in the attributes of a section, says that its memory is a file. It is Windows' SEC_FILE.
const overFile = 0x00800000

// overFile reports an entry whose memory is a file of the user's.
func (e *entry) overFile() bool { return e.kind == KindSection && e.attributes&overFile != 0 }

// backingName is what people are told of where the memory is.
func (e *entry) backingName() string {
	if e.overFile() {
		return "user file"
	}
	return e.backing.String()
}

// OpenFile opens or makes a file, which is no directory. flags are those of os.OpenFile.
func OpenFile(path string, flags int, readable, writable bool) (*File, error) {
	fd, err := openKept(path, flags)
	if fd < 0 {
		fd, err = openPath(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0o666)
	}
	switch {
	case err == unix.ENOENT:
		if _, parentErr := os.Stat(filepath.Dir(path)); parentErr != nil {
			return nil, &Fault{Code: PathNotFound, Cause: err}
		}
		return nil, &Fault{Code: FileNotFound, Cause: err}
	case err == unix.ENOTDIR:
		return nil, &Fault{Code: PathNotFound, Cause: err}
	case err == unix.EISDIR, err == unix.ETXTBSY:
		return nil, &Fault{Code: AccessDenied, Cause: err}
	case err == unix.EEXIST:
		return nil, &Fault{Code: FileExists, Cause: err}
	case err == unix.ENAMETOOLONG:
		return nil, &Fault{Code: FilenameTooLong, Cause: err}
	case err != nil:
		return nil, &Fault{Code: codeOfErrno(err), Cause: err}
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		unix.Close(fd)
		return nil, &Fault{Code: AccessDenied, Cause: unix.EISDIR}
	}
	return &File{fd: fd, readable: readable, writable: writable}, nil
}

// FileOf is a file by a descriptor, of which it takes a duplicate. InvalidHandle for a number that is none, or not of a
// file.
func FileOf(descriptor uintptr) (*File, error) {
	fd, err := anotherDescriptor(int(descriptor))
	if err != nil {
		code := InvalidHandle
		if err != unix.EBADF && err != unix.EINVAL {
			code = codeOfErrno(err)
		}
		return nil, &Fault{Code: code, Cause: err}
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		closeFile(fd)
		return nil, &Fault{Code: InvalidHandle, Cause: err}
	}
	mode := flags & unix.O_ACCMODE
	return &File{fd: fd, readable: mode != unix.O_WRONLY, writable: mode != unix.O_RDONLY}, nil
}

// Rights are what the file is open for.
func (f *File) Rights() (readable, writable bool) { return f.readable, f.writable }

// Stat is the file's size, and its type as the S_IFMT bits of its mode.
func (f *File) Stat() (size int64, kind uint32, err error) {
	if !f.uses.enter() {
		return 0, 0, closedHandle()
	}
	defer f.leave()
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, 0, &Fault{Code: codeOfErrno(err), Cause: err}
	}
	return st.Size, uint32(st.Mode) & unix.S_IFMT, nil
}

// Unlink removes the file's name, which is looked for at path and, where the system tells it, at the place to which the
// file has been moved. What lies there instead is left alone, but for what takes the place between the look and the
// removal: no system removes a name by the file it leads to.
func (f *File) Unlink(path string) {
	if !f.uses.enter() {
		return
	}
	defer f.leave()
	var own, st unix.Stat_t
	if unix.Fstat(f.fd, &own) != nil {
		return
	}
	for _, p := range []string{path, pathOf(f.fd)} {
		if p != "" && unix.Lstat(p, &st) == nil && st.Dev == own.Dev && st.Ino == own.Ino {
			unix.Unlink(p)
			return
		}
	}
}

func (f *File) leave() {
	if f.uses.leave() {
		closeFile(f.fd)
	}
}

// Close closes the descriptor. Sections over the file have their own.
func (f *File) Close() error {
	first, free := f.uses.close()
	if !first {
		return closedHandle()
	}
	if free {
		closeFile(f.fd)
	}
	return nil
}

// CreateSectionOver makes a section over a file, or with MayExist opens the one of this name. It has exactly the size that
// is asked for, to which a file that may be written is grown; 0 is the file's own.
func CreateSectionOver(ctx context.Context, name string, f *File, spec Spec, access Access, mode Mode) (s *Section, existed bool, err error) {
	if !f.uses.enter() {
		return nil, false, closedHandle()
	}
	defer f.leave()
	writes := spec.Protection.grants()&Write != 0
	if !f.readable || writes && !f.writable {
		return nil, false, fail(AccessDenied, "the file is not open for what the protection allows")
	}
	if spec.Size, err = f.sizeFor(spec.Size, writes); err != nil {
		return nil, false, err
	}
	spec.over, spec.Attributes = f, spec.Attributes|overFile
	return CreateSection(ctx, name, spec, access, mode)
}

// sizeFor is the size of a section for which so many bytes were asked.
func (f *File) sizeFor(asked int64, writes bool) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("fstat", err)}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return 0, fail(InvalidHandle, "it is not a regular file")
	case asked == 0 && st.Size == 0:
		return 0, fail(FileInvalid, "the file is empty")
	case asked == 0:
		return st.Size, nil
	case asked <= st.Size:
		return asked, nil
	case asked >= maxSize, !writes:
		return 0, fail(NotEnoughMemory, "%d bytes, and the file has %d", asked, st.Size)
	}
	return asked, grow(f.fd, st.Size, asked)
}

// overMemory opens the file once more for a section's memory, with the access that the section needs and no more, where
// the system allows that.
func overMemory(spec *Spec, access Access) (memory, [3]uint64, error) {
	var st unix.Stat_t
	fd, err := anotherDescriptor(spec.over.fd)
	if err == nil {
		if err = unix.Fstat(fd, &st); err != nil {
			closeFile(fd)
		}
	}
	if err != nil {
		return nil, [3]uint64{}, &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("dup", err)}
	}
	m := &userFile{fd: fd, mode: unix.O_RDWR}
	if !spec.over.writable {
		m.mode = unix.O_RDONLY
	} else if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		m.lower()
	}
	return m, [3]uint64{uint64(st.Dev), uint64(st.Ino)}, nil
}

// userFile is memory that is a file of the user's.
type userFile struct {
	fd   int
	mode int // O_RDONLY or O_RDWR
}

func (m *userFile) descriptor() int { return m.fd }
func (m *userFile) openMode() int   { return m.mode }

func (m *userFile) close() error {
	closeFile(m.fd)
	return nil
}

func (m *userFile) view(offset, length int64, access Access) ([]byte, error) {
	prot, flags := viewProtection(access)
	p, err := unix.MmapPtr(m.fd, offset, nil, uintptr(length), prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), length), nil
}

// fill writes zeros from one offset of a file to another. What it cannot write it takes back, if the file ends there.
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
			return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("write", err)}
		}
		at += int64(n)
	}
	return nil
}
