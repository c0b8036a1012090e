package spec

import (
	"math"
	"strings"
	"testing"
)

const header = "id\tarea\tgiven\tcall\texpected_result\tsymbol\tnumber\tsource\twine\n"

func TestReadWantsEveryColumn(t *testing.T) {
	line := "A-1\tname\t-\tread\tzeros\t-\t-\tseen\tsame\n"
	every := func(string) bool { return true }
	if rows, err := Read(header+line, every); err != nil || len(rows) != 1 || rows[0].ID != "A-1" ||
		rows[0].Wine != "same" {
		t.Errorf("one row is read as %+v, %v", rows, err)
	}
	if rows, err := Read(header+line, func(string) bool { return false }); err != nil || len(rows) != 0 {
		t.Errorf("a row of no area that is wanted is read as %+v, %v", rows, err)
	}
	for _, wrong := range []string{strings.TrimSuffix(line, "\tsame\n") + "\n", "one more\t" + line} {
		if rows, err := Read(header+line+wrong, every); err == nil {
			t.Errorf("%q is read as %+v", wrong, rows)
		}
	}
}

// A row that uses a name of the run's own is driven in both namespaces. One that does not say so would be driven in
// one.
func TestRunKnowsWhetherItHasAName(t *testing.T) {
	for argument, has := range map[string]bool{
		`"N"`: false, `"Global\foo"`: false, "name N": false, "name only whitespace": false, "4096": false,
		"name of 100 chars": true, "decomposed form": true, `"Local\..."`: true, `"Global\"+40 chars`: true,
	} {
		r := Run{Row: Row{ID: "A-1"}, Prefix: `Global\`}
		name, ok := r.Named(argument)
		if ok != (argument != "4096") || r.HasName() != has {
			t.Errorf("%s is read as %q, %v; has a name: %v, want %v", argument, name, ok, r.HasName(), has)
		}
		if argument == "name of 100 chars" && len(name) != 100 {
			t.Errorf("the name of 100 chars has %d", len(name))
		}
	}
	a, b := Run{Row: Row{ID: "A-1"}}, Run{Row: Row{ID: "A-1"}}
	first, second := a.Name(), b.Name()
	if again := a.Name(); first == second || first != again {
		t.Errorf("two runs have the names %q and %q, the first then %q", first, second, again)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]uint64{
		"4096": 4096, "128 KiB": 128 << 10, "2 MiB": 2 << 20, "64 GiB (reserved)": 64 << 30, "2^39": 1 << 39,
		"2^63-1": math.MaxInt64, "SIZE_MAX": math.MaxUint64,
	} {
		if got, err := Size(text); err != nil || got != want {
			t.Errorf("%s is read as %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "4 TiB", "2^", "large"} {
		if got, err := Size(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

// An exception that were for more rows or namespaces than it says would leave out rows in silence.
func TestExceptionIsForNoOtherRows(t *testing.T) {
	leftOut := []Exception{{Reason: "small", Rows: []string{"A-00[12]", "B-1"}, In: `Global\`},
		{Reason: "all", Rows: []string{"A-00[23]"}}}
	for _, c := range []struct{ id, prefix, why string }{
		{"A-001", `Global\`, "small"}, {"A-001", `Local\`, ""}, {"A-002", `Global\`, "small"}, {"A-002", `Local\`, "all"},
		{"A-003", `Local\`, "all"}, {"A-0011", `Global\`, ""}, {"AA-001", `Global\`, ""}, {"A-004", `Global\`, ""},
	} {
		if why := (Row{ID: c.id}).Why(leftOut, c.prefix); why != c.why {
			t.Errorf("%s with %s is left out because %q, want %q", c.id, c.prefix, why, c.why)
		}
	}
	rows := Table{{ID: "A-001"}, {ID: "A-003"}}
	if faults := rows.Unmatched(leftOut); len(faults) != 1 || !strings.Contains(faults[0], "B-1") {
		t.Errorf("the patterns that no row has are %q", faults)
	}
}
