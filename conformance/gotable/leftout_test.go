package gotable

import (
	"os"
	"runtime"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// leftOut lists the rows that this test does not drive, by patterns that match whole ids, and says why.
var leftOut = []spec.Exception{
	{Reason: "the Go API has no handle of a file to make a section over", Rows: []string{"CRE-011", "CRE-012", "CRE-014"}},
	{Reason: "the Go API's types keep the kinds of handles apart", Rows: []string{"MAP-033", "EVT-019"}},
	{Reason: "the Go API's methods are a handle's, and none of NULL", Rows: []string{"EVT-018"}},
	{Reason: "the Go API has no pseudo handles", Rows: []string{"WAI-003", "WMO-012"}},
	{Reason: "both objects are of a kind that only Windows has",
		Rows: []string{"CLA-(timer|job)-(create|open)-(timer|job)"}},
	{Reason: "sessions, app containers and the registry are Windows' own", Rows: []string{"GLO-00[4679]"}},
	{Reason: "the Go API has no A functions: names are UTF-8", Rows: []string{"CRE-017b", "NAM-001A", `NAM-06[01]A-\d+`}},
	{Reason: "NtQuerySection's attributes are not told", Rows: []string{"CRE-009b"}},
	{Reason: "numbered sessions exist only on Windows", Rows: []string{"NAM-000", "NAM-01[89][co]", "NAM-042"}},
	{Reason: "rights that the Go API's Access has no word for",
		Rows: []string{"OPN-01[89]", "OPN-02[01248]", "OPN-027", "OPN-043"}},
	{Reason: "the Go API's Write implies Read", Rows: []string{"OPN-036"}},
	{Reason: "a Section is never a NULL, unknown or pseudo handle", Rows: []string{"MAP-03[012]", "HAN-00[45]"}},
	{Reason: "the Go API chooses no addresses and takes none",
		Rows: []string{"MAP-04[0-3]", "UNM-00[468]", "UNM-010", "FLU-00[56]"}},
	{Reason: "the Go API's Flush takes no range", Rows: []string{"FLU-00[23]"}},
	{Reason: "VirtualQuery, VirtualProtect, VirtualAlloc, VirtualFree", Rows: []string{
		"RSV-00[146]", "RSV-010", "VIE-006", "VIE-01[1-9]", "VIE-02.", "VIE-030", "UNM-01[234]",
	}},
	{Reason: "the Go API commits the pages that it maps", Rows: []string{"RSV-00[238]"}},
	{Reason: "section flags beside SEC_COMMIT and SEC_RESERVE", Rows: []string{
		`SEC-(COMMIT\|RESERVE|(COMMIT\||RESERVE\|)?(NOCACHE|WRITECOMBINE)(-VIEW|-OLD)?|FILE\|COMMIT)`,
	}},
	{Reason: "large pages", Rows: []string{`SEC-(COMMIT|RESERVE)\|LARGE_PAGES`, "SEC-LARGE-.*"}},
	{Reason: "SEC_IMAGE", Rows: []string{"SEC-IMAGE.*"}},
	{Reason: "the Go API has no DuplicateHandle", Rows: []string{"LIF-012[abc]", "HAN-01[0-8]"}},
	{Reason: "the Go API compares no handles", Rows: []string{"HAN-02[5-9]"}},
	{Reason: "the Go API's Access has no SECTION_MAP_EXECUTE beside Execute", Rows: []string{"PRM-..-000[02]9"}},
	{Reason: "flags of a handle, waiting for one, asking its file type", Rows: []string{"HAN-019", "HAN-02[0-4]"}},
	{Reason: "inheritance of handles is the win32 package's", Rows: []string{"INH-00.*"}},
}

// mendedUnderWine lists the rows that hold under Wine although Wine's own calls differ: the library does not leave the
// matter to the system, or the row allows what Wine does.
var mendedUnderWine = []string{
	"NAM-07[012]o", "NAM-072c", "OPN-01[567]", "MAP-012", "FLU-010", "SIZ-005", "SIZ-011",
	"MTX-024", "SEM-00[67]", "WMO-010",
}

// exception is about rows that are driven, but not in every place. id is a pattern as in leftOut.
type exception struct {
	id, reason string
	here       func(prefix string) bool
}

var exceptions = []exception{
	{"VIE-008", "a copy view of a System V segment is a snapshot", func(prefix string) bool {
		return runtime.GOOS == "linux" && prefix == `Global\` && !fileBacking()
	}},
	{"MAP-016", "on Unix views lie at multiples of a page", onUnix},
	{"CLA-(timer|job)-.*|CLA-.*-(timer|job)", "timers and jobs are Windows' own kinds", onUnix},
	{"GLO-005", "on Unix the right to make Global names is one for all kinds", onUnix},
	{"GLO-001", "session 0 needs no privilege", func(string) bool { return spec.InSessionZero() }},
	{"GLO-001", "Wine asks nobody for the privilege", func(string) bool { return spec.UnderWine() }},
	{"SIZ-011", "the file backing would write 64 GiB", func(string) bool { return fileBacking() }},
}

func onUnix(string) bool { return runtime.GOOS != "windows" }

func fileBacking() bool { return os.Getenv("NAMEDSHM_BACKING") == "file" }

// excepted says why a row is not driven with this prefix.
func excepted(r spec.Row, prefix string) string {
	for _, e := range exceptions {
		if r.Is(e.id) && e.here(prefix) {
			return e.reason
		}
	}
	return ""
}
