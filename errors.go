package namedshm

import (
	"fmt"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/plain"
)

// Code is a Win32 error number. A Code is an error too, so errors.Is(err, namedshm.ErrFileNotFound) asks an error for
// its code; codes without a name here can be compared by number: errors.Is(err, namedshm.Code(1450)).
type Code uint32

// The codes that callers most often check for. They match the portable errors as well: ErrFileNotFound is an
// [fs.ErrNotExist], ErrAlreadyExists an [fs.ErrExist], ErrAccessDenied an [fs.ErrPermission].
const (
	// ErrFileNotFound: no live object has this name.
	ErrFileNotFound Code = 2
	// ErrPathNotFound: a backslash where none is allowed, or a prefix in the wrong case.
	ErrPathNotFound Code = 3
	// ErrAccessDenied: the object's security, the handle's access or the namespace's privilege forbids it; a view past
	// the end of the section gives this code too.
	ErrAccessDenied Code = 5
	// ErrInvalidHandle: the handle is closed, belongs to another process, or the name is an object of another kind.
	ErrInvalidHandle Code = 6
	// ErrNotEnoughMemory: the size is more than a section can have, or address space is short.
	ErrNotEnoughMemory Code = 8
	// ErrInvalidParameter: a size of zero, an unknown protection, a view that the section's protection forbids.
	ErrInvalidParameter Code = 87
	// ErrInvalidName: nothing after a prefix, a NUL, or text that is not UTF-8.
	ErrInvalidName Code = 123
	// ErrBadPathname: the name begins with a backslash.
	ErrBadPathname Code = 161
	// ErrAlreadyExists: Create found a live object of this name.
	ErrAlreadyExists Code = 183
	// ErrNameTooLong: more than 32,766 UTF-16 units.
	ErrNameTooLong Code = 206
	// ErrInvalidAddress: the view is closed.
	ErrInvalidAddress Code = 487
	// ErrMappedAlignment: a view's offset is not a multiple of 64 KiB.
	ErrMappedAlignment Code = 1132
	// ErrNoSystemResources: a system limit has been reached; the error's text names it.
	ErrNoSystemResources Code = 1450
	// ErrCommitmentLimit: the machine does not have that much memory.
	ErrCommitmentLimit Code = 1455
	// ErrBusy: on Unix, the name is temporarily unavailable: a process was stopped while removing a dead object of this
	// name, or the last holder is taking long to exit. The error's text says which.
	// In package flow: a living process has the end.
	ErrBusy Code = 170
	// ErrNotOwner: Unlock by a handle that does not own the mutex.
	ErrNotOwner Code = 288
	// ErrTooManyPosts: Release would take the semaphore above its maximum.
	ErrTooManyPosts Code = 298
	// ErrMutexLimit: the owner has locked the mutex 2^31-1 times.
	ErrMutexLimit Code = 587
	// ErrBrokenPipe: package flow, the other side died without a goodbye, or there is nobody to read.
	ErrBrokenPipe Code = 109
	// ErrDatatypeMismatch: package flow, what is there carries values of another structure; the error's text names the
	// first difference.
	ErrDatatypeMismatch Code = 1629
	// ErrFileCorrupt: on Unix, what is in the name's place is not an entry of this library, or a damaged one.
	// In package flow: shared memory holds what no honest process writes.
	ErrFileCorrupt Code = 1392
)

// Symbol is the code's name in the Windows headers, for instance "ERROR_FILE_NOT_FOUND"; "" if unknown.
func (c Code) Symbol() string { return fault.Code(c).Symbol() }

// Error returns the meaning of the code, with its symbol and number.
func (c Code) Error() string { return fault.Code(c).Error() + " " + c.brackets() }

func (c Code) brackets() string {
	if symbol := c.Symbol(); symbol != "" {
		return fmt.Sprintf("(%s, %d)", symbol, uint32(c))
	}
	return fmt.Sprintf("(Win32 error %d)", uint32(c))
}

// Is lets a code match the portable errors of io/fs and errors.
func (c Code) Is(target error) bool { return fault.Code(c).Is(target) }

// Error is the error of every function and method of this package.
type Error struct {
	Op     string // what was tried: "create", "open", "map", …
	Name   string // the object's name as the caller gave it; may be empty
	Code   Code   // what Windows calls the failure
	Cause  error  // what the platform said; may be nil
	Advice string // what a person can do about it; may be empty
}

// Error returns one line: operation, name, meaning, symbol and number, cause, advice. Text in it that others chose
// (names, paths) is safe to show: anything that a terminal would interpret is escaped.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Name != "" {
		b.WriteByte(' ')
		b.WriteString(printable(e.Name))
	}
	b.WriteString(": ")
	sentence, cause := fault.Meaning(fault.Code(e.Code), e.Cause)
	b.WriteString(plain.Text(sentence, "") + " " + e.Code.brackets())
	if cause != nil {
		b.WriteString(": ")
		b.WriteString(plain.Text(cause.Error(), ""))
	}
	if e.Advice != "" {
		b.WriteString("; ")
		b.WriteString(plain.Text(e.Advice, ""))
	}
	return b.String()
}

// Unwrap returns the code and the cause, for errors.Is and errors.As.
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
	cut = plain.Name(cut)
	if len(name) > most {
		cut += fmt.Sprintf("… (%d bytes)", len(name))
	}
	return cut
}

// wrap adds operation and name to an error of the object manager; nil stays nil. A context's error passes through
// untouched, with its cause.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if f := fault.Of(err); f != nil {
		return &Error{Op: op, Name: name, Code: Code(f.Code), Cause: f.Cause, Advice: f.Advice}
	}
	if name == "" {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s %s: %w", op, printable(name), err)
}
