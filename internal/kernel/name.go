package kernel

import (
	"strings"
	"unicode/utf8"
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

// Name is an object name, taken apart. Base holds no backslash and is well-formed WTF-8: UTF-8, except that a lone
// surrogate, which Windows allows, may stand as its three bytes.
type Name struct {
	Namespace Namespace
	Base      string
}

// String is the name with its prefix.
func (n Name) String() string { return n.Namespace.String() + n.Base }

// nestedError is what ParseName returns for a name with a backslash behind its first component. Whether that is
// "path not found" or "that is no directory" depends on whether the first component names an object (table rows
// NAM-070 to NAM-072), which only the object manager knows.
type nestedError struct{ outer Name }

func (e *nestedError) Error() string { return PathNotFound.Error() }
func (e *nestedError) Unwrap() error { return PathNotFound }

// ParseName takes a name apart by the rules of windows' object namespace. The empty name is the unnamed object.
// Names are compared byte by byte: nothing is folded, trimmed or normalised.
func ParseName(s string) (Name, error) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return Name{}, fail(InvalidName, "byte %d is NUL", i)
	}
	units, ok := utf16Units(s)
	if !ok {
		return Name{}, fail(InvalidName, "the name is not UTF-8")
	}
	if units > maxNameUnits {
		return Name{}, fail(FilenameTooLong, "%d UTF-16 units, at most %d", units, maxNameUnits)
	}
	switch {
	case s == "":
		return Name{}, nil
	case s[0] == '\\':
		return Name{}, &Fault{Code: BadPathname}
	case s == "Global", s == "Local", s == "Session":
		// In Windows these are links in the object directory: another kind of object.
		return Name{}, fail(InvalidHandle, "%q is reserved", s)
	}
	name := Name{Local, s}
	if rest, found := strings.CutPrefix(s, `Global\`); found {
		name = Name{Global, rest}
	} else if rest, found := strings.CutPrefix(s, `Local\`); found {
		name = Name{Local, rest}
	}
	first, _, nested := strings.Cut(name.Base, `\`)
	switch {
	case first == "":
		return Name{}, fail(InvalidName, "nothing stands behind the prefix")
	case nested && name.Namespace == Local && first == "Session" && !strings.HasPrefix(s, `Local\`):
		return Name{}, fail(PathNotFound, "numbered sessions are Windows' own")
	case nested:
		return Name{}, &nestedError{outer: Name{name.Namespace, first}}
	}
	return name, nil
}

// utf16Units counts the UTF-16 units of a WTF-8 string, and says whether it is one.
func utf16Units(s string) (units int, ok bool) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			if !isSurrogate(s[i:]) {
				return 0, false
			}
			size = 3
		}
		if r >= 0x10000 {
			units++
		}
		units++
		i += size
	}
	return units, true
}

// isSurrogate reports whether s begins with a surrogate in its three-byte form, U+D800 to U+DFFF.
func isSurrogate(s string) bool {
	return len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2] >= 0x80 && s[2] <= 0xBF
}
