package capi

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// row is what the table says of a case: the number of Windows' error ("-" for none), and whether Wine was seen to
// differ.
type row struct {
	number  string
	differs bool
}

func table(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	lines := bufio.NewScanner(strings.NewReader(spec.Text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		columns := strings.Split(lines.Text(), "\t")
		if len(columns) >= 9 {
			rows[columns[0]] = row{columns[6], strings.HasPrefix(columns[8], "DIFF")}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// mostCalls is how many calls the probe has to make at least.
const mostCalls = 300

// TestProbe compares one program's calls on Linux with those of the same program, compiled for Windows, under Wine.
// They agree in every line, but where the table says that Wine gives something else than Windows; there Linux gives
// what Windows gives.
func TestProbe(t *testing.T) {
	needGlobal(t)
	w, wine := need(t), needWine(t)
	isolate(t)
	suffix := fmt.Sprint(os.Getpid())
	here := w.compile(t, "gcc", "testdata/probe.c", "-O1")
	there := wine.compile(t, "testdata/probe.c", "-x", "c")
	linux := strings.Split(run(t, here, suffix, filepath.Join(t.TempDir(), "file")), "\n")
	e := wine.run(t, there, suffix, filepath.Join(t.TempDir(), "file"))
	if !e.state.Success() {
		t.Fatalf("under Wine: %v %s", e.state, e.complaint)
	}
	windows := strings.Split(e.out, "\n")
	if len(linux) != len(windows) || len(linux) < mostCalls {
		t.Fatalf("%d lines on Linux, %d under Wine", len(linux), len(windows))
	}
	rows := table(t)
	differences := 0
	for i, got := range linux {
		fields := strings.Fields(got)
		if len(fields) == 0 {
			continue
		}
		want, known := rows[fields[0]]
		code := fields[len(fields)-1]
		if known && strings.Contains(got, "kept") != (want.number == "-") && strings.ContainsAny(want.number, "0123456789") ||
			known && code != "kept" && want.number != "-" && code != want.number && isNumber(want.number) {
			t.Errorf("%q on Linux: the table's error number is %s", got, want.number)
		}
		if got == windows[i] {
			continue
		}
		differences++
		if known && want.differs {
			t.Logf("Linux as Windows: %-40q Wine: %q", got, windows[i])
			continue
		}
		t.Errorf("%q on Linux, %q under Wine", got, windows[i])
	}
	t.Logf("%d lines, %d of them different under Wine", len(linux)-1, differences)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
