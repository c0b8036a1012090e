// Package fault is what errors are made of, for all rooms of this module: Windows' error numbers, and Fault, which adds
// what the platform said and what a person can do. It needs nothing else of this module.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
)

// Code is a Win32 error number. It is an error by itself, so that a sentinel is just a number with a name.
type Code uint32

// The codes that this module returns on any platform; codes says what each means.
const (
	FileNotFound       Code = 2
	PathNotFound       Code = 3
	TooManyOpenFiles   Code = 4
	AccessDenied       Code = 5
	InvalidHandle      Code = 6
	NotEnoughMemory    Code = 8
	WriteProtect       Code = 19
	BadLength          Code = 24
	GenFailure         Code = 31
	SharingViolation   Code = 32
	HandleEOF          Code = 38
	NotSupported       Code = 50
	FileExists         Code = 80
	InvalidParameter   Code = 87
	BrokenPipe         Code = 109
	DiskFull           Code = 112
	InsufficientBuffer Code = 122
	InvalidName        Code = 123
	BadPathname        Code = 161
	Busy               Code = 170
	AlreadyExists      Code = 183
	BadExeFormat       Code = 193
	FilenameTooLong    Code = 206
	WaitTimeout        Code = 258
	IODevice           Code = 1117
	InvalidAddress     Code = 487
	NoAccess           Code = 998
	InPageError        Code = 999
	NotOwner           Code = 288
	TooManyPosts       Code = 298
	MutantLimit        Code = 587
	FileInvalid        Code = 1006
	NotFound           Code = 1168
	MappedAlignment    Code = 1132
	UnknownRevision    Code = 1305
	NoneMapped         Code = 1332
	PrivilegeNotHeld   Code = 1314
	FileCorrupt        Code = 1392
	NoSystemResources  Code = 1450
	CommitmentLimit    Code = 1455
	Timeout            Code = 1460
	DatatypeMismatch   Code = 1629
	NotSameObject      Code = 1656
	InvalidSecurityDes Code = 1338
)

// codes gives each code its symbol and a sentence a person can read. The sentences are this project's, not the
// system's: they say what the code means for a named object.
var codes = map[Code]struct{ symbol, text string }{
	FileNotFound: {"ERROR_FILE_NOT_FOUND", "no object has this name"},
	PathNotFound: {"ERROR_PATH_NOT_FOUND",
		"a backslash may appear only at the end of the prefix Local\\ or Global\\ (which are case-sensitive)"},
	TooManyOpenFiles:   {"ERROR_TOO_MANY_OPEN_FILES", "too many open files"},
	AccessDenied:       {"ERROR_ACCESS_DENIED", "access is denied"},
	InvalidHandle:      {"ERROR_INVALID_HANDLE", "the handle is invalid, or the object is of another kind"},
	NotEnoughMemory:    {"ERROR_NOT_ENOUGH_MEMORY", "not enough memory or address space"},
	WriteProtect:       {"ERROR_WRITE_PROTECT", "the file system is read-only"},
	BadLength:          {"ERROR_BAD_LENGTH", "the buffer is too small"},
	GenFailure:         {"ERROR_GEN_FAILURE", "unspecified failure"},
	SharingViolation:   {"ERROR_SHARING_VIOLATION", "another open handle to the file does not allow it"},
	HandleEOF:          {"ERROR_HANDLE_EOF", "the other side has said goodbye, and all is read"},
	BrokenPipe:         {"ERROR_BROKEN_PIPE", "the other side is gone"},
	InsufficientBuffer: {"ERROR_INSUFFICIENT_BUFFER", "the message is longer than the buffer"},
	DatatypeMismatch:   {"ERROR_DATATYPE_MISMATCH", "what is there has another structure"},
	NotSupported:       {"ERROR_NOT_SUPPORTED", "not supported on this platform"},
	FileExists:         {"ERROR_FILE_EXISTS", "the file exists"},
	InvalidParameter:   {"ERROR_INVALID_PARAMETER", "invalid parameter"},
	DiskFull:           {"ERROR_DISK_FULL", "the file system is full"},
	InvalidName:        {"ERROR_INVALID_NAME", "the name is not valid"},
	BadPathname:        {"ERROR_BAD_PATHNAME", "a name must not begin with a backslash"},
	Busy:               {"ERROR_BUSY", "temporarily unavailable"},
	AlreadyExists:      {"ERROR_ALREADY_EXISTS", "an object of this name exists"},
	BadExeFormat:       {"ERROR_BAD_EXE_FORMAT", "the file is not a valid Windows executable"},
	WaitTimeout:        {"WAIT_TIMEOUT", "timed out"},
	FilenameTooLong:    {"ERROR_FILENAME_EXCED_RANGE", "the name is too long"},
	InvalidAddress:     {"ERROR_INVALID_ADDRESS", "the address is not in any view"},
	NotOwner:           {"ERROR_NOT_OWNER", "this handle does not own the mutex"},
	TooManyPosts:       {"ERROR_TOO_MANY_POSTS", "the semaphore's count would go above its maximum"},
	MutantLimit:        {"ERROR_MUTANT_LIMIT_EXCEEDED", "the owner has locked the mutex too many times"},
	NoAccess:           {"ERROR_NOACCESS", "invalid pointer"},
	InPageError:        {"ERROR_SWAPERROR", "a page of the view could not be read"},
	FileInvalid:        {"ERROR_FILE_INVALID", "the file is empty, and no size was given"},
	NotFound:           {"ERROR_NOT_FOUND", "not found"},
	MappedAlignment:    {"ERROR_MAPPED_ALIGNMENT", "the offset is not a multiple of 65536"},
	UnknownRevision:    {"ERROR_UNKNOWN_REVISION", "unknown revision of the security descriptor"},
	NoneMapped:         {"ERROR_NONE_MAPPED", "no such user or group"},
	PrivilegeNotHeld:   {"ERROR_PRIVILEGE_NOT_HELD", "a required privilege is not held"},
	FileCorrupt:        {"ERROR_FILE_CORRUPT", "the entry of this name is corrupt"},
	NoSystemResources:  {"ERROR_NO_SYSTEM_RESOURCES", "a system limit has been reached"},
	CommitmentLimit:    {"ERROR_COMMITMENT_LIMIT", "the machine does not have that much memory"},
	Timeout:            {"ERROR_TIMEOUT", "timed out"},
	NotSameObject:      {"ERROR_NOT_SAME_OBJECT", "the handles refer to different objects"},
	IODevice:           {"ERROR_IO_DEVICE", "reading or writing failed"},
	InvalidSecurityDes: {"ERROR_INVALID_SECURITY_DESCR", "the security descriptor is not valid"},
}

// Symbol is the code's name in the Windows headers, or "" for one that this module never returns by itself.
func (c Code) Symbol() string { return codes[c].symbol }

// Error is what the code means for a named object, without the number, which the printing code adds.
func (c Code) Error() string {
	if d, ok := codes[c]; ok {
		return d.text
	}
	return fmt.Sprintf("Win32 error %d", uint32(c))
}

// Is lets errors.Is match a code with the portable errors of io/fs and errors.
func (c Code) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return c == FileNotFound || c == PathNotFound
	case fs.ErrExist:
		return c == AlreadyExists
	case fs.ErrPermission:
		return c == AccessDenied || c == PrivilegeNotHeld
	case fs.ErrInvalid:
		return c == InvalidParameter || c == InvalidName || c == BadPathname || c == FilenameTooLong || c == MappedAlignment
	case errors.ErrUnsupported:
		return c == NotSupported
	}
	return false
}

// Fault is a failure as the object manager sees it: what Windows calls it, what the platform said, and what a person
// can do. The root package adds the operation and the name.
type Fault struct {
	Code   Code
	Cause  error  // the platform's own error, or nil
	Advice string // what a person can do about it, or ""
}

// Error is what the code means and what the platform said, in one line.
func (f *Fault) Error() string {
	sentence, cause := Meaning(f.Code, f.Cause)
	if cause != nil {
		return sentence + ": " + cause.Error()
	}
	return sentence
}

// Meaning is what a code means where it has this cause, and what of the cause there is still to say. InvalidHandle
// means many things, about handles and about names, and the sentence of the code could only list them: a handleFault
// takes its place.
func Meaning(code Code, cause error) (sentence string, rest error) {
	if p, ok := cause.(*handleFault); ok && code == InvalidHandle {
		return p.sentence, nil
	}
	return code.Error(), cause
}

// handleFault is a cause that says by itself what is wrong with a handle, or with what a name refers to.
type handleFault struct {
	sentence string
	is       error // what errors.Is takes it for; may be nil
}

func (p *handleFault) Error() string { return p.sentence }

// Is lets a closed handle match os.ErrClosed.
func (p *handleFault) Is(target error) bool { return p.is != nil && target == p.is }

// Closed is a cause that says what is closed, and matches os.ErrClosed.
func Closed(sentence string) error { return &handleFault{sentence, fs.ErrClosed} }

// BadHandle is an InvalidHandle that says which of its meanings it has.
func BadHandle(format string, args ...any) error {
	return &Fault{Code: InvalidHandle, Cause: &handleFault{sentence: fmt.Sprintf(format, args...)}}
}

// Unwrap gives errors.Is and errors.As the code and the cause.
func (f *Fault) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Code}
	}
	return []error{f.Code, f.Cause}
}

// Fail makes a Fault with a cause in our own words.
func Fail(code Code, format string, args ...any) error {
	return &Fault{Code: code, Cause: fmt.Errorf(format, args...)}
}

// Advise adds what a person can do to a Fault that has no advice yet.
func Advise(err error, format string, args ...any) error {
	var f *Fault
	if errors.As(err, &f) && f.Advice == "" {
		g := *f
		g.Advice = fmt.Sprintf(format, args...)
		return &g
	}
	return err
}

// Of is what an error is made of: the Fault in it, or one with nothing but the bare Code in it. It is nil for an error
// that has neither, such as a context's. The packages that users see make their own errors of it.
func Of(err error) *Fault {
	var f *Fault
	var c Code
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &c):
		return &Fault{Code: c}
	}
	return nil
}

// CodeOf is the Win32 code of an error; 0 for one that has none, such as a context's.
func CodeOf(err error) Code {
	if f := Of(err); f != nil {
		return f.Code
	}
	return 0
}
