//go:build unix && !aix

package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Objects of a rehearsal have names that begin with a backslash, which no user's can, and their files have names that
// begin with a dot, which listings leave out.
const (
	rehearsalName = `\doctor-`
	rehearsalFile = ".doctor-"
)

// fileName makes a file name of an object name. Bytes that may cause trouble become %XX; if the result is too long it
// is replaced by a hash, and only the entry has the full name. No result begins with a dot, so such names are free for
// the library's own files, and only hashed ones begin with "~".
func fileName(base string) string {
	const hexDigits = "0123456789ABCDEF"
	const longest = 200 // file systems allow 255; leave room for a temporary suffix
	if rest, ok := strings.CutPrefix(base, rehearsalName); ok {
		return rehearsalFile + fileName(rest)
	}
	plain := len(base) <= longest && !strings.HasPrefix(base, ".")
	for i := 0; plain && i < len(base); i++ {
		plain = isPlain(base[i])
	}
	if plain {
		return base
	}
	var b strings.Builder
	for i := 0; i < len(base) && b.Len() <= longest; i++ {
		if c := base[i]; isPlain(c) && !(c == '.' && i == 0) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	if b.Len() <= longest {
		return b.String()
	}
	sum := sha256.Sum256([]byte(base))
	return "~" + hex.EncodeToString(sum[:])
}

// isPlain reports whether a byte stands for itself in a file name. Capitals do not on a file system that folds case.
func isPlain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		return true
	case 'A' <= c && c <= 'Z':
		return !fileSystemFoldsCase
	}
	return false
}

// objectName undoes fileName as far as possible: a hashed name stays hashed.
func objectName(file string) string {
	var b []byte
	for i := 0; i < len(file); i++ {
		if file[i] == '%' && i+2 < len(file) {
			if c, err := strconv.ParseUint(file[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, file[i])
	}
	return string(b)
}
