package model

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mistake is one order of the protocol done the other way, or one step left out.
type mistake uint8

const (
	none mistake = iota
	lockBeforeDoor
	noExclusive
	noLook
	linkFirst
	noSecondLook
	trustDoors
	childUnlocks
	closeLooksFirst
	noBurialLock
	lockIsLife
	lockAnywhere
	noIntent
	clearAttached
	closeGivesUp
	lockBeforeLook
	lookBeforeLock
)

var traces = flag.String("traces", "", "a directory that gets the steps that lead to each mistake's harm, one file "+
	"for each")

// TestMistakesAreCaught makes one mistake after the other, and shows what comes of it.
func TestMistakesAreCaught(t *testing.T) {
	two := names{processes: 2, slots: 2, left: 2}
	killed := names{processes: 2, slots: 2, left: 2, kills: 1}
	three := names{processes: 3, slots: 2, left: 1}
	for _, c := range []struct {
		name    string
		mistake mistake
		backing backing
		in      names
		wrong   string // what is found
	}{
		{"the lock is taken before the memory", lockBeforeDoor, memfdBacking, two, "that nobody had"},
		{"an entry is buried without the exclusive lock", noExclusive, memfdBacking, killed,
			"the name does not lead to its entry"},
		{"the same with memory in files", noExclusive, fileBacking, killed, "the name does not lead to its entry"},
		{"memory in a file is opened without a look for holders", noLook, fileBacking, killed, "that nobody had"},
		{"two openers of memory in a file lock first, and then take each other for holders", lockBeforeLook, fileBacking,
			names{processes: 3, slots: 2, left: 1, kills: 1}, "that nobody had"},
		{"the look at the path comes before the lock", lookBeforeLock, memfdBacking, two,
			"the name does not lead to its entry"},
		{"the entry is published before it is written", linkFirst, memfdBacking, two, "not complete"},
		{"the same with memory in files", linkFirst, fileBacking, two, "not complete"},
		{"no look at the path after the lock", noSecondLook, memfdBacking, two, "the name does not lead to its entry"},
		{"the same with memory in files", noSecondLook, fileBacking, two, "the name does not lead to its entry"},
		{"the same with segments", noSecondLook, sysvBacking, two, "the name does not lead to its entry"},
		{"doors are trusted", trustDoors, memfdBacking, names{processes: 2, slots: 2, left: 3, kills: 1, reborn: true},
			"taken for the memory"},
		{"the child of a fork unlocks", childUnlocks, memfdBacking, names{processes: 2, slots: 2, left: 2, forks: true},
			"its lock is gone"},
		{"close looks for others before it unlocks", closeLooksFirst, memfdBacking, two, "the name is still there"},
		{"the same with memory in files", closeLooksFirst, fileBacking, two, "the name is still there"},
		{"a dead segment's entry is buried without the burial lock", noBurialLock, sysvBacking,
			names{processes: 3, slots: 2, left: 1, kills: 1},
			"the name does not lead to its entry"},
		{"a lock on a Global entry is life enough", lockIsLife, sysvBacking,
			names{processes: 2, slots: 2, left: 2, readers: 2, hoarders: 2}, "does not end"},
		{"a lock counts wherever the path leads", lockAnywhere, memfdBacking, three, "none at any moment"},
		{"the same with memory in files", lockAnywhere, fileBacking, three, "none at any moment"},
		{"a segment is made before that is written down", noIntent, sysvBacking, killed, "a segment is left"},
		{"a record is cleared while its segment is attached", clearAttached, sysvBacking, killed, "a segment is left"},
		{"the last close gives up where the burial lock is taken", closeGivesUp, sysvBacking, two, "the name is still there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.in
			m.backing, m.mistake = c.backing, c.mistake
			caught(t, &m, c.wrong)
		})
	}
}

// caught explores a machine that is wrong, and wants that found.
func caught[S comparable](t *testing.T, m machine[S], wrong string) {
	t.Helper()
	const most = 3e6
	began := time.Now()
	found := explore(m, most)
	found.report(t, t.Name(), began)
	if !strings.Contains(found.wrong, wrong) || found.wrong == "" {
		t.Fatalf("it is not found; instead: %q", found.wrong)
	}
	if *traces == "" {
		if testing.Verbose() {
			t.Logf("\n%s", found.story())
		}
		return
	}
	file := filepath.Join(*traces, strings.ReplaceAll(filepath.Base(t.Name()), "_", "-")+".txt")
	if err := os.WriteFile(file, []byte(found.story()), 0o644); err != nil {
		t.Fatal(err)
	}
}
