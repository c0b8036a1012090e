package win32

import (
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// UTF16FromString is a string in UTF-16, with a NUL at its end. A lone surrogate may stand in it as its three bytes; other
// bytes that are no UTF-8 become U+FFFD. A NUL in the string is ERROR_INVALID_PARAMETER, on Windows syscall.EINVAL.
func UTF16FromString(s string) ([]uint16, error) { return utf16FromString(s) }

// UTF16PtrFromString is UTF16FromString's first unit, as the calls take a name.
func UTF16PtrFromString(s string) (*uint16, error) {
	units, err := utf16FromString(s)
	if err != nil {
		return nil, err
	}
	return &units[0], nil
}

// StringToUTF16 is UTF16FromString for a string that has no NUL in it: it panics over one.
func StringToUTF16(s string) []uint16 {
	units, err := utf16FromString(s)
	if err != nil {
		panic("win32: a string with a NUL in it")
	}
	return units
}

// StringToUTF16Ptr is StringToUTF16's first unit.
func StringToUTF16Ptr(s string) *uint16 { return &StringToUTF16(s)[0] }

// UTF16ToString is the string that UTF-16 units up to the first NUL stand for. A lone surrogate becomes its three bytes.
func UTF16ToString(s []uint16) string {
	for i, unit := range s {
		if unit == 0 {
			s = s[:i]
			break
		}
	}
	return wtf8(s)
}

// UTF16PtrToString is the string that the UTF-16 units from p to the first NUL stand for; "" for nil.
func UTF16PtrToString(p *uint16) string { return wtf8(unitsAt(p)) }

// UTF16PtrFromANSI is a name as the A functions of Windows take it, with a NUL at its end: nil stays nil. It is in the
// process's code page, which on Unix is UTF-8.
//
// Errors: ERROR_FILENAME_EXCED_RANGE for more than MAX_PATH units, ERROR_INVALID_NAME for what is no text.
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

// wtf8 is UTF-8, but that a lone surrogate becomes its three bytes: names are units, and need not be text.
func wtf8(units []uint16) string {
	b := make([]byte, 0, len(units)+len(units)/2)
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		switch {
		case !utf16.IsSurrogate(r):
			b = utf8.AppendRune(b, r)
		case i+1 < len(units) && utf16.DecodeRune(r, rune(units[i+1])) != utf8.RuneError:
			b = utf8.AppendRune(b, utf16.DecodeRune(r, rune(units[i+1])))
			i++
		default:
			b = append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
		}
	}
	return string(b)
}

// unitsOf is the other way round.
func unitsOf(s string) []uint16 {
	units := make([]uint16, 0, len(s)+1)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 && i+2 < len(s) && s[i] == 0xED && s[i+1]&0xE0 == 0xA0 && s[i+2]&0xC0 == 0x80 {
			units = append(units, uint16(s[i]&0x0F)<<12|uint16(s[i+1]&0x3F)<<6|uint16(s[i+2]&0x3F))
			i += 3
			continue
		}
		units = utf16.AppendRune(units, r)
		i += size
	}
	return units
}
