package win32

import (
	"unsafe"

	"github.com/namedshm/namedshm/internal/wtf8"
)

// UTF16FromString returns a string in UTF-16, with a NUL at its end. The string may contain a lone surrogate as three
// bytes; other bytes that are not UTF-8 become U+FFFD. A NUL in the string gives ERROR_INVALID_PARAMETER, on Windows
// syscall.EINVAL.
func UTF16FromString(s string) ([]uint16, error) { return utf16FromString(s) }

// UTF16PtrFromString returns a pointer to the first unit of UTF16FromString, as the calls take a name.
func UTF16PtrFromString(s string) (*uint16, error) {
	units, err := utf16FromString(s)
	if err != nil {
		return nil, err
	}
	return &units[0], nil
}

// StringToUTF16 is UTF16FromString for a string without a NUL: it panics if there is one.
func StringToUTF16(s string) []uint16 {
	units, err := utf16FromString(s)
	if err != nil {
		panic("win32: the string contains a NUL")
	}
	return units
}

// StringToUTF16Ptr returns a pointer to the first unit of StringToUTF16.
func StringToUTF16Ptr(s string) *uint16 { return &StringToUTF16(s)[0] }

// UTF16ToString returns the string that UTF-16 units up to the first NUL encode. A lone surrogate becomes three bytes.
func UTF16ToString(s []uint16) string {
	for i, unit := range s {
		if unit == 0 {
			s = s[:i]
			break
		}
	}
	return wtf8.Decode(s)
}

// UTF16PtrToString is the string that the UTF-16 units from p to the first NUL stand for; "" for nil.
func UTF16PtrToString(p *uint16) string { return wtf8.Decode(unitsAt(p)) }

// UTF16PtrFromANSI converts a name with a NUL at its end as the A functions of Windows do; nil stays nil. The name is
// in the process's code page, which on Unix is UTF-8.
//
// Errors: ERROR_FILENAME_EXCED_RANGE for more than MAX_PATH units, ERROR_INVALID_NAME for what is not text.
func UTF16PtrFromANSI(name *byte) (*uint16, error) {
	if name == nil {
		return nil, nil
	}
	return utf16PtrFromANSI(name)
}

// unitsAt is the UTF-16 units from p to the first NUL.
func unitsAt(p *uint16) []uint16 {
	if p == nil {
		return nil
	}
	n := 0
	for at := unsafe.Pointer(p); *(*uint16)(at) != 0; n++ {
		at = unsafe.Add(at, unsafe.Sizeof(*p))
	}
	return unsafe.Slice(p, n)
}

// bytesAt is the bytes from p to the first NUL.
func bytesAt(p *byte) []byte {
	n := 0
	for at := unsafe.Pointer(p); *(*byte)(at) != 0; n++ {
		at = unsafe.Add(at, 1)
	}
	return unsafe.Slice(p, n)
}
