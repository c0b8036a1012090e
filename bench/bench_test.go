//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/turns"
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
	end, err := turns.Alone()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); part.name == "python" && err != nil && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			// A burst of other work can spoil one measurement; it does not spoil three.
			var broken []string
			for range 3 {
				found, err := inOwnDirectory(part.measure)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("\n%s", found)
				if broken = found.broken(); broken == nil {
					return
				}
			}
			t.Error(strings.Join(broken, "\n"))
		})
	}
}

// bounds are the ratios that must be kept.
var bounds = map[string]float64{
	createBare:   4.0,
	createFloor:  1.6,
	openBare:     3.6,
	openMany:     1.5,
	pythonCreate: 1.3,
	pythonOpen:   1.3,
	wholeProcess: 0.2,
}

// broken is the bounds that a measurement does not keep.
func (r results) broken() (broken []string) {
	for _, x := range r {
		if most, bound := bounds[x.what]; bound && x.ratio > most {
			broken = append(broken, fmt.Sprintf("%s: %.2f times, at most %.1f", x.what, x.ratio, most))
		}
		if x.what == names && x.ours > time.Second {
			broken = append(broken, fmt.Sprintf("%s: %v, must be under a second", x.what, x.ours))
		}
	}
	return broken
}
