// Package wtf8 converts between the UTF-16 of Windows' names and the bytes that stand for it here. Names in Windows are
// units, not text: a surrogate may stand alone. WTF-8 is UTF-8 with one addition: such a surrogate becomes three bytes,
// as any other unit of its size does. So every name has a string of its own, and comes back from it unchanged. A pair
// of surrogates written as two times three bytes is not WTF-8: the name has a string already.
package wtf8

import (
	"unicode/utf16"
	"unicode/utf8"
)

// surrogateLen is the length of a lone surrogate.
const surrogateLen = 3

// Decode returns the string for UTF-16 units.
func Decode(units []uint16) string {
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

// Encode returns the UTF-16 units for a string, with room for one more. Each byte that is not WTF-8 becomes U+FFFD.
func Encode(s string) []uint16 {
	units := make([]uint16, 0, len(s)+1)
	for i := 0; i < len(s); {
		r, size, _ := next(s[i:])
		if utf16.IsSurrogate(r) {
			units = append(units, uint16(r))
		} else {
			units = utf16.AppendRune(units, r)
		}
		i += size
	}
	return units
}

// Units returns how many UTF-16 units a string has. ok is false if it is not WTF-8.
func Units(s string) (units int, ok bool) {
	for i := 0; i < len(s); {
		r, size, ok := next(s[i:])
		if !ok {
			return 0, false
		}
		if r >= 0x10000 {
			units++
		}
		units++
		i += size
	}
	return units, true
}

// next returns the first code point of a string and its length. ok is false for a byte that is not WTF-8, which has the
// length 1.
func next(s string) (r rune, size int, ok bool) {
	r, size = utf8.DecodeRuneInString(s)
	if r != utf8.RuneError || size != 1 {
		return r, size, true
	}
	if r, ok := surrogate(s); ok {
		if low, ok := surrogate(s[surrogateLen:]); !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return r, surrogateLen, true
		}
	}
	return utf8.RuneError, 1, false
}

// surrogate returns the surrogate that a string begins with.
func surrogate(s string) (r rune, ok bool) {
	if len(s) < surrogateLen || s[0] != 0xED || s[1] < 0xA0 || s[1] > 0xBF || s[2] < 0x80 || s[2] > 0xBF {
		return 0, false
	}
	return rune(s[0]&0x0F)<<12 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), true
}
