package main

import (
	"strings"
	"testing"
)

func TestTableCutsItsLastColumn(t *testing.T) {
	rows := table{{"NAME", "HOLDERS"}, {"日本", "1 shm, 2 python3, 3 something"}, {"plain", "1 shm"}}
	var out strings.Builder
	if err := rows.print(&out, 23); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   HOLDERS\n日本   1 shm, 2 python…\nplain  1 shm\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if err := rows.print(&out, 0); err != nil || !strings.Contains(out.String(), "something\n") {
		t.Errorf("cut without a terminal, or %v:\n%s", err, out.String())
	}
}

func TestTableLeavesOutWhatDoesNotFit(t *testing.T) {
	rows := table{
		{"NAME", "STATE", "VIEWS", "AGE", "HOLDERS"},
		{`Local\Lock`, "owned by 4194301 shm for 12s", "-", "3s", "4194301 shm, 4194302 shm"},
	}
	for width, want := range map[int]string{
		0:  "NAME        STATE                         VIEWS  AGE  HOLDERS",
		66: "NAME        STATE                         VIEWS  AGE  HOLDERS",
		65: "NAME        STATE                         VIEWS  HOLDERS",
		61: "NAME        STATE                         VIEWS  HOLDERS",
		60: "NAME        STATE                         HOLDERS",
		40: "NAME        STATE                         HOLDERS",
	} {
		var out strings.Builder
		if err := rows.fitting(width, "AGE", "VIEWS").print(&out, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if lines[0] != want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", width, lines[0], want)
		}
		if width >= 54 && cells(lines[1]) > width {
			t.Errorf("a row of %d cells in %d columns: %s", cells(lines[1]), width, lines[1])
		}
	}
	if len(rows[0]) != 5 || len(rows[1]) != 5 {
		t.Errorf("the table itself was cut: %q", rows)
	}
}

func TestTableWrapsItsLastColumn(t *testing.T) {
	rows := table{{"ok", "topic", "one two three four five six seven"}, {"", "", "→ do"}, {"ok", "", ""}}
	var out strings.Builder
	if err := rows.wrapped(32).print(&out, 0); err != nil {
		t.Fatal(err)
	}
	want := "ok  topic  one two three four\n           five six seven\n           → do\nok         \n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if err := rows.wrapped(0).print(&out, 0); err != nil || !strings.Contains(out.String(), "six seven\n") {
		t.Errorf("broken without a terminal, or %v:\n%s", err, out.String())
	}
	if err := (table{}).wrapped(80).print(&out, 80); err != nil {
		t.Error(err)
	}
}
