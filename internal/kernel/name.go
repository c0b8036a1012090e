package kernel

import (
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/wtf8"
)

// Namespace says who can see a name.
type Namespace uint8

const (
	Unnamed Namespace = iota // the object has no name; only handles reach it
	Local                    // one user, in one PID namespace
	Global                   // the machine
)

// String is the prefix that names the namespace.
func (n Namespace) String() string {
	switch n {
	case Local:
		return `Local\`
	case Global:
		return `Global\`
	}
	return ""
}

// maxNameUnits is the longest name, in UTF-16 units and with its prefix, that Windows' wide functions take.
const maxNameUnits = 32766

// Name is an object name, taken apart. Base contains no backslash and is well-formed WTF-8: see package wtf8.
type Name struct {
	Namespace Namespace
	Base      string
}

// String is the name with its prefix.
func (n Name) String() string { return n.Namespace.String() + n.Base }

// nestedError is what ParseName returns for a name with a backslash behind its first component. Whether that means
// "path not found" or "not a directory" depends on whether the first component names an object (table rows NAM-070 to
// NAM-072), which only the object manager knows.
type nestedError struct{ outer Name }

func (e *nestedError) Error() string { return fault.PathNotFound.Error() }
func (e *nestedError) Unwrap() error { return fault.PathNotFound }

// ParseName takes a name apart by the rules of Windows' object namespace. The empty name is the unnamed object. A
// prefix may follow another: Local\Local\N is N, and after Global\ everything is the machine's, so that Local\Global\N
// and Global\Local\N are both Global\N. Names are compared byte by byte: nothing is folded, trimmed or normalised.
func ParseName(s string) (Name, error) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return Name{}, fault.Fail(fault.InvalidName, "byte %d is NUL", i)
	}
	units, ok := wtf8.Units(s)
	if !ok {
		return Name{}, fault.Fail(fault.InvalidName, "the name is not UTF-8")
	}
	if units > maxNameUnits {
		return Name{}, fault.Fail(fault.FilenameTooLong, "%d UTF-16 units, at most %d", units, maxNameUnits)
	}
	switch {
	case s == "":
		return Name{}, nil
	case s[0] == '\\':
		return Name{}, &fault.Fault{Code: fault.BadPathname}
	}
	// In Windows these are links in each object directory, to the session's own directory or to the machine's: Local
	// stays where it is, and no link leads back from Global.
	namespace := Local
	for rest := s; ; {
		first, behind, nested := strings.Cut(rest, `\`)
		switch {
		case !nested && (first == "Global" || first == "Local" || first == "Session"):
			return Name{}, fault.BadHandle("the name %q is reserved: it stands for a namespace", first)
		case nested && first == "Global":
			namespace, rest = Global, behind
		case nested && first == "Local":
			rest = behind
		case nested && first == "Session":
			return Name{}, fault.Fail(fault.PathNotFound, "numbered sessions exist only on Windows")
		case first == "":
			return Name{}, fault.Fail(fault.InvalidName, "nothing follows the prefix")
		case nested:
			return Name{}, &nestedError{outer: Name{namespace, first}}
		default:
			return Name{namespace, first}, nil
		}
	}
}

// resolveExisting is resolve for calls that never create: there Windows takes the empty name for the directory.
func resolveExisting(name string) (Name, error) {
	if name == "" {
		return Name{}, fault.BadHandle("the name is empty")
	}
	return resolve(name)
}

// resolve parses a name. For a nested one it asks whether the first component is an object: if so, the component is not
// a directory (ERROR_INVALID_HANDLE); otherwise the path is not found.
func resolve(name string) (Name, error) {
	parsed, err := ParseName(name)
	if nested, ok := err.(*nestedError); ok {
		if exists(nested.outer) {
			return Name{}, fault.BadHandle("%s is an object, not a directory", nested.outer)
		}
		return Name{}, fault.Fail(fault.PathNotFound, "no directory %q", nested.outer.Base)
	}
	return parsed, err
}
