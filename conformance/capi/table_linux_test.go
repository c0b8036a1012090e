package capi

import (
	"os"
	"os/exec"
	"testing"

	"github.com/namedshm/namedshm/conformance/win32table"
)

// leftOut are the rows that are not driven, as for package win32 on Linux.
var leftOut = []win32table.Exception{
	{Reason: "sessions, app containers and the registry are Windows' own", Rows: []string{"GLO-00[4679]", "NAM-000"}},
	{Reason: "it says that there is no such call", Rows: []string{"MIS-005"}},
	{Reason: "it is about processes of 32 bits", Rows: []string{"MIS-003"}},
	{Reason: "it takes a file system that is full", Rows: []string{"MIS-001"}},
	{Reason: "the call is none of the library's", Rows: []string{"SEC-LARGE-MIN"}},
	{Reason: "the rows before them say what the child sees", Rows: []string{"INH-00[23]x"}},
	{Reason: "numbered sessions exist only on Windows", Rows: []string{"NAM-01[89][co]", "NAM-042"}},
	{Reason: "timers and jobs are Windows' own kinds", Rows: []string{"CLA-(timer|job)-.*|CLA-.*-(timer|job)"}},
	{Reason: "there are no handles of other processes", Rows: []string{"LIF-012[abc]"}},
	{Reason: "a child that fork and exec make inherits no handle", Rows: []string{"INH-001[ax]"}},
	{Reason: "the right to make Global names is one for all kinds", Rows: []string{"GLO-005"}},
	{Reason: "a copy view of a System V segment is a snapshot", Rows: []string{"VIE-008", "VIE-023"}, In: `Global\`},
	{Reason: "a section over a file has names in the Local namespace alone", Rows: []string{"FIL-00[34569].*"},
		In: `Global\`},
}

// tableProgram is the process that makes the table's calls through the library.
func tableProgram(t *testing.T) win32table.Program {
	w := need(t)
	isolate(t)
	if err := os.Chmod(os.Getenv("NAMEDSHM_ROOT"), 0o711); err != nil {
		t.Fatal(err)
	}
	actor := w.compile(t, "gcc", "testdata/actor.c", "-O1")
	p := win32table.Program{
		Command:    func() *exec.Cmd { return exec.Command(actor) },
		Directory:  t.TempDir(),
		Namespaces: []string{`Local\`},
		LeftOut:    leftOut,
	}
	if os.Geteuid() == 0 {
		p.Namespaces = append(p.Namespaces, `Global\`)
	} else {
		p.LeftOut = append([]win32table.Exception{{
			Reason: "only root can make the Global directory",
			Rows:   []string{"NAM-016o", "NAM-044[acd]", "NAM-047.", "NAM-064", "GLO-00[123]"},
		}}, leftOut...)
	}
	return p
}

// TestTable drives every row of the table that the library's calls concern.
func TestTable(t *testing.T) { win32table.Run(t, tableProgram(t)) }

// TestProtections tries every protection of pages on every kind of view.
func TestProtections(t *testing.T) { win32table.Protections(t, tableProgram(t)) }
