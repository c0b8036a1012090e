package kernel

import (
	"errors"
	"fmt"
	"io/fs"
)

// Code is a Win32 error number. It is an error by itself, so that a sentinel is just a number with a name.
type Code uint32

// The codes that this package and package win32 return on any platform; codes says what each means.
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
	NotSupported       Code = 50
	FileExists         Code = 80
	InvalidParameter   Code = 87
	DiskFull           Code = 112
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
	InvalidSecurityDes Code = 1338
)

// codes gives each code its symbol and a sentence a person can read. The sentences are this project's, not the
// system's: they say what the code means for a named object.
var codes = map[Code]struct{ symbol, text string }{
	FileNotFound:       {"ERROR_FILE_NOT_FOUND", "no object has this name"},
	PathNotFound:       {"ERROR_PATH_NOT_FOUND", "a backslash may only end the prefix Local\\ or Global\\ (which are case-sensitive)"},
	TooManyOpenFiles:   {"ERROR_TOO_MANY_OPEN_FILES", "too many open files"},
	AccessDenied:       {"ERROR_ACCESS_DENIED", "access is denied"},
	InvalidHandle:      {"ERROR_INVALID_HANDLE", "the handle is closed, or the object is of another kind"},
	NotEnoughMemory:    {"ERROR_NOT_ENOUGH_MEMORY", "not enough memory or address space"},
	WriteProtect:       {"ERROR_WRITE_PROTECT", "the file system is read-only"},
	BadLength:          {"ERROR_BAD_LENGTH", "the buffer is too small"},
	GenFailure:         {"ERROR_GEN_FAILURE", "a failure that has no number of its own"},
	SharingViolation:   {"ERROR_SHARING_VIOLATION", "another handle to the file forbids it"},
	NotSupported:       {"ERROR_NOT_SUPPORTED", "not supported on this platform"},
	FileExists:         {"ERROR_FILE_EXISTS", "the file exists"},
	InvalidParameter:   {"ERROR_INVALID_PARAMETER", "a parameter is not valid"},
	DiskFull:           {"ERROR_DISK_FULL", "the file system is full"},
	InvalidName:        {"ERROR_INVALID_NAME", "the name is not valid"},
	BadPathname:        {"ERROR_BAD_PATHNAME", "a name must not begin with a backslash"},
	Busy:               {"ERROR_BUSY", "another process stopped in the middle of burying the old object"},
	AlreadyExists:      {"ERROR_ALREADY_EXISTS", "an object of this name exists"},
	BadExeFormat:       {"ERROR_BAD_EXE_FORMAT", "the file is no program of Windows"},
	WaitTimeout:        {"WAIT_TIMEOUT", "timed out"},
	FilenameTooLong:    {"ERROR_FILENAME_EXCED_RANGE", "the name is too long"},
	InvalidAddress:     {"ERROR_INVALID_ADDRESS", "the address is in no view"},
	NotOwner:           {"ERROR_NOT_OWNER", "this handle does not own the mutex"},
	TooManyPosts:       {"ERROR_TOO_MANY_POSTS", "the semaphore's count would go above its maximum"},
	MutantLimit:        {"ERROR_MUTANT_LIMIT_EXCEEDED", "the mutex is locked too many times by its owner"},
	NoAccess:           {"ERROR_NOACCESS", "a pointer leads nowhere that may be used"},
	InPageError:        {"ERROR_SWAPERROR", "a page of the view could not be read"},
	FileInvalid:        {"ERROR_FILE_INVALID", "the file is empty, and no size was asked for"},
	NotFound:           {"ERROR_NOT_FOUND", "not found"},
	MappedAlignment:    {"ERROR_MAPPED_ALIGNMENT", "the offset is not a multiple of 65536"},
	UnknownRevision:    {"ERROR_UNKNOWN_REVISION", "the revision of the security descriptor is not known"},
	NoneMapped:         {"ERROR_NONE_MAPPED", "no such user or group"},
	PrivilegeNotHeld:   {"ERROR_PRIVILEGE_NOT_HELD", "a privilege is missing"},
	FileCorrupt:        {"ERROR_FILE_CORRUPT", "the entry of this name is corrupt"},
	NoSystemResources:  {"ERROR_NO_SYSTEM_RESOURCES", "a limit of the system is reached"},
	CommitmentLimit:    {"ERROR_COMMITMENT_LIMIT", "the machine does not have that much memory"},
	Timeout:            {"ERROR_TIMEOUT", "timed out"},
	IODevice:           {"ERROR_IO_DEVICE", "reading or writing failed"},
	InvalidSecurityDes: {"ERROR_INVALID_SECURITY_DESCR", "the security descriptor is not valid"},
}

// Symbol is the code's name in the Windows headers, or "" for one that this module never returns by itself.
func (c Code) Symbol() string { return codes[c].symbol }

// Error is what the code means for a named object, without the number: whoever prints it adds that.
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
	if f.Cause != nil {
		return f.Code.Error() + ": " + f.Cause.Error()
	}
	return f.Code.Error()
}

// Unwrap gives errors.Is and errors.As the code and the cause.
func (f *Fault) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Code}
	}
	return []error{f.Code, f.Cause}
}

// fail makes a Fault whose cause is a sentence of ours.
func fail(code Code, format string, args ...any) error {
	return &Fault{Code: code, Cause: fmt.Errorf(format, args...)}
}

// advise adds what a person can do to a Fault that has no advice yet.
func advise(err error, format string, args ...any) error {
	var f *Fault
	if errors.As(err, &f) && f.Advice == "" {
		g := *f
		g.Advice = fmt.Sprintf(format, args...)
		return &g
	}
	return err
}

// codeOf is the code of an error that this package made; 0 when it made none.
func codeOf(err error) Code {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return 0
}

// CodeOf is the Win32 code of an error of this package; 0 for another one, such as a context's.
func CodeOf(err error) Code {
	var c Code
	if code := codeOf(err); code != 0 {
		return code
	}
	errors.As(err, &c)
	return c
}
