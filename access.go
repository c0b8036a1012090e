package namedshm

import (
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/words"
)

// Access is what a handle or a view may be used for: a set of the constants below.
//
// A view never has more access than its handle, and a handle never more than the section's security allows. On Unix
// the kernel enforces both: a read handle is a read-only descriptor or attachment.
//
// Source: the FILE_MAP_* constants, with their numbers.
type Access uint32

const (
	// Read allows views that are read.
	Read Access = 0x04
	// Write allows views that are read and written; it implies Read. (In Windows a handle can have the right to
	// write without the right to read, although no view can be written and not read.)
	Write Access = 0x02
	// Copy allows copy-on-write views: what is written stays private to the view. It has an effect only when it is
	// alone, Execute aside: Copy|Read maps a read-only view, Copy|Write a shared one.
	Copy Access = 0x01
	// Execute allows views whose bytes may be executed; combine it with one of the others.
	Execute Access = 0x20
	// ReadWrite is Read and Write.
	ReadWrite = Read | Write
)

var accessWords = words.Table{
	{Value: uint32(Read), Text: "read"}, {Value: uint32(Write), Text: "write"}, {Value: uint32(Copy), Text: "copy"},
	{Value: uint32(Execute), Text: "execute"},
}

// String is the set in words: "read|write".
func (a Access) String() string { return accessWords.Set(uint32(a)) }

// MarshalText is String, for JSON.
func (a Access) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Access) UnmarshalText(text []byte) error {
	set, err := accessWords.ReadSet(text)
	return unmarshaled(a, set, err)
}

// kernel is the access as the object manager takes it: with what Write implies.
func (a Access) kernel() kernel.Access {
	if a&Write != 0 {
		a |= Read
	}
	return kernel.Access(a)
}

// Protection is the most access that any view of a section may ever have. It is fixed at creation.
//
// Source: the PAGE_* constants of CreateFileMapping, with their numbers.
type Protection uint32

const (
	// PageReadOnly allows read and copy views. Nobody can ever write such a section: its bytes stay zero.
	PageReadOnly Protection = 0x02
	// PageReadWrite allows read, write and copy views. It is the default.
	PageReadWrite Protection = 0x04
	// PageWriteCopy allows what PageReadOnly allows.
	PageWriteCopy Protection = 0x08
	// PageExecuteRead allows read and copy views that may be executed.
	PageExecuteRead Protection = 0x20
	// PageExecuteReadWrite allows everything.
	PageExecuteReadWrite Protection = 0x40
	// PageExecuteWriteCopy allows what PageExecuteRead allows.
	PageExecuteWriteCopy Protection = 0x80
)

var protectionWords = words.Table{
	{Value: uint32(PageReadOnly), Text: "read-only"}, {Value: uint32(PageReadWrite), Text: "read-write"},
	{Value: uint32(PageWriteCopy), Text: "write-copy"}, {Value: uint32(PageExecuteRead), Text: "execute-read"},
	{Value: uint32(PageExecuteReadWrite), Text: "execute-read-write"},
	{Value: uint32(PageExecuteWriteCopy), Text: "execute-write-copy"},
}

// String is the protection in words: "read-write".
func (p Protection) String() string { return protectionWords.One(uint32(p)) }

// MarshalText is String, for JSON.
func (p Protection) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Protection) UnmarshalText(text []byte) error {
	value, err := protectionWords.ReadOne(text, 32)
	return unmarshaled(p, value, err)
}

// unmarshaled stores what was read, if it could be.
func unmarshaled[T ~uint8 | ~uint32](to *T, value uint32, err error) error {
	if err != nil {
		return &Error{Op: "unmarshal", Code: ErrInvalidParameter, Cause: err}
	}
	*to = T(value)
	return nil
}
