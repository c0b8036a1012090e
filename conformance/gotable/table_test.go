package gotable

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
	"github.com/namedshm/namedshm/upkeep"
)

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		act()
		return
	}
	root, err := spec.NewRoot("namedshm-table-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if root != "" {
		os.Setenv("NAMEDSHM_ROOT", root)
	}
	status := m.Run()
	if root != "" {
		// Children that the test killed have left entries, which the next call there would remove.
		upkeep.Sweep(namedshm.Local)
		upkeep.Sweep(namedshm.Global)
		for _, path := range entries(root) {
			fmt.Fprintln(os.Stderr, "left behind:", path)
			status = 1
		}
		os.RemoveAll(root)
	}
	os.Exit(status)
}

// entries is every entry in the namespaces' directories, but for the library's own files.
func entries(root string) []string {
	found, _ := filepath.Glob(filepath.Join(root, "*", "*"))
	var left []string
	for _, path := range found {
		if !strings.HasPrefix(filepath.Base(path), ".") {
			left = append(left, path)
		}
	}
	return left
}

// sorted is the table, taken apart.
type sorted struct {
	driven spec.Table
	left   map[string]int // by reason
	faults []string
}

// sortRows says of each row whether it is driven or left out, and finds what is neither, and what does not exist.
func sortRows(rows spec.Table) sorted {
	s := sorted{left: map[string]int{}}
	for _, r := range rows {
		if reason := r.Why(leftOut, ""); reason != "" {
			s.left[reason]++
			continue
		}
		if missing := rows.Missing(r, known); missing != "" {
			s.faults = append(s.faults, fmt.Sprintf("row %s is neither driven nor left out: %s", r.ID, missing))
			continue
		}
		s.driven = append(s.driven, r)
	}
	s.faults = append(s.faults, rows.Unmatched(leftOut)...)
	for _, pattern := range mendedUnderWine {
		if !slices.ContainsFunc(rows, func(r spec.Row) bool { return r.Is(pattern) && r.WrongInWine() }) {
			s.faults = append(s.faults, "Wine gets no row wrong that is called "+pattern)
		}
	}
	for _, e := range exceptions {
		if !rows.Has(e.id) {
			s.faults = append(s.faults, "no row is called "+e.id+", which has an exception")
		}
	}
	return s
}

// known is what this driver knows of a row's columns.
var known = spec.Vocabulary{
	Given:  func(r spec.Row) bool { _, m := findGiven(r); return m != nil },
	Call:   func(r spec.Row) bool { _, m := findCall(r); return m != nil },
	Result: judged,
}

// drive runs one row in one namespace. named reports whether the row used a name of the test's own, so that it means
// something else in another namespace.
func drive(rows spec.Table, r spec.Row, prefix string, how way) (named bool, err error) {
	w := &world{Run: spec.Run{Rows: rows, Row: r, Prefix: prefix}, way: how}
	defer w.close()
	if err := w.beginRow(r); err != nil {
		return w.HasName(), fmt.Errorf("the row cannot begin: %w", err)
	}
	out, err := w.perform(r)
	if err == nil {
		err = w.judge(r, out)
	}
	return w.HasName(), err
}

// needsGlobal reports whether a row that runs with a prefix makes a Global name.
func needsGlobal(r spec.Row, prefix string) bool {
	return prefix == `Global\` || strings.Contains(r.Given, `Global\`) ||
		strings.Contains(r.Call, `Global\`) && !strings.HasPrefix(r.Result, "NULL")
}

// account is what became of the rows that are not left out.
type account struct {
	rows, runs int
	excepted   spec.Reasons // which are not driven here, with a prefix or at all
}

func TestTable(t *testing.T) {
	rows := readTable(t, spec.Text)
	s := sortRows(rows)
	for _, fault := range s.faults {
		t.Error(fault)
	}
	a := account{excepted: spec.Reasons{}}
	for _, r := range s.driven {
		if spec.UnderWine() && differsUnderWine(r) {
			a.excepted.Add("Wine differs from Windows, and the library with it", r.ID)
			continue
		}
		before := a.runs
		for _, prefix := range []string{`Local\`, `Global\`} {
			if reason := excepted(r, prefix); reason != "" {
				a.excepted.Add(reason, r.ID)
				continue
			}
			if needsGlobal(r, prefix) && !spec.MayUseGlobal() {
				a.excepted.Add(needsRoot, r.ID)
				continue
			}
			named := false
			for _, how := range ways(r) {
				named = a.run(t, rows, r, prefix, how)
			}
			if !named {
				break // the row has its own name, or none
			}
		}
		if a.runs > before {
			a.rows++
		}
	}
	a.report(t, len(rows), s.left)
	if left := a.excepted[needsRoot]; len(left) > 0 {
		t.Run("Global", func(t *testing.T) { t.Skipf("%s: %d rows", needsRoot, len(left)) })
	}
}

const needsRoot = "only root can make the Global directory"

// run is one run of one row, as a test of its own.
func (a *account) run(t *testing.T, rows spec.Table, r spec.Row, prefix string, how way) (named bool) {
	title := r.ID + "/" + strings.TrimSuffix(prefix, `\`)
	if how != "" {
		title += "/" + string(how)
	}
	a.runs++
	t.Run(title, func(t *testing.T) {
		var err error
		if named, err = drive(rows, r, prefix, how); err != nil {
			t.Errorf("given %s: %s: want %s %s: %v", r.Given, r.Call, r.Result, r.Symbol, err)
		}
	})
	return named
}

// report prints the counts.
func (a *account) report(t *testing.T, rows int, left map[string]int) {
	out := 0
	var lines []string
	for reason, n := range left {
		out += n
		lines = append(lines, fmt.Sprintf("%5d %s", n, reason))
	}
	sort.Strings(lines)
	lines = append(lines, "excepted here:")
	lines = append(lines, a.excepted.Lines()...)
	t.Logf("%d rows: %d driven in %d runs, %d only elsewhere, %d left out:\n%s",
		rows, a.rows, a.runs, rows-a.rows-out, out, strings.Join(lines, "\n"))
}

func TestRowsThatNobodyAnswersForAreFound(t *testing.T) {
	rows := readTable(t, spec.Text)
	for name, change := range map[string]func() spec.Table{
		"unknown given": func() spec.Table {
			return append(rows, spec.Row{ID: "X-1", Given: "a fish", Call: "read", Result: "zeros"})
		},
		"unknown call": func() spec.Table {
			return append(rows, spec.Row{ID: "X-2", Given: "-", Call: "sing", Result: "TRUE"})
		},
		"unknown result": func() spec.Table {
			return append(rows, spec.Row{ID: "X-3", Given: "-", Call: "read", Result: "a song"})
		},
		"vanished row": func() spec.Table {
			var kept spec.Table
			for _, r := range rows {
				if r.ID != "CRE-009b" {
					kept = append(kept, r)
				}
			}
			return kept
		},
	} {
		if s := sortRows(change()); len(s.faults) != 1 {
			t.Errorf("%s: %d faults, want 1: %q", name, len(s.faults), s.faults)
		}
	}
}
