package table

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		act()
		return
	}
	root, err := newRoot()
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
		namedshm.Bury(namedshm.LocalNamespace)
		namedshm.Bury(namedshm.GlobalNamespace)
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
	driven []row
	left   map[string]int // by reason
	faults []string
}

// sortRows says of each row whether it is driven or left out, and finds what is neither, and what does not exist.
func sortRows(rows []row) sorted {
	s := sorted{left: map[string]int{}}
	for _, r := range rows {
		if reason := why(r.id); reason != "" {
			s.left[reason]++
			continue
		}
		if missing := understood(rows, r); missing != "" {
			s.faults = append(s.faults, fmt.Sprintf("row %s is neither driven nor left out: %s", r.id, missing))
			continue
		}
		s.driven = append(s.driven, r)
	}
	for _, l := range leftOut {
		for _, pattern := range l.ids {
			if !anyMatches(rows, pattern) {
				s.faults = append(s.faults, fmt.Sprintf("no row is called %s, which is left out because %s", pattern, l.reason))
			}
		}
	}
	for _, pattern := range mendedUnderWine {
		if !slices.ContainsFunc(rows, func(r row) bool { return matches(pattern, r.id) && r.wrongInWine() }) {
			s.faults = append(s.faults, "Wine gets no row wrong that is called "+pattern)
		}
	}
	for _, e := range exceptions {
		if !anyMatches(rows, e.id) {
			s.faults = append(s.faults, "no row is called "+e.id+", which has an exception")
		}
	}
	return s
}

func anyMatches(rows []row, pattern string) bool {
	for _, r := range rows {
		if matches(pattern, r.id) {
			return true
		}
	}
	return false
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

// drive runs one row in one namespace. named reports whether the row used a name of the test's own, so that it means
// something else in another namespace.
func drive(rows []row, r row, prefix string, how way) (named bool, err error) {
	w := &world{rows: rows, row: r, prefix: prefix, way: how}
	defer w.close()
	if err := w.beginRow(r); err != nil {
		return w.own != "", fmt.Errorf("the row cannot begin: %w", err)
	}
	out, err := w.perform(r)
	if err == nil {
		err = w.judge(r, out)
	}
	return w.own != "", err
}

// needsGlobal reports whether a row that runs with a prefix makes a Global name.
func needsGlobal(r row, prefix string) bool {
	return prefix == `Global\` || strings.Contains(r.given+r.call, `Global\`) && !strings.HasPrefix(r.result, "NULL")
}

// account is what became of the rows that are not left out.
type account struct {
	rows, runs int
	excepted   map[string][]string // by reason: which are not driven here, with a prefix or at all
}

func TestTable(t *testing.T) {
	rows := readTable(t, Text)
	s := sortRows(rows)
	for _, fault := range s.faults {
		t.Error(fault)
	}
	a := account{excepted: map[string][]string{}}
	for _, r := range s.driven {
		if underWine() && r.differsUnderWine() {
			a.except("Wine differs from Windows, and the library with it", r.id)
			continue
		}
		before := a.runs
		for _, prefix := range []string{`Local\`, `Global\`} {
			if reason := excepted(r.id, prefix); reason != "" {
				a.except(reason, r.id)
				continue
			}
			if needsGlobal(r, prefix) && !mayUseGlobal() {
				a.except("only root can make the Global directory", r.id)
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
}

func (a *account) except(reason, id string) {
	if !slices.Contains(a.excepted[reason], id) {
		a.excepted[reason] = append(a.excepted[reason], id)
	}
}

// run is one run of one row, as a test of its own.
func (a *account) run(t *testing.T, rows []row, r row, prefix string, how way) (named bool) {
	title := r.id + "/" + strings.TrimSuffix(prefix, `\`)
	if how != "" {
		title += "/" + string(how)
	}
	a.runs++
	t.Run(title, func(t *testing.T) {
		var err error
		if named, err = drive(rows, r, prefix, how); err != nil {
			t.Errorf("given %s: %s: want %s %s: %v", r.given, r.call, r.result, r.symbol, err)
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
	for _, reason := range slices.Sorted(maps.Keys(a.excepted)) {
		lines = append(lines, fmt.Sprintf("%5d %s: %s", len(a.excepted[reason]), reason, strings.Join(a.excepted[reason], ", ")))
	}
	t.Logf("%d rows: %d driven in %d runs, %d only elsewhere, %d left out:\n%s",
		rows, a.rows, a.runs, rows-a.rows-out, out, strings.Join(lines, "\n"))
}

func TestRowsThatNobodyAnswersForAreFound(t *testing.T) {
	rows := readTable(t, Text)
	for name, change := range map[string]func() []row{
		"unknown given":  func() []row { return append(rows, row{id: "X-1", given: "a fish", call: "read", result: "zeros"}) },
		"unknown call":   func() []row { return append(rows, row{id: "X-2", given: "-", call: "sing", result: "TRUE"}) },
		"unknown result": func() []row { return append(rows, row{id: "X-3", given: "-", call: "read", result: "a song"}) },
		"vanished row": func() []row {
			var kept []row
			for _, r := range rows {
				if r.id != "CRE-009b" {
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
