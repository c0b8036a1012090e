//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// holdings are what a process has of the library's: descriptors, by what they lead to, and mappings, and how many of
// each.
type holdings map[string]int

// holdings are looked for in /proc, whose word is the kernel's. What the Go runtime and the test have open is counted
// too: it does not change.
func (w *world) holdings(a *actor) holdings {
	a.t.Helper()
	found := holdings{}
	table := fmt.Sprintf("/proc/%d/fd", a.PID)
	descriptors, err := os.ReadDir(table)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, d := range descriptors {
		link, err := os.Readlink(filepath.Join(table, d.Name()))
		if err != nil || strings.HasPrefix(link, "anon_inode:[event") { // the runtime's own
			continue
		}
		found["descriptor of "+link]++
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", a.PID))
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		for _, ours := range []string{"/memfd:namedshm-", "/SYSV", w.Root + "/"} {
			if at := strings.Index(line, ours); at >= 0 {
				found["mapping of "+strings.TrimSpace(line[at:])]++
			}
		}
	}
	return found
}

// more is what there is more of than before; but for what the library keeps for a process's life: one descriptor of
// each directory, and one of the process through which it last came to an object.
func (w *world) more(h, before holdings) (more []string) {
	for what, count := range h {
		known := before[what]
		if strings.HasPrefix(what, "descriptor of "+w.Root+"/namedshm-") &&
			strings.Count(what, "/") == strings.Count(w.Root, "/")+1 ||
			what == "descriptor of anon_inode:[pidfd]" {
			known = max(known, 1)
		}
		if count > known {
			more = append(more, fmt.Sprintf("%s (%d instead of %d)", what, count, before[what]))
		}
	}
	slices.Sort(more)
	return more
}
