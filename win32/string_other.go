//go:build !windows

package win32

import (
	"strings"
	"unicode/utf8"

	"github.com/namedshm/namedshm/internal/wtf8"
)

func utf16FromString(s string) ([]uint16, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, ERROR_INVALID_PARAMETER
	}
	return append(wtf8.Encode(s), 0), nil
}

func utf16PtrFromANSI(name *byte) (*uint16, error) {
	text := bytesAt(name)
	if !utf8.Valid(text) {
		return nil, ERROR_INVALID_NAME
	}
	units := append(wtf8.Encode(string(text)), 0)
	if len(units)-1 > MAX_PATH {
		return nil, ERROR_FILENAME_EXCED_RANGE
	}
	return &units[0], nil
}
