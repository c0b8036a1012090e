package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Exception is about rows that are not driven: patterns that match whole ids, and a reason.
type Exception struct {
	Reason string
	Rows   []string
	In     string // a prefix of names, where it is not for all
}

var compiled = map[string]*regexp.Regexp{}

// Is reports whether one of the patterns matches the row's whole id.
func (r Row) Is(patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if compiled[p] == nil {
			compiled[p] = regexp.MustCompile(`^(?:` + p + `)$`)
		}
		return compiled[p].MatchString(r.ID)
	})
}

// Has reports whether a pattern matches a row's whole id.
func (t Table) Has(pattern string) bool {
	return slices.ContainsFunc(t, func(r Row) bool { return r.Is(pattern) })
}

// Why is the reason for which a row is left out with a prefix, "" for none.
func (r Row) Why(leftOut []Exception, prefix string) string {
	for _, e := range leftOut {
		if (e.In == "" || e.In == prefix) && r.Is(e.Rows...) {
			return e.Reason
		}
	}
	return ""
}

// Unmatched are the faults of a list that leaves out what no row is called.
func (t Table) Unmatched(leftOut []Exception) (faults []string) {
	for _, e := range leftOut {
		for _, pattern := range e.Rows {
			if !t.Has(pattern) {
				faults = append(faults, fmt.Sprintf("no row is called %s, which is left out because %s", pattern, e.Reason))
			}
		}
	}
	return faults
}

// Reasons are the ids of rows that are not driven, by the reason.
type Reasons map[string][]string

// Add notes a row, once for each reason.
func (r Reasons) Add(reason, id string) {
	if !slices.Contains(r[reason], id) {
		r[reason] = append(r[reason], id)
	}
}

// Lines are the reasons in order, each with its rows and their number.
func (r Reasons) Lines() (lines []string) {
	for _, reason := range slices.Sorted(maps.Keys(r)) {
		lines = append(lines, fmt.Sprintf("%5d %s: %s", len(r[reason]), reason, strings.Join(r[reason], ", ")))
	}
	return lines
}
