package namedshm

import (
	"fmt"
	"strings"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Access is what a handle or a view may do: a set of the constants below.
//
// A view never has more access than its handle, and a handle never more than the section's security allows. On Unix
// the kernel enforces both: a read handle is a read-only descriptor or attachment.
//
// Source: the FILE_MAP_* constants, with their numbers.
type Access uint32

const (
	// Read allows views that are read.
	Read Access = Access(kernel.Read)
	// Write allows views that are read and written; it implies Read. (In Windows a handle can have the right to
	// write without the right to read, although no view can be written and not read.)
	Write Access = Access(kernel.Write)
	// Copy allows copy-on-write views: what is written stays private to the view. It counts only where it stands
	// alone, Execute aside: Copy|Read maps a read-only view, Copy|Write a shared one.
	Copy Access = Access(kernel.Copy)
	// Execute allows views whose bytes may be run; it is joined with one of the others.
	Execute Access = Access(kernel.Execute)
	// ReadWrite is Read and Write.
	ReadWrite = Read | Write
)

// String is the set in words: "read|write".
func (a Access) String() string {
	var words []string
	for _, w := range []struct {
		bit  Access
		word string
	}{{Read, "read"}, {Write, "write"}, {Copy, "copy"}, {Execute, "execute"}} {
		if a&w.bit != 0 {
			words = append(words, w.word)
			a &^= w.bit
		}
	}
	if a != 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(a)))
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, "|")
}

// MarshalText makes Access readable in JSON.
func (a Access) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// kernel is the access as the object manager takes it: with what Write implies.
func (a Access) kernel() kernel.Access {
	if a&Write != 0 {
		a |= Read
	}
	return kernel.Access(a)
}

// Protection is the most that any view of a section may ever have. It is fixed at creation.
//
// Source: the PAGE_* constants of CreateFileMapping, with their numbers.
type Protection uint32

const (
	// PageReadOnly allows read and copy views. Nobody can ever write such a section: its bytes stay zero.
	PageReadOnly Protection = Protection(kernel.PageReadOnly)
	// PageReadWrite allows read, write and copy views. It is the default.
	PageReadWrite Protection = Protection(kernel.PageReadWrite)
	// PageWriteCopy allows what PageReadOnly allows.
	PageWriteCopy Protection = Protection(kernel.PageWriteCopy)
	// PageExecuteRead allows read and copy views that may be run.
	PageExecuteRead Protection = Protection(kernel.PageExecuteRead)
	// PageExecuteReadWrite allows everything.
	PageExecuteReadWrite Protection = Protection(kernel.PageExecuteReadWrite)
	// PageExecuteWriteCopy allows what PageExecuteRead allows.
	PageExecuteWriteCopy Protection = Protection(kernel.PageExecuteWriteCopy)
)

var protectionNames = map[Protection]string{
	PageReadOnly: "read-only", PageReadWrite: "read-write", PageWriteCopy: "write-copy",
	PageExecuteRead: "execute-read", PageExecuteReadWrite: "execute-read-write", PageExecuteWriteCopy: "execute-write-copy",
}

// String is the protection in words: "read-write".
func (p Protection) String() string {
	if name, ok := protectionNames[p]; ok {
		return name
	}
	return fmt.Sprintf("%#x", uint32(p))
}

// MarshalText makes Protection readable in JSON.
func (p Protection) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
