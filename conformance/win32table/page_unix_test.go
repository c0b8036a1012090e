//go:build unix

package win32table

import (
	"os"
	"runtime"
	"strconv"
	"testing"
)

var mended []string

func here() []Exception {
	nowhere, snapshots := `Global\`, `Global\`
	if runtime.GOOS != "linux" || os.Getenv("NAMEDSHM_BACKING") == "file" {
		nowhere, snapshots = "", "nowhere"
	}
	var list []Exception
	if os.Geteuid() != 0 {
		list = append(list, Exception{Reason: "only root can make the Global directory",
			Rows: []string{"NAM-016o", "NAM-044[acd]", "NAM-047.", "NAM-064", "GLO-00[123]"}})
	}
	return append(list, []Exception{
		{Reason: "numbered sessions exist only on Windows", Rows: []string{"NAM-01[89][co]", "NAM-042"}},
		{Reason: "timers and jobs are Windows' own kinds", Rows: []string{"CLA-(timer|job)-.*|CLA-.*-(timer|job)"}},
		{Reason: "there are no handles of other processes", Rows: []string{"LIF-012[abc]"}},
		{Reason: "a child that fork and exec make inherits no handle", Rows: []string{"INH-001[ax]"}},
		{Reason: "the right to make Global names is one for all kinds", Rows: []string{"GLO-005"}},
		{Reason: "a copy view of a System V segment is a snapshot", Rows: []string{"VIE-008", "VIE-023"}, In: snapshots},
		{Reason: "a section over a file has names in Linux' Local namespace alone", Rows: []string{"FIL-00[34569].*"},
			In: nowhere},
	}...)
}

// TestEveryRowCanFail needs no second run under Wine: it is about the driver.
func TestEveryRowCanFail(t *testing.T) { CanFail(t, program(t)) }

// tries: where addresses have 32 bits, another thread may at once have mapped what was unmapped.
const tries = 64 / strconv.IntSize
