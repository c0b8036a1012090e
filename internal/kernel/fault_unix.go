//go:build unix && !aix

package kernel

import (
	"errors"
	"fmt"
	"os"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

const globalAdvice = "making Global names needs the right to write that directory (SeCreateGlobalPrivilege here): " +
	"run as root, or have root run 'shm setup --group G' for a group of yours"

// globalAdvice is advice for a user who may not make Global names.
func (p *place) globalAdvice() string {
	advice := globalAdvice
	if p.outer {
		advice = "making Global names needs the right to write that directory (SeCreateGlobalPrivilege here), which " +
			"belongs to the host's root, " +
			"not to the root of this user namespace: have the host's root run 'shm setup --group G' for a group that " +
			"this process is still a member of in here"
	}
	if p.ownIPC() {
		advice += "; Global names are those of this sandbox's own IPC namespace: for the host's, " + sharedIPC
	}
	return advice
}

// sharedIPC is how to give a sandbox the host's IPC namespace.
const sharedIPC = "start a container with --ipc=host, bubblewrap without --unshare-ipc"

func rootAdvice() string {
	return fmt.Sprintf("the directory %s must exist and be writable; %s can name another", root(), RootVariable)
}

// fault turns the error of a system call on a path of this place into a Fault that says which limit or right was
// missing.
func (p *place) fault(op, path string, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	if errno := unix.Errno(0); errors.As(err, &errno) {
		err = errno // package os has named the path too
	}
	f = &fault.Fault{Code: codeOfErrno(err), Cause: pathError(op, path, err)}
	switch err {
	case unix.ENOENT:
		f.Cause = nil // the path of the entry that is missing would help nobody
	case unix.EACCES, unix.EPERM:
		if err == unix.EPERM && (op == "open" || op == "mkdir" || op == "link" || op == "lock") { // others say so themselves
			f.Advice = filterAdvice(op, err)
		}
		if path == p.dir && f.Advice == "" && p.deniesWriting() {
			f.Advice = p.globalAdvice()
		}
	case unix.ENOSYS:
		f.Advice = filterAdvice(op, err)
	case unix.ENOSPC, unix.EDQUOT:
		f.Advice = fmt.Sprintf("free some space or inodes in %s", root())
	case unix.EROFS:
		f.Advice = p.readOnlyAdvice()
	case unix.EMFILE, unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	case unix.ENOLCK:
		f.Advice = "the system has no memory for another lock, or the file system does not support locks"
	}
	return f
}

// deniesWriting reports whether the owner, group and mode of a Global directory keep this user from writing it, though
// not from opening what others make there. A create may fail there for other reasons too: in a sandbox, or where nobody
// can write.
func (p *place) deniesWriting() bool {
	d := p.opened.Load()
	if p.namespace != Global || p.byRoot() || d == nil || !leadsTo(d.fd, d.device, d.inode) {
		return false
	}
	return unix.Faccessat(d.fd, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS) == unix.EACCES
}

// readOnlyAdvice says what is read-only: the directory above with all that is in it, or only this one.
func (p *place) readOnlyAdvice() string {
	if p.opened.Load() != nil && unix.Access(root(), unix.W_OK) != unix.EROFS {
		return fmt.Sprintf("%s is mounted read-only: unmount what is mounted there, or mount it read-write", p.dir)
	}
	return fmt.Sprintf("%s is mounted read-only; %s can name another directory", root(), RootVariable)
}

// shortage returns the Fault for an error that is a resource shortage and not an answer. Mistaking one for the other
// would make a live object look absent. For every other error it returns nil.
func shortage(err error) error {
	var f *fault.Fault
	switch code := codeOfErrno(err); {
	case err == nil, errors.As(err, &f) && f.Code != fault.TooManyOpenFiles && f.Code != fault.NotEnoughMemory:
		return nil
	case f != nil:
		return f
	case errors.Is(err, unix.EMFILE):
		return &fault.Fault{Code: code, Cause: err, Advice: descriptorAdvice(unix.EMFILE)}
	case errors.Is(err, unix.ENFILE):
		return &fault.Fault{Code: code, Cause: err, Advice: descriptorAdvice(unix.ENFILE)}
	case errors.Is(err, unix.ENOMEM):
		return &fault.Fault{Code: code, Cause: err}
	}
	return nil
}

func pathError(op, path string, err error) error {
	return &os.PathError{Op: op, Path: path, Err: err}
}

// codeOfErrno returns Windows' code for a failed system call.
func codeOfErrno(err error) fault.Code {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fault.InvalidParameter
	}
	switch errno {
	case unix.ENOENT:
		return fault.FileNotFound
	case unix.EACCES, unix.EPERM, unix.EROFS:
		return fault.AccessDenied
	case unix.EEXIST:
		return fault.AlreadyExists
	case unix.EMFILE, unix.ENFILE:
		return fault.TooManyOpenFiles
	case unix.EBADF:
		return fault.InvalidHandle
	case unix.ENOMEM:
		return fault.NotEnoughMemory
	case unix.ENOSPC, unix.EDQUOT, unix.EFBIG:
		return fault.DiskFull
	case unix.ENOLCK, unix.EAGAIN:
		return fault.NoSystemResources
	case unix.EIO:
		return fault.IODevice
	case unix.ENOSYS, unix.EOPNOTSUPP:
		return fault.NotSupported
	case unix.ELOOP, unix.ENOTDIR, unix.EISDIR, unix.ENXIO:
		return fault.FileCorrupt
	}
	return fault.InvalidParameter
}
