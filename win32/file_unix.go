//go:build unix && !aix

package win32

import (
	"context"
	"os"
	"path/filepath"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// file is an open file.
type file struct {
	kernel *kernel.File
	doomed string // the absolute path that goes with the last handle; "" for a file that stays
}

func (f *file) close() {
	if f.doomed != "" {
		f.kernel.Unlink(f.doomed)
	}
	f.kernel.Close()
}

// createOverFile makes a section over a file, or opens the one of this name.
func createOverFile(handle Handle, page, flags uint32, size uint64, name string, inherit bool) (Handle, error) {
	if size >= tooBig {
		return 0, ERROR_NOT_ENOUGH_MEMORY
	}
	granted := grantedTo(page)
	need := uint32(fileReadData)
	if granted&SECTION_MAP_WRITE != 0 {
		need |= fileWriteData
	}
	if granted&SECTION_MAP_EXECUTE != 0 {
		need |= fileExecute
	}
	f, done, err := fileFor(handle, need)
	if err != nil {
		return 0, err
	}
	defer done()
	// The pages are the file's, and nothing is said of whether they are committed.
	spec := kernel.Spec{Size: int64(size), Protection: kernel.Protection(page),
		Attributes: flags &^ (SEC_COMMIT | SEC_RESERVE)}
	section, existed, err := kernel.CreateSectionOver(context.Background(), name, f, spec, creatorsAccess(granted),
		kernel.MayExist)
	return sectionHandle(section, existed, err, granted, name, inherit)
}

// fileFor returns the file of a handle or of a descriptor. done is called when it is not needed any more.
func fileFor(handle Handle, need uint32) (f *kernel.File, done func(), err error) {
	if handle < firstIndex<<2 {
		f, err := kernel.FileOf(uintptr(handle))
		if err != nil {
			return nil, nil, errno(err)
		}
		return f, func() { f.Close() }, nil
	}
	e, err := lookup(handle, kindFile, need)
	if err != nil {
		return nil, nil, err
	}
	if !e.target.refer() {
		return nil, nil, ERROR_INVALID_HANDLE
	}
	return e.target.file.kernel, e.target.release, nil
}

func createFile(name *uint16, access, _ uint32, sa *SecurityAttributes, create, attrs uint32,
	_ Handle) (Handle, bool, error) {
	inherit, err := inherits(sa)
	if err != nil {
		return InvalidHandle, false, err
	}
	mask, _, err := kindFile.specific(access)
	path := nameAt(name)
	switch {
	case err != nil:
		return InvalidHandle, false, err
	case path == "":
		return InvalidHandle, false, ERROR_PATH_NOT_FOUND
	}
	opened, existed, err := openDisposed(path, create, mask&fileReadData != 0, mask&fileWriteData != 0)
	if err != nil {
		return InvalidHandle, false, errno(err)
	}
	f := &file{kernel: opened}
	if attrs&FILE_FLAG_DELETE_ON_CLOSE != 0 {
		f.doomed = absolute(path)
	}
	handle, err := openFileTarget(f, mask|SYNCHRONIZE, inherit)
	return handle, existed && err == nil, err
}

// openDisposed opens a file as one of the five creation dispositions says. existed is set by the two that accept both
// an existing file and a missing one.
func openDisposed(path string, create uint32, readable, writable bool) (f *kernel.File, existed bool, err error) {
	flags := os.O_RDONLY
	switch {
	case readable && writable:
		flags = os.O_RDWR
	case writable:
		flags = os.O_WRONLY
	}
	switch create {
	case CREATE_NEW:
		flags |= os.O_CREATE | os.O_EXCL
	case CREATE_ALWAYS:
		return openOrMake(path, flags|os.O_TRUNC, readable, writable)
	case OPEN_EXISTING:
	case OPEN_ALWAYS:
		return openOrMake(path, flags, readable, writable)
	case TRUNCATE_EXISTING:
		if !writable {
			return nil, false, fault.InvalidParameter
		}
		flags |= os.O_TRUNC
	default:
		return nil, false, fault.InvalidParameter
	}
	f, err = kernel.OpenFile(path, flags, readable, writable)
	return f, false, err
}

// openOrMake opens a file, or makes it. Opening comes first, for only so it is known whether the file existed. Where
// neither does, as with a link to no file or a file that comes and goes, the system decides, and the file is reported
// as new.
func openOrMake(path string, flags int, readable, writable bool) (f *kernel.File, existed bool, err error) {
	for range 3 {
		f, err = kernel.OpenFile(path, flags, readable, writable)
		if fault.CodeOf(err) != fault.FileNotFound {
			return f, err == nil, err
		}
		f, err = kernel.OpenFile(path, flags|os.O_CREATE|os.O_EXCL, readable, writable)
		if fault.CodeOf(err) != fault.FileExists {
			return f, false, err
		}
	}
	f, err = kernel.OpenFile(path, flags|os.O_CREATE, readable, writable)
	return f, false, err
}

// absolute is where a file lies that was just opened, without links: the working directory may be another one when the
// file is closed, and a link on the way may lead elsewhere.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if straight, err := filepath.EvalSymlinks(path); err == nil {
		path = straight
	}
	return path
}

func openFileTarget(f *file, granted uint32, inherit bool) (Handle, error) {
	t := newTarget(kindFile, "")
	t.file = f
	handle, err := open(t, granted, inherit)
	if err != nil {
		return InvalidHandle, err
	}
	return handle, nil
}

func fileHandle(f *os.File) (Handle, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return InvalidHandle, ERROR_INVALID_HANDLE
	}
	var opened *kernel.File
	var openErr error
	if err := conn.Control(func(fd uintptr) { opened, openErr = kernel.FileOf(fd) }); err != nil {
		return InvalidHandle, ERROR_INVALID_HANDLE
	}
	if openErr != nil {
		return InvalidHandle, errno(openErr)
	}
	granted := uint32(SYNCHRONIZE)
	readable, writable := opened.Rights()
	if readable { // a readable descriptor may be executed: Unix has no other right to that
		granted |= fileReads | fileExecutes
	}
	if writable {
		granted |= fileWrites
	}
	return openFileTarget(&file{kernel: opened}, granted, false)
}

func getFileSizeEx(handle Handle, size *int64) error {
	f, done, err := fileFor(handle, 0)
	if err != nil {
		return err
	}
	defer done()
	n, _, err := f.Stat()
	if err == nil {
		*size = n
	}
	return errno(err)
}

func getFileType(handle Handle) (uint32, error) {
	f, done, err := fileFor(handle, 0)
	if err != nil {
		return FILE_TYPE_UNKNOWN, err
	}
	defer done()
	_, kind, err := f.Stat()
	if err != nil {
		return FILE_TYPE_UNKNOWN, errno(err)
	}
	const characters, pipe, socket = 0o020000, 0o010000, 0o140000 // S_IFCHR and the like, the same on all systems
	switch kind {
	case characters:
		return FILE_TYPE_CHAR, nil
	case pipe, socket:
		return FILE_TYPE_PIPE, nil
	}
	return FILE_TYPE_DISK, nil
}
