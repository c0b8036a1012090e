//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if becomeActor() {
		return
	}
	os.Exit(m.Run())
}

// TestRatios holds this library to its peers. The bounds are ratios to a peer that was measured in turns with it, and
// what they leave above the figures in docs/design.md is the noise of a busy machine.
func TestRatios(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector slows this library down, and not its peers")
	}
	// A burst of other work can spoil one measurement; it does not spoil three.
	var broken []string
	for range 3 {
		all, err := measure()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("\n%s", all)
		if broken = all.broken(); broken == nil {
			return
		}
	}
	t.Error(strings.Join(broken, "\n"))
}

// broken is the bounds that a measurement does not keep.
func (r results) broken() (broken []string) {
	for what, most := range map[string]float64{
		createBare:   4.0,
		createFloor:  1.6,
		openBare:     3.0,
		openMany:     1.5,
		pythonCreate: 1.0,
		pythonOpen:   1.0,
		wholeProcess: 0.2,
	} {
		if x := r.find(what); x.ratio > most {
			broken = append(broken, fmt.Sprintf("%s: %.2f times, at most %.1f", what, x.ratio, most))
		}
	}
	if x := r.find(names); x.ours > time.Second {
		broken = append(broken, fmt.Sprintf("%s: %v, must be under a second", names, x.ours))
	}
	return broken
}
