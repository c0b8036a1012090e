package gotable

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// areas are the parts of the table that this test answers for; the others are about sections over files, private
// namespaces and Windows' own security.
var areas = map[string]bool{
	"create": true, "open": true, "name": true, "map": true, "protection-matrix": true, "views": true, "size": true,
	"flProtect": true, "SEC-flags": true, "lifetime": true, "unmap": true, "flush": true, "handle": true, "inherit": true,
	"name-clash": true, "event": true, "mutex": true, "semaphore": true, "wait": true, "wait-multiple": true,
	"global-privilege": true,
}

func readTable(t *testing.T, text string) spec.Table {
	t.Helper()
	rows, err := spec.Read(text, func(area string) bool { return areas[area] })
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// differsUnderWine reports a row that the library gets wrong with Wine.
func differsUnderWine(r spec.Row) bool { return r.WrongInWine() && !r.Is(mendedUnderWine...) }

// refused reports a row whose call is to fail.
func refused(r spec.Row) bool {
	return strings.HasPrefix(r.Result, "NULL") || strings.HasPrefix(r.Result, "FALSE") ||
		strings.HasPrefix(r.Result, "WAIT_FAILED")
}

// parseSize reads a number of bytes. SIZE_MAX becomes a number with the same bits: this API counts in int64, Windows in
// size_t.
func parseSize(s string) (int64, error) {
	n, err := spec.Size(s)
	return int64(n), err
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
	if p, ok := strings.CutSuffix(spec.Bare(s), " passed by mistake"); ok {
		protection, err := parseProtection(p)
		return namedshm.Access(protection), err
	}
	var access namedshm.Access
	for word := range strings.SplitSeq(spec.Bare(s), "|") {
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
	if spec.Bare(s) == "FILE_MAP_ALL_ACCESS" {
		return namedshm.ReadWrite | namedshm.Execute, nil
	}
	return parseAccess(s)
}

var protections = map[string]namedshm.Protection{
	"PAGE_READONLY": namedshm.PageReadOnly, "PAGE_READWRITE": namedshm.PageReadWrite,
	"PAGE_WRITECOPY":    namedshm.PageWriteCopy,
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

// grantedTo is what CreateFileMapping gives the creator for a protection. For a protection that is none it is what a
// caller would want.
func grantedTo(rows spec.Table, p namedshm.Protection) (mask uint64, access namedshm.Access) {
	if mask = rows.GrantedTo(uint32(p)); mask == 0 {
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
