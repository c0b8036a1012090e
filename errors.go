package namedshm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Code is a Win32 error number. A Code is an error too, so errors.Is(err, namedshm.ErrFileNotFound) asks an error for
// its code; codes without a name here can be asked for by number: errors.Is(err, namedshm.Code(1450)).
type Code uint32

// The codes that callers most often ask for. They match the portable errors as well: ErrFileNotFound is an
// [fs.ErrNotExist], ErrAlreadyExists an [fs.ErrExist], ErrAccessDenied an [fs.ErrPermission].
const (
	// ErrFileNotFound: no live object has this name.
	ErrFileNotFound = Code(kernel.FileNotFound)
	// ErrPathNotFound: a backslash where none may stand, or a prefix in the wrong case.
	ErrPathNotFound = Code(kernel.PathNotFound)
	// ErrAccessDenied: the object's security, the handle's access or the namespace's privilege forbids it; a view
	// past the end of the section has this code too.
	ErrAccessDenied = Code(kernel.AccessDenied)
	// ErrInvalidHandle: the handle is closed, belongs to another process, or the name is an object of another kind.
	ErrInvalidHandle = Code(kernel.InvalidHandle)
	// ErrNotEnoughMemory: the size is beyond what a section can have, or address space is short.
	ErrNotEnoughMemory = Code(kernel.NotEnoughMemory)
	// ErrInvalidParameter: a size of zero, an unknown protection, a view that the section's protection forbids.
	ErrInvalidParameter = Code(kernel.InvalidParameter)
	// ErrInvalidName: nothing behind a prefix, a NUL, or text that is not UTF-8.
	ErrInvalidName = Code(kernel.InvalidName)
	// ErrBadPathname: the name begins with a backslash.
	ErrBadPathname = Code(kernel.BadPathname)
	// ErrAlreadyExists: Create found a live object of the name.
	ErrAlreadyExists = Code(kernel.AlreadyExists)
	// ErrNameTooLong: more than 32,766 UTF-16 units.
	ErrNameTooLong = Code(kernel.FilenameTooLong)
	// ErrInvalidAddress: the view is closed.
	ErrInvalidAddress = Code(kernel.InvalidAddress)
	// ErrMappedAlignment: a view's offset is not a multiple of 64 KiB.
	ErrMappedAlignment = Code(kernel.MappedAlignment)
	// ErrNoSystemResources: a limit of the system is reached; the error's text names it.
	ErrNoSystemResources = Code(kernel.NoSystemResources)
	// ErrCommitmentLimit: the machine does not have that much memory.
	ErrCommitmentLimit = Code(kernel.CommitmentLimit)
	// ErrBusy: on Unix, a process was stopped in the middle of removing the name's dead predecessor.
	ErrBusy = Code(kernel.Busy)
	// ErrNotOwner: Unlock by a handle that does not own the mutex.
	ErrNotOwner = Code(kernel.NotOwner)
	// ErrTooManyPosts: Release would take the semaphore above its maximum.
	ErrTooManyPosts = Code(kernel.TooManyPosts)
	// ErrMutexLimit: the owner has locked the mutex 2^31-1 times.
	ErrMutexLimit = Code(kernel.MutantLimit)
	// ErrFileCorrupt: on Unix, what stands in the name's place is no entry of this library, or a damaged one.
	ErrFileCorrupt = Code(kernel.FileCorrupt)
)

// Symbol is the code's name in the Windows headers, for instance "ERROR_FILE_NOT_FOUND"; "" where it is not known.
func (c Code) Symbol() string { return kernel.Code(c).Symbol() }

// Error says what the code means, with its symbol and number.
func (c Code) Error() string { return kernel.Code(c).Error() + " " + c.brackets() }

func (c Code) brackets() string {
	if symbol := c.Symbol(); symbol != "" {
		return fmt.Sprintf("(%s, %d)", symbol, uint32(c))
	}
	return fmt.Sprintf("(Win32 error %d)", uint32(c))
}

// Is lets a code match the portable errors of io/fs and errors.
func (c Code) Is(target error) bool { return kernel.Code(c).Is(target) }

// Error is the error of every function and method of this package.
type Error struct {
	Op     string // what was tried: "create", "open", "map", …
	Name   string // the object's name as the caller gave it; may be empty
	Code   Code   // what Windows calls the failure
	Cause  error  // what the platform said; may be nil
	Advice string // what a person can do about it; may be empty
}

// Error is one line: operation, name, meaning, symbol and number, cause, advice.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Name != "" {
		b.WriteByte(' ')
		b.WriteString(printable(e.Name))
	}
	b.WriteString(": ")
	b.WriteString(e.Code.Error())
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	if e.Advice != "" {
		b.WriteString("; ")
		b.WriteString(e.Advice)
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Cause}
}

// printable keeps a name from breaking a line or a terminal, and an absurdly long one from filling it.
func printable(name string) string {
	const most = 200
	cut := name
	if len(cut) > most {
		cut = strings.ToValidUTF8(cut[:most], "")
	}
	if strings.ContainsFunc(cut, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		cut = fmt.Sprintf("%q", cut)
	}
	if len(name) > most {
		cut += fmt.Sprintf("… (%d bytes)", len(name))
	}
	return cut
}

// wrap adds operation and name to an error of the object manager; nil stays nil. A context's error passes through
// untouched.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Name: name}
	var fault *kernel.Fault
	var code kernel.Code
	switch {
	case errors.As(err, &fault):
		e.Code, e.Cause, e.Advice = Code(fault.Code), fault.Cause, fault.Advice
	case errors.As(err, &code):
		e.Code = Code(code)
	default:
		return fmt.Errorf("%s %s: %w", op, printable(name), err)
	}
	return e
}
