package table

import (
	"os"
	"regexp"
	"runtime"
)

// leftOut lists the rows that this test does not drive, by patterns that match whole ids, and says why.
var leftOut = []struct {
	reason string
	ids    []string
}{
	{"the Go API has no handle of a file to make a section over", []string{"CRE-011", "CRE-012", "CRE-014"}},
	{"the Go API's types keep the kinds of handles apart", []string{"MAP-033", "EVT-019"}},
	{"the Go API's methods are a handle's, and none of NULL", []string{"EVT-018"}},
	{"the Go API has no pseudo handles", []string{"WAI-003", "WMO-012"}},
	{"both objects are of a kind that only Windows has", []string{"CLA-(timer|job)-(create|open)-(timer|job)"}},
	{"sessions, app containers and the registry are Windows' own", []string{"GLO-00[4679]"}},
	{"the Go API has no A functions: names are UTF-8", []string{"CRE-017b", "NAM-001A", `NAM-06[01]A-\d+`}},
	{"NtQuerySection's attributes are not told", []string{"CRE-009b"}},
	{"numbered sessions are Windows' own", []string{"NAM-000", "NAM-01[89][co]", "NAM-042"}},
	{"rights that the Go API's Access has no word for", []string{"OPN-01[89]", "OPN-02[01248]", "OPN-027", "OPN-043"}},
	{"the Go API's Write implies Read", []string{"OPN-036"}},
	{"a Section is never a NULL, unknown or pseudo handle", []string{"MAP-03[012]", "HAN-00[45]"}},
	{"the Go API chooses no addresses and takes none", []string{"MAP-04[0-3]", "UNM-00[468]", "UNM-010", "FLU-00[56]"}},
	{"the Go API's Flush takes no range", []string{"FLU-00[23]"}},
	{"VirtualQuery, VirtualProtect, VirtualAlloc, VirtualFree", []string{
		"RSV-00[146]", "RSV-010", "VIE-006", "VIE-01[1-9]", "VIE-020", "UNM-01[234]",
	}},
	{"the Go API commits the pages that it maps", []string{"RSV-00[238]"}},
	{"section flags beside SEC_COMMIT and SEC_RESERVE", []string{
		`SEC-(COMMIT\|RESERVE|(COMMIT\||RESERVE\|)?(NOCACHE|WRITECOMBINE)|FILE\|COMMIT)`,
	}},
	{"large pages", []string{`SEC-(COMMIT|RESERVE)\|LARGE_PAGES`, "SEC-LARGE-.*"}},
	{"SEC_IMAGE", []string{"SEC-IMAGE.*"}},
	{"the Go API has no DuplicateHandle", []string{"LIF-012[abc]", "HAN-01[0-8]"}},
	{"flags of a handle, waiting for one, asking its file type", []string{"HAN-019", "HAN-02[0-4]"}},
	{"inheritance of handles is the win32 package's", []string{"INH-00.*"}},
}

// why is the reason for which a row is left out, "" for none.
func why(id string) string {
	for _, l := range leftOut {
		for _, pattern := range l.ids {
			if matches(pattern, id) {
				return l.reason
			}
		}
	}
	return ""
}

var compiled = map[string]*regexp.Regexp{}

func matches(pattern, id string) bool {
	if compiled[pattern] == nil {
		compiled[pattern] = regexp.MustCompile(`^(?:` + pattern + `)$`)
	}
	return compiled[pattern].MatchString(id)
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
	{"GLO-001", "session 0 needs no privilege", func(string) bool { return inSessionZero() }},
	{"GLO-001", "Wine asks nobody for the privilege", func(string) bool { return underWine() }},
	{"SIZ-011", "the file backing would write 64 GiB", func(string) bool { return fileBacking() }},
}

func onUnix(string) bool { return runtime.GOOS != "windows" }

func fileBacking() bool { return os.Getenv("NAMEDSHM_BACKING") == "file" }

// excepted says why a row is not driven with this prefix.
func excepted(id, prefix string) string {
	for _, e := range exceptions {
		if matches(e.id, id) && e.here(prefix) {
			return e.reason
		}
	}
	return ""
}
