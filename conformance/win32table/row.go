package win32table

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// passedOver are the areas that are about Windows' own security and private namespaces.
var passedOver = map[string]bool{"security": true, "private-namespace": true}

func readRows() (spec.Table, error) {
	return spec.Read(spec.Text, func(area string) bool { return !passedOver[area] })
}

// numbers are what the table's words for rights, protections and flags stand for.
var numbers = map[string]uint32{
	"FILE_MAP_READ": 4, "READ": 4, "FILE_MAP_WRITE": 2, "WRITE": 2, "FILE_MAP_COPY": 1, "COPY": 1,
	"FILE_MAP_EXECUTE": 0x20, "EXECUTE": 0x20, "FILE_MAP_ALL_ACCESS": 0xF001F, "SECTION_MAP_EXECUTE": 8,
	"GENERIC_READ": 0x80000000, "GENERIC_WRITE": 0x40000000, "GENERIC_EXECUTE": 0x20000000, "GENERIC_ALL": 0x10000000,
	"ACCESS_SYSTEM_SECURITY": 0x01000000, "READ_CONTROL": 0x20000, "FILE_MAP_READ_CONTROL": 0x20000, "DELETE": 0x10000,
	"MAXIMUM_ALLOWED": 0x02000000, "SYNCHRONIZE": 0x100000, "0": 0, "access 0": 0,

	"PAGE_NOACCESS": 1, "PAGE_READONLY": 2, "PAGE_READWRITE": 4, "PAGE_WRITECOPY": 8, "PAGE_EXECUTE_READ": 0x20,
	"PAGE_EXECUTE_READWRITE": 0x40, "PAGE_EXECUTE_WRITECOPY": 0x80, "PAGE_NOCACHE": 0x200, "PAGE_WRITECOMBINE": 0x400,

	"SEC_COMMIT": 0x08000000, "SEC_RESERVE": 0x04000000, "SEC_NOCACHE": 0x10000000, "SEC_WRITECOMBINE": 0x40000000,
	"SEC_LARGE_PAGES": 0x80000000, "SEC_IMAGE": 0x01000000, "SEC_FILE": 0x00800000, "SEC_IMAGE_NO_EXECUTE": 0x11000000,

	"MEM_COMMIT": 0x1000, "MEM_RESERVE": 0x2000, "MEM_DECOMMIT": 0x4000, "MEM_RELEASE": 0x8000, "MEM_FREE": 0x10000,
	"MEM_MAPPED": 0x40000,
}

// parseBits reads words joined by bars. A word may come without what begins all of its group: SEC_COMMIT|RESERVE.
func parseBits(s string) (bits uint32, err error) {
	s = strings.TrimSuffix(spec.Bare(strings.TrimPrefix(s, "|")), " passed by mistake")
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(n), nil
	}
	group := ""
	for word := range strings.SplitSeq(s, "|") {
		n, ok := numbers[word]
		if !ok {
			n, ok = numbers[group+word]
		}
		if !ok {
			return 0, fmt.Errorf("%q is no word that is known", word)
		}
		if prefix, _, found := strings.Cut(word, "_"); found {
			group = prefix + "_"
		}
		bits |= n
	}
	return bits, nil
}
