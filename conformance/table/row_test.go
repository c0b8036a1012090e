package table

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// row is one line of the table.
type row struct {
	id, area, given, call, result, symbol, number, source, wine string
}

// areas are the parts of the table that this test answers for; the others are about sections over files, private
// namespaces and Windows' own security.
var areas = map[string]bool{
	"create": true, "open": true, "name": true, "map": true, "protection-matrix": true, "views": true, "size": true,
	"flProtect": true, "SEC-flags": true, "lifetime": true, "unmap": true, "flush": true, "handle": true, "inherit": true,
	"name-clash": true, "event": true, "mutex": true, "semaphore": true, "wait": true, "wait-multiple": true,
	"global-privilege": true,
}

// aboutWaitables are the areas that are about events, mutexes and semaphores. Some phrases mean something else there.
var aboutWaitables = map[string]bool{
	"name-clash": true, "event": true, "mutex": true, "semaphore": true, "wait": true, "wait-multiple": true,
}

func readTable(t *testing.T, text string) []row {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var rows []row
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 9 {
			t.Fatalf("line %d of the table has %d columns, want 9", i+2, len(f))
		}
		r := row{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]}
		if areas[r.area] {
			rows = append(rows, r)
		}
	}
	return rows
}

func find(rows []row, id string) (row, bool) {
	for _, r := range rows {
		if r.id == id {
			return r, true
		}
	}
	return row{}, false
}

// code is the error that the row expects, or the last error after a success.
func (r row) code() (namedshm.Code, bool) {
	n, err := strconv.ParseUint(r.number, 10, 32)
	return namedshm.Code(n), err == nil
}

// wrongInWine reports a row that Wine itself is known to get wrong.
func (r row) wrongInWine() bool { return strings.HasPrefix(r.wine, "DIFF") }

// differsUnderWine reports a row that the library gets wrong with it.
func (r row) differsUnderWine() bool {
	return r.wrongInWine() && !slices.ContainsFunc(mendedUnderWine, func(p string) bool { return matches(p, r.id) })
}

// refused reports a row whose call is to fail.
func (r row) refused() bool {
	return strings.HasPrefix(r.result, "NULL") || strings.HasPrefix(r.result, "FALSE") || strings.HasPrefix(r.result, "WAIT_FAILED")
}

var parenthesis = regexp.MustCompile(`\s*\([^()]*\)$`)

// bare is a phrase without the remark in parentheses that ends it.
func bare(s string) string { return strings.TrimSpace(parenthesis.ReplaceAllString(s, "")) }

var (
	powerPattern = regexp.MustCompile(`^2\^(\d+)(-1)?$`)
	sizePattern  = regexp.MustCompile(`^(\d+)\s*(KiB|MiB|GiB)?$`)
)

// parseSize reads a number of bytes: 4096, 128 KiB, 2^39, 2^63-1, SIZE_MAX.
func parseSize(s string) (int64, error) {
	s = bare(s)
	if s == "SIZE_MAX" {
		return -1, nil // the same bits: this API counts in int64, Windows in size_t
	}
	if m := powerPattern.FindStringSubmatch(s); m != nil {
		exponent, _ := strconv.Atoi(m[1])
		switch {
		case exponent == 63 && m[2] != "":
			return math.MaxInt64, nil
		case exponent < 63 && m[2] == "":
			return 1 << exponent, nil
		}
	}
	if m := sizePattern.FindStringSubmatch(s); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 64)
		return n << map[string]int{"": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]], err
	}
	return 0, fmt.Errorf("%q is no size", s)
}

var accessWords = map[string]namedshm.Access{
	"FILE_MAP_READ": namedshm.Read, "READ": namedshm.Read,
	"FILE_MAP_WRITE": namedshm.Write, "WRITE": namedshm.Write,
	"FILE_MAP_COPY": namedshm.Copy, "COPY": namedshm.Copy,
	"FILE_MAP_EXECUTE": namedshm.Execute, "EXECUTE": namedshm.Execute,
	// The whole mask but its FILE_MAP_EXECUTE, which it does not hold: what MapViewOfFile makes of it.
	"FILE_MAP_ALL_ACCESS": namedshm.ReadWrite,
	"0":                   0, "access 0": 0,
}

// parseAccess reads FILE_MAP_READ|FILE_MAP_WRITE and the like, as MapViewOfFile takes it.
func parseAccess(s string) (namedshm.Access, error) {
	if p, ok := strings.CutSuffix(bare(s), " passed by mistake"); ok {
		protection, err := parseProtection(p)
		return namedshm.Access(protection), err
	}
	var access namedshm.Access
	for word := range strings.SplitSeq(bare(s), "|") {
		a, ok := accessWords[word]
		if !ok {
			return 0, fmt.Errorf("%q is no access of this API", word)
		}
		access |= a
	}
	return access, nil
}

// parseOpenAccess is parseAccess for OpenFileMapping, where FILE_MAP_ALL_ACCESS carries the right to execute too
// (SECTION_MAP_EXECUTE, another bit than FILE_MAP_EXECUTE).
func parseOpenAccess(s string) (namedshm.Access, error) {
	if bare(s) == "FILE_MAP_ALL_ACCESS" {
		return namedshm.ReadWrite | namedshm.Execute, nil
	}
	return parseAccess(s)
}

var protections = map[string]namedshm.Protection{
	"PAGE_READONLY": namedshm.PageReadOnly, "PAGE_READWRITE": namedshm.PageReadWrite, "PAGE_WRITECOPY": namedshm.PageWriteCopy,
	"PAGE_EXECUTE_READ": namedshm.PageExecuteRead, "PAGE_EXECUTE_READWRITE": namedshm.PageExecuteReadWrite,
	"PAGE_EXECUTE_WRITECOPY": namedshm.PageExecuteWriteCopy,
}

// parseProtection reads PAGE_READWRITE or 0x4.
func parseProtection(s string) (namedshm.Protection, error) {
	if p, ok := protections[s]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 0, 32)
	return namedshm.Protection(n), err
}

// Rights to a section, as granted masks have them.
const (
	mapWriteRight   = 0x2
	mapReadRight    = 0x4
	mapExecuteRight = 0x8
)

var grantedPattern = regexp.MustCompile(`granted 0x([0-9A-Fa-f]+)`)

// grantedTo is what CreateFileMapping gives the creator for a protection: what the table's flProtect rows say. For a
// protection that is none it is what a caller would want.
func grantedTo(rows []row, p namedshm.Protection) (mask uint64, access namedshm.Access) {
	for _, r := range rows {
		if r.area != "flProtect" || r.call != fmt.Sprintf("CreateFileMapping(flProtect=%#x)", uint32(p)) {
			continue
		}
		if m := grantedPattern.FindStringSubmatch(r.result); m != nil {
			mask, _ = strconv.ParseUint(m[1], 16, 32)
		}
	}
	if mask == 0 && p == namedshm.PageReadWrite {
		// The table has the most usual one elsewhere: as what a second creator with PAGE_READWRITE is granted.
		r, _ := find(rows, "CRE-010d")
		mask, _ = strconv.ParseUint(r.result, 0, 32)
	}
	if mask == 0 {
		return 0, namedshm.Read
	}
	if mask&mapReadRight != 0 {
		access |= namedshm.Read | namedshm.Copy
	}
	if mask&mapWriteRight != 0 {
		access |= namedshm.Write
	}
	if mask&mapExecuteRight != 0 {
		access |= namedshm.Execute
	}
	return mask, access
}
