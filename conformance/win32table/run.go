package win32table

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/spec"
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
	// Tries is how often a row is driven until it comes out right; 0 is once. Where the numbers of handles are the
	// system's, the process's own runtime opens some too, and may get the one that a row has just closed.
	Tries int
}

// tries is how often a row is driven at most.
func (p *Program) tries(r spec.Row) int {
	if r.Is("UNM-012") {
		// It asks about an address that it has just unmapped, which any other thread's next mapping may be given.
		return max(p.Tries, 3)
	}
	return p.Tries
}

// Exception is about rows that are not driven.
type Exception = spec.Exception

func (p *Program) start() (*Process, error) { return start(p.Command()) }

// why is the reason for which a row is left out with a prefix, "" for none.
func (p *Program) why(r spec.Row, prefix string) string {
	if reason := r.Why(p.LeftOut, prefix); reason != "" {
		return reason
	}
	if p.Wine && r.WrongInWine() && !r.Is(p.Mended...) {
		return "Wine differs from Windows"
	}
	return ""
}

// known is what is known of a row's columns.
var known = spec.Vocabulary{
	Given:  func(r spec.Row) bool { _, m := findGiven(r); return m != nil },
	Call:   func(r spec.Row) bool { _, m := findCall(r); return m != nil },
	Result: judged,
}

// faults are the rows that are neither driven nor left out, and the exceptions that no row has.
func (p *Program) faults(rows spec.Table) (faults []string) {
	for _, r := range rows {
		if missing := rows.Missing(r, known); missing != "" && !p.leftOutEverywhere(r) {
			faults = append(faults, fmt.Sprintf("row %s is neither driven nor left out: %s", r.ID, missing))
		}
	}
	return append(faults, rows.Unmatched(p.LeftOut)...)
}

func (p *Program) leftOutEverywhere(r spec.Row) bool {
	return !slices.ContainsFunc(p.Namespaces, func(prefix string) bool { return p.why(r, prefix) == "" })
}

// drive runs one row in one namespace. named reports whether the row used a name of its own, so that it means something
// else in another namespace.
func (p *Program) drive(process *Process, rows spec.Table, r spec.Row, prefix string) (named bool, err error) {
	w := &world{Run: spec.Run{Rows: rows, Row: r, Prefix: prefix}, program: p, process: process}
	defer w.close()
	defer func() {
		named = w.HasName()
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
	left := spec.Reasons{}
	driven, runs := 0, 0
	for _, r := range rows {
		before := runs
		for _, prefix := range p.Namespaces {
			if reason := p.why(r, prefix); reason != "" {
				left.Add(reason, r.ID)
				continue
			}
			runs++
			named := false
			t.Run(r.ID+"/"+strings.TrimSuffix(prefix, `\`), func(t *testing.T) {
				if !process.running() { // one row's end is no other's
					process.kill()
					process = p.starting(t)
				}
				var err error
				named, err = p.drive(process, rows, r, prefix)
				for again := 1; err != nil && again < p.tries(r); again++ {
					t.Logf("once more, after: %v", err)
					named, err = p.drive(process, rows, r, prefix)
				}
				if err != nil {
					t.Errorf("given %s: %s: want %s %s %s: %v", r.Given, r.Call, r.Result, r.Symbol, r.Number, err)
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
func report(t *testing.T, rows, driven, runs int, left spec.Reasons) {
	lines := left.Lines()
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
				t.Fatalf("row %s with the result %q: %v", r.ID, wrong.Result, err) // that would miss every row
			}
			if errors.Is(err, errUnknown) || err == nil {
				t.Errorf("row %s passes with the result %q (%s) instead of %q: %v", r.ID, wrong.Result, wrong.Number, r.Result, err)
			}
			missed++
		}
	}
	t.Logf("%d wrong versions of rows were missed, as they must be", missed)
}

// handleResult is a result that is a handle.
var handleResult = regexp.MustCompile(`^(?:non-NULL |new |distinct |same |existing )*(?:handle|object)\b`)

// falsified are wrong versions of a row.
func falsified(r spec.Row) (wrong []spec.Row) {
	add := func(result, number string) {
		w := r
		w.Result, w.Number = result, number
		if w != r {
			wrong = append(wrong, w)
		}
	}
	switch {
	case strings.HasPrefix(r.Result, "depends"):
	case strings.HasPrefix(r.Result, "NULL"), strings.HasPrefix(r.Result, "FALSE"):
		add("TRUE", "-")
		add("NULL", "31")
	case strings.HasPrefix(r.Result, "WAIT_FAILED"):
		add("WAIT_TIMEOUT", "-")
		add("WAIT_FAILED", "31")
	case strings.HasPrefix(r.Result, "WAIT_"), strings.HasPrefix(r.Result, "a WAIT_"):
		add("WAIT_FAILED", "6")
		add("0x7", "-")
	case handleResult.MatchString(r.Result):
		add("NULL", "6")
		add(r.Result, map[bool]string{true: "0", false: "183"}[r.Number == "183"])
	case strings.HasPrefix(r.Result, "view"), strings.HasPrefix(r.Result, "TRUE"):
		add("FALSE", "31")
	case strings.HasPrefix(r.Result, "access violation"):
		add("ok", "-")
	case strings.HasPrefix(r.Result, "ok"), strings.HasPrefix(r.Result, "succeeds"):
		add("access violation", "-")
	default:
		add("FALSE", "31")
	}
	if strings.HasPrefix(r.Result, "NULL") {
		return wrong
	}
	return append(wrong, r.Slips(slips...)...)
}

// slips are more words of results, and wrong ones for them.
var slips = [][2]string{
	{"PAGE_EXECUTE_READ", "PAGE_READONLY"}, {"MEM_RESERVE", "MEM_COMMIT"}, {"MEM_FREE", "MEM_COMMIT"},
	{"not taken", "taken"}, {"SEC_FILE", "SEC_COMMIT"}, {"granted 0x6", "granted 0x4"}, {"granted 0x4", "granted 0x6"},
	{"granted 0x5", "granted 0x4"}, {"granted 0xF001F", "granted 0x6"}, {"size 10000", "size 12288"},
	{"region 12288", "region 8192"}, {"region 4096", "region 8192"}, {"same bytes", "independent memory"},
	{"independent memory", "same bytes"}, {"all 3", "exactly 1"}, {"exactly 1", "all 3"},
}
