//go:build linux

package actors

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// controlFiles are what a Global directory keeps for ever.
var controlFiles = []string{".creating", ".burial"}

// Leftovers is what lies in the world's directories besides.
func (w *World) Leftovers(t Host) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(w.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		depth := strings.Count(strings.TrimPrefix(path, w.Root), "/")
		if depth >= 2 && !slices.Contains(controlFiles, d.Name()) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Directories are those in the world's root, and the System V segments that an actor of this world made.
func (w *World) Directories(t Host) (found []string) {
	t.Helper()
	names, err := os.ReadDir(w.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		found = append(found, name.Name())
	}
	return append(found, w.segments(t)...)
}

// NothingLeft buries what crashed processes left, by bury, and fails the test if anything is there afterwards: an
// entry, or a System V segment that an actor of this world made.
func (w *World) NothingLeft(t Host, onFiles bool, bury func()) {
	t.Helper()
	bury()
	if onFiles {
		// A file without a name yet is left alone for a minute, in case its creator is only slow: let it be older.
		old := time.Now().Add(-time.Hour)
		for _, path := range w.Leftovers(t) {
			if strings.HasPrefix(filepath.Base(path), ".new-") {
				os.Chtimes(path, old, old)
			}
		}
		bury()
	}
	if left := w.Leftovers(t); left != nil {
		t.Fatalf("left in the directories: %q", left)
	}
	if left := w.segments(t); left != nil {
		t.Fatalf("System V segments left: %q", left)
	}
}

// segments are the System V segments that actors of this world made, as /proc/sysvipc/shm tells them.
func (w *World) segments(t Host) []string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, s := range allSegments(t) {
		if w.pids[s.Creator] && !w.older[s.ID] {
			found = append(found, s.Line)
		}
	}
	return found
}

// allSegments are all of the machine's.
func allSegments(t Host) []Segment {
	t.Helper()
	b, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	return ParseSegments(string(b))
}

// Segment is a line of /proc/sysvipc/shm.
type Segment struct {
	ID, Creator int
	Line        string
}

// ParseSegments reads that file.
func ParseSegments(table string) []Segment {
	var all []Segment
	for line := range strings.Lines(table) {
		// key shmid perms size cpid …
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		id, err := strconv.Atoi(f[1])
		if err != nil {
			continue // the heading
		}
		creator, _ := strconv.Atoi(f[4])
		all = append(all, Segment{id, creator, strings.TrimSpace(line)})
	}
	return all
}
