package win32table

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

// Program is what is held against the table.
type Program struct {
	// Command is the process, not yet started.
	Command func() *exec.Cmd
	// Directory is where the rows' files lie, as the process sees it.
	Directory string
	// Namespaces are the prefixes that a row's own names get, one after the other.
	Namespaces []string
	// LeftOut says which rows are not driven, and why.
	LeftOut []Exception
	// Wine says that the calls are Wine's, which gets some rows wrong by itself: those are not driven, but for Mended.
	Wine   bool
	Mended []string
	// Tries is how often a row is driven until it comes out right; 0 is once. Where the numbers of handles are the system's,
	// the process's own runtime opens some too, and may get the one that a row has just closed.
	Tries int
}

// Exception is about rows that are not driven: patterns that match whole ids, and a reason.
type Exception struct {
	Reason string
	Rows   []string
	In     string // a prefix of names, where it is not for all
}

func (p *Program) start() (*Process, error) { return start(p.Command()) }

var compiled = map[string]*regexp.Regexp{}

func matches(pattern, id string) bool {
	if compiled[pattern] == nil {
		compiled[pattern] = regexp.MustCompile(`^(?:` + pattern + `)$`)
	}
	return compiled[pattern].MatchString(id)
}

func anyMatches(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, id) })
}

// why is the reason for which a row is left out with a prefix, "" for none.
func (p *Program) why(r row, prefix string) string {
	for _, e := range p.LeftOut {
		if (e.In == "" || e.In == prefix) && anyMatches(e.Rows, r.id) {
			return e.Reason
		}
	}
	if p.Wine && r.wrongInWine() && !anyMatches(p.Mended, r.id) {
		return "Wine differs from Windows"
	}
	return ""
}

// understood says which of a row's phrases nothing is known about; "" when all are known.
func understood(rows []row, r row) string {
	if _, m := findGiven(r); m == nil {
		before, ok := reference(rows, r.given)
		if !ok {
			return fmt.Sprintf("given %q", r.given)
		}
		if missing := understood(rows, before); missing != "" {
			return missing
		}
	}
	if _, m := findCall(r); m == nil {
		return fmt.Sprintf("call %q", r.call)
	}
	if !judged(r) {
		return fmt.Sprintf("result %q", r.result)
	}
	return ""
}

// faults are the rows that are neither driven nor left out, and the exceptions that no row has.
func (p *Program) faults(rows []row) (faults []string) {
	for _, r := range rows {
		if missing := understood(rows, r); missing != "" && !p.leftOutEverywhere(r) {
			faults = append(faults, fmt.Sprintf("row %s is neither driven nor left out: %s", r.id, missing))
		}
	}
	for _, e := range p.LeftOut {
		for _, pattern := range e.Rows {
			if !slices.ContainsFunc(rows, func(r row) bool { return matches(pattern, r.id) }) {
				faults = append(faults, fmt.Sprintf("no row is called %s, which is left out because %s", pattern, e.Reason))
			}
		}
	}
	return faults
}

func (p *Program) leftOutEverywhere(r row) bool {
	return !slices.ContainsFunc(p.Namespaces, func(prefix string) bool { return p.why(r, prefix) == "" })
}

// drive runs one row in one namespace. named reports whether the row used a name of its own, so that it means something
// else in another namespace.
func (p *Program) drive(process *Process, rows []row, r row, prefix string) (named bool, err error) {
	w := &world{program: p, process: process, rows: rows, row: r, prefix: prefix}
	defer w.close()
	defer func() {
		named = w.own != ""
		switch f := recover().(type) {
		case nil:
		case failure:
			err = f.error
		default:
			panic(f)
		}
	}()
	w.beginRow(r)
	return false, w.judge(r, w.perform(r))
}

// starting starts a process that makes the calls.
func (p *Program) starting(t *testing.T) *Process {
	t.Helper()
	process, err := p.start()
	if err != nil {
		t.Fatal(err)
	}
	return process
}

// Run drives every row of the table.
func Run(t *testing.T, p Program) {
	rows, err := readRows()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range p.faults(rows) {
		t.Error(fault)
	}
	process := p.starting(t)
	defer func() { process.kill() }()
	left := map[string][]string{}
	driven, runs := 0, 0
	for _, r := range rows {
		before := runs
		for _, prefix := range p.Namespaces {
			if reason := p.why(r, prefix); reason != "" {
				if !slices.Contains(left[reason], r.id) {
					left[reason] = append(left[reason], r.id)
				}
				continue
			}
			runs++
			named := false
			t.Run(r.id+"/"+strings.TrimSuffix(prefix, `\`), func(t *testing.T) {
				if !process.running() { // one row's end is no other's
					process.kill()
					process = p.starting(t)
				}
				var err error
				named, err = p.drive(process, rows, r, prefix)
				for again := 1; err != nil && again < p.Tries; again++ {
					t.Logf("once more, after: %v", err)
					named, err = p.drive(process, rows, r, prefix)
				}
				if err != nil {
					t.Errorf("given %s: %s: want %s %s %s: %v", r.given, r.call, r.result, r.symbol, r.number, err)
				}
			})
			if !named {
				break // the row has its own name, or none
			}
		}
		if runs > before {
			driven++
		}
	}
	report(t, len(rows), driven, runs, left)
}

// report prints the counts, and what was left out.
func report(t *testing.T, rows, driven, runs int, left map[string][]string) {
	var lines []string
	for _, reason := range slices.Sorted(maps.Keys(left)) {
		lines = append(lines, fmt.Sprintf("%5d %s: %s", len(left[reason]), reason, strings.Join(left[reason], ", ")))
	}
	sort.Strings(lines)
	t.Logf("%d rows: %d driven in %d runs, %d left out; left out everywhere or in one namespace:\n%s",
		rows, driven, runs, rows-driven, strings.Join(lines, "\n"))
}

// CanFail drives wrong versions of the rows, each of which must be missed.
func CanFail(t *testing.T, p Program) {
	rows, err := readRows()
	if err != nil {
		t.Fatal(err)
	}
	process := p.starting(t)
	defer process.kill()
	missed := 0
	for _, r := range rows {
		if p.why(r, p.Namespaces[0]) != "" {
			continue
		}
		for _, wrong := range falsified(r) {
			_, err := p.drive(process, rows, wrong, p.Namespaces[0])
			if errors.Is(err, errEnded) {
				t.Fatalf("row %s with the result %q: %v", r.id, wrong.result, err) // that would miss every row
			}
			if errors.Is(err, errUnknown) || err == nil {
				t.Errorf("row %s passes with the result %q (%s) instead of %q: %v", r.id, wrong.result, wrong.number, r.result, err)
			}
			missed++
		}
	}
	t.Logf("%d wrong versions of rows were missed, as they must be", missed)
}

// handleResult is a result that is a handle.
var handleResult = regexp.MustCompile(`^(?:non-NULL |new |distinct |same |existing )*(?:handle|object)\b`)

// falsified are wrong versions of a row.
func falsified(r row) (wrong []row) {
	add := func(result, number string) {
		w := r
		w.result, w.number = result, number
		if w != r {
			wrong = append(wrong, w)
		}
	}
	switch {
	case strings.HasPrefix(r.result, "depends"):
	case strings.HasPrefix(r.result, "NULL"), strings.HasPrefix(r.result, "FALSE"):
		add("TRUE", "-")
		add("NULL", "31")
	case strings.HasPrefix(r.result, "WAIT_FAILED"):
		add("WAIT_TIMEOUT", "-")
		add("WAIT_FAILED", "31")
	case strings.HasPrefix(r.result, "WAIT_"), strings.HasPrefix(r.result, "a WAIT_"):
		add("WAIT_FAILED", "6")
		add("0x7", "-")
	case handleResult.MatchString(r.result):
		add("NULL", "6")
		add(r.result, map[bool]string{true: "0", false: "183"}[r.number == "183"])
	case strings.HasPrefix(r.result, "view"), strings.HasPrefix(r.result, "TRUE"):
		add("FALSE", "31")
	case strings.HasPrefix(r.result, "access violation"):
		add("ok", "-")
	case strings.HasPrefix(r.result, "ok"), strings.HasPrefix(r.result, "succeeds"):
		add("access violation", "-")
	default:
		add("FALSE", "31")
	}
	if strings.HasPrefix(r.result, "NULL") {
		return wrong
	}
	for _, word := range []struct{ is, wrong string }{
		{"PAGE_WRITECOPY", "PAGE_READONLY"}, {"PAGE_READWRITE", "PAGE_READONLY"}, {"PAGE_EXECUTE_READ", "PAGE_READONLY"},
		{"PAGE_NOACCESS", "PAGE_READONLY"}, {"MEM_RESERVE", "MEM_COMMIT"}, {"MEM_FREE", "MEM_COMMIT"},
		{"(read only)", "(read and write)"}, {"writes are private", "read and write"}, {"count 0", "count 1"},
		{"caller owns it", "nobody owns it"}, {"mutex released", "mutex kept"}, {"NOT taken", "taken"}, {"not taken", "taken"},
		{"only that event consumed", "no event consumed"}, {"SEC_FILE", "SEC_COMMIT"}, {"granted 0x6", "granted 0x4"},
		{"granted 0x4", "granted 0x6"}, {"granted 0x5", "granted 0x4"}, {"granted 0xF001F", "granted 0x6"}, {"size 10000", "size 12288"},
		{"region 12288", "region 8192"}, {"region 4096", "region 8192"}, {"same bytes", "independent memory"},
		{"independent memory", "same bytes"}, {"all 3", "exactly 1"}, {"exactly 1", "all 3"},
	} {
		if strings.Contains(r.result, word.is) {
			add(strings.Replace(r.result, word.is, word.wrong, 1), r.number)
		}
	}
	return wrong
}
