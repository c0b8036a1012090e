package spec

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Row is one line of the table.
type Row struct {
	ID, Area, Given, Call, Result, Symbol, Number, Source, Wine string
}

// Table is rows of the table.
type Table []Row

// Read takes the table's text apart and keeps the rows of the areas that are asked for.
func Read(text string, wanted func(area string) bool) (rows Table, err error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 9 {
			return nil, fmt.Errorf("line %d of the table has %d columns, want 9", i+2, len(f))
		}
		if r := (Row{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]}); wanted(r.Area) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// Find is the row of an id.
func (t Table) Find(id string) (Row, bool) {
	for _, r := range t {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}

// vanished names the rows that others refer to and that the table does not have, by the row that begins as they do.
var vanished = map[string]string{"CRE-007a": "CRE-006a", "UNM-009": "UNM-011"}

var referencePattern = regexp.MustCompile(`^(?:as )?([A-Z]{3}-\d+[a-z]*)(?: open)?(?: \(.*\))?$`)

// Reference is the row that another row's beginning names: it begins where that row ends.
func (t Table) Reference(r Row) (Row, bool) {
	m := referencePattern.FindStringSubmatch(r.Given)
	if m == nil {
		return Row{}, false
	}
	id := m[1]
	if instead, ok := vanished[id]; ok {
		id = instead
	}
	return t.Find(id)
}

// Granted is the part of a result that tells the rights of a handle.
var Granted = regexp.MustCompile(`granted (?:all rights the DACL grants \()?0x([0-9A-Fa-f]+)`)

// GrantedTo is what CreateFileMapping gives the creator for a protection: what the table's flProtect rows say. The most
// usual one it has elsewhere: as what a second creator with PAGE_READWRITE is granted. Zero is that it says nothing.
func (t Table) GrantedTo(protect uint32) (mask uint64) {
	for _, r := range t {
		if r.Area == "flProtect" && r.Call == fmt.Sprintf("CreateFileMapping(flProtect=%#x)", protect) {
			if m := Granted.FindStringSubmatch(r.Result); m != nil {
				mask, _ = strconv.ParseUint(m[1], 16, 32)
			}
		}
	}
	const pageReadWrite = 4
	if r, ok := t.Find("CRE-010d"); mask == 0 && ok && protect == pageReadWrite {
		mask, _ = strconv.ParseUint(r.Result, 0, 32)
	}
	return mask
}

// Code is the error that the row expects, or the last error after a success.
func (r Row) Code() (uint32, bool) {
	n, err := strconv.ParseUint(r.Number, 10, 32)
	return uint32(n), err == nil
}

// WrongInWine reports a row that Wine itself is known to get wrong.
func (r Row) WrongInWine() bool { return strings.HasPrefix(r.Wine, "DIFF") }

// AboutWaitables reports a row about events, mutexes and semaphores. Some phrases mean something else there.
func (r Row) AboutWaitables() bool {
	switch r.Area {
	case "name-clash", "event", "mutex", "semaphore", "wait", "wait-multiple":
		return true
	}
	return false
}

// slips are words of results, and wrong ones for them.
var slips = [][2]string{
	{"PAGE_WRITECOPY", "PAGE_READONLY"},
	{"PAGE_READWRITE", "PAGE_READONLY"},
	{"PAGE_NOACCESS", "PAGE_READONLY"},
	{"(read only)", "(read and write)"},
	{"writes are private", "read and write"},
	{"count 0", "count 1"},
	{"caller owns it", "nobody owns it"},
	{"mutex released", "mutex kept"},
	{"NOT taken", "taken"},
	{"only that event consumed", "no event consumed"},
}

// Slips are wrong versions of a row: in the result of each one word stands for another. more are words that the driver
// knows besides.
func (r Row) Slips(more ...[2]string) (wrong []Row) {
	for _, list := range [][][2]string{slips, more} {
		for _, word := range list {
			w := r
			if w.Result = strings.Replace(r.Result, word[0], word[1], 1); w != r {
				wrong = append(wrong, w)
			}
		}
	}
	return wrong
}

var parenthesis = regexp.MustCompile(`\s*\([^()]*\)$`)

// Bare is a phrase without the remark in parentheses that ends it.
func Bare(s string) string { return strings.TrimSpace(parenthesis.ReplaceAllString(s, "")) }

var (
	powerPattern = regexp.MustCompile(`^2\^(\d+)(-1)?$`)
	sizePattern  = regexp.MustCompile(`^(\d+)\s*(KiB|MiB|GiB)?$`)
)

// Size reads a number of bytes: 4096, 128 KiB, 2^39, 2^63-1, SIZE_MAX.
func Size(s string) (uint64, error) {
	s = Bare(s)
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
