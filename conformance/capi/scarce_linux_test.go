package capi

import (
	"fmt"
	"strings"
	"testing"
)

// The last errors of a call that finds no descriptor, and of one that finds no name.
const (
	tooManyOpenFiles = "0 4"
	fileNotFound     = "0 2"
)

// TestScarce: a program that is short of descriptors gets errors, whichever of them is the last: Go's runtime takes
// some too, and would end the program for want of them.
func TestScarce(t *testing.T) {
	w := need(t)
	program := w.compile(t, "gcc", "testdata/scarce.c")
	made := 0
	for free := range 16 {
		isolate(t)
		e := finish(t, command(t, program, fmt.Sprint(free)))
		calls := strings.Split(strings.TrimSuffix(e.out, "\n"), "\n")
		if !e.state.Success() || e.complaint != "" || len(calls) != 3 {
			t.Errorf("%d free: %v\n%s%s", free, e.state, e.out, e.complaint)
			continue
		}
		made = 0
		for i, call := range calls {
			switch {
			case call == "1 0":
				made++
			case call == tooManyOpenFiles, i == 2 && call == fileNotFound && calls[1] != "1 0":
			default:
				t.Errorf("%d free: call %d ended with %s", free, i, call)
			}
		}
		if free == 0 && made != 0 {
			t.Errorf("%d objects without a descriptor", made)
		}
	}
	if made != 3 {
		t.Errorf("with 15 free descriptors %d of 3 calls made something", made)
	}
}

// TestDescriptorsClosed: a program may close at its start what it does not know, as a daemon does. Nothing that the
// library needs is open then.
func TestDescriptorsClosed(t *testing.T) {
	w := need(t)
	isolate(t)
	for name, flags := range map[string][]string{"shared": nil, "static": {"-static"}} {
		t.Run(name, func(t *testing.T) {
			e := finish(t, command(t, w.compile(t, "gcc", "testdata/scarce.c", flags...), "close"))
			if !e.state.Success() || e.out != "1 0\n1 0\n1 0\n" || e.complaint != "" {
				t.Errorf("%v\n%s%s", e.state, e.out, e.complaint)
			}
		})
	}
}
