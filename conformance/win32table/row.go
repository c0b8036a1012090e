package win32table

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/conformance/table"
)

// row is one line of the table.
type row struct {
	id, area, given, call, result, symbol, number, source, wine string
}

// passedOver are the areas that are about Windows' own security and private namespaces.
var passedOver = map[string]bool{"security": true, "private-namespace": true}

// aboutWaitables are the areas that are about events, mutexes and semaphores. Some phrases mean something else there.
var aboutWaitables = map[string]bool{
	"name-clash": true, "event": true, "mutex": true, "semaphore": true, "wait": true, "wait-multiple": true,
}

func readRows() ([]row, error) {
	var rows []row
	lines := strings.Split(strings.TrimRight(table.Text, "\n"), "\n")
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 9 {
			return nil, fmt.Errorf("line %d of the table has %d columns, want 9", i+2, len(f))
		}
		if r := (row{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]}); !passedOver[r.area] {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func findRow(rows []row, id string) (row, bool) {
	for _, r := range rows {
		if r.id == id {
			return r, true
		}
	}
	return row{}, false
}

// code is the last error that the row expects.
func (r row) code() (uint32, bool) {
	n, err := strconv.ParseUint(r.number, 10, 32)
	return uint32(n), err == nil
}

// wrongInWine reports a row that Wine itself is known to get wrong.
func (r row) wrongInWine() bool { return strings.HasPrefix(r.wine, "DIFF") }

var parenthesis = regexp.MustCompile(`\s*\([^()]*\)$`)

// bare is a phrase without the remark in parentheses that ends it.
func bare(s string) string { return strings.TrimSpace(parenthesis.ReplaceAllString(s, "")) }

var (
	powerPattern = regexp.MustCompile(`^2\^(\d+)(-1)?$`)
	sizePattern  = regexp.MustCompile(`^(\d+)\s*(KiB|MiB|GiB)?$`)
)

// parseSize reads a number of bytes: 4096, 128 KiB, 2^39, 2^63-1, SIZE_MAX.
func parseSize(s string) (uint64, error) {
	s = bare(s)
	if s == "SIZE_MAX" {
		return math.MaxUint64, nil
	}
	if m := powerPattern.FindStringSubmatch(s); m != nil {
		exponent, _ := strconv.Atoi(m[1])
		n := uint64(1) << exponent
		if m[2] != "" {
			n--
		}
		return n, nil
	}
	if m := sizePattern.FindStringSubmatch(s); m != nil {
		n, err := strconv.ParseUint(m[1], 10, 64)
		return n << map[string]int{"": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]], err
	}
	return 0, fmt.Errorf("%q is no size", s)
}

// numbers are what the table's words for rights, protections and flags stand for.
var numbers = map[string]uint32{
	"FILE_MAP_READ": 4, "READ": 4, "FILE_MAP_WRITE": 2, "WRITE": 2, "FILE_MAP_COPY": 1, "COPY": 1,
	"FILE_MAP_EXECUTE": 0x20, "EXECUTE": 0x20, "FILE_MAP_ALL_ACCESS": 0xF001F, "SECTION_MAP_EXECUTE": 8,
	"GENERIC_READ": 0x80000000, "GENERIC_WRITE": 0x40000000, "GENERIC_ALL": 0x10000000,
	"ACCESS_SYSTEM_SECURITY": 0x01000000, "READ_CONTROL": 0x20000, "FILE_MAP_READ_CONTROL": 0x20000, "DELETE": 0x10000,
	"MAXIMUM_ALLOWED": 0x02000000, "SYNCHRONIZE": 0x100000, "0": 0, "access 0": 0,

	"PAGE_NOACCESS": 1, "PAGE_READONLY": 2, "PAGE_READWRITE": 4, "PAGE_WRITECOPY": 8, "PAGE_EXECUTE_READ": 0x20,
	"PAGE_EXECUTE_READWRITE": 0x40, "PAGE_EXECUTE_WRITECOPY": 0x80,

	"SEC_COMMIT": 0x08000000, "SEC_RESERVE": 0x04000000, "SEC_NOCACHE": 0x10000000, "SEC_WRITECOMBINE": 0x40000000,
	"SEC_LARGE_PAGES": 0x80000000, "SEC_IMAGE": 0x01000000, "SEC_FILE": 0x00800000, "SEC_IMAGE_NO_EXECUTE": 0x11000000,

	"MEM_COMMIT": 0x1000, "MEM_RESERVE": 0x2000, "MEM_DECOMMIT": 0x4000, "MEM_RELEASE": 0x8000, "MEM_FREE": 0x10000,
	"MEM_MAPPED": 0x40000,
}

// parseBits reads words joined by bars. A word may come without what begins all of its group: SEC_COMMIT|RESERVE.
func parseBits(s string) (bits uint32, err error) {
	s = strings.TrimSuffix(bare(strings.TrimPrefix(s, "|")), " passed by mistake")
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

var grantedPattern = regexp.MustCompile(`granted (?:all rights the DACL grants \()?0x([0-9A-Fa-f]+)`)

// grantedTo is what CreateFileMapping gives the creator for a protection: what the table's flProtect rows say, and for
// the most usual one what it says of a second creator.
func grantedTo(rows []row, protect uint32) (mask uint64) {
	for _, r := range rows {
		if r.area == "flProtect" && r.call == fmt.Sprintf("CreateFileMapping(flProtect=%#x)", protect) {
			if m := grantedPattern.FindStringSubmatch(r.result); m != nil {
				mask, _ = strconv.ParseUint(m[1], 16, 32)
			}
		}
	}
	if r, ok := findRow(rows, "CRE-010d"); mask == 0 && ok && protect == numbers["PAGE_READWRITE"] {
		mask, _ = strconv.ParseUint(r.result, 0, 32)
	}
	return mask
}
