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
			// A burst of other work can spoil one measurement; it does not spoil five.
			var broken []string
			for range 5 {
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

// aloneVariable, set to "true", says that nothing else runs on the machine. Beside the compiler, as under
// `go test ./...`, caches are cold, and the side with more system calls pays more for that.
const aloneVariable = "NAMEDSHM_BENCH_ALONE"

// noise is what the bounds are multiplied with.
func noise() float64 {
	if os.Getenv(aloneVariable) == "true" {
		return 1
	}
	return 1.3
}

// bounds are the ratios that must be kept.
var bounds = map[string]float64{
	createBare:   3.6,
	createFloor:  1.4,
	openBare:     3.0,
	openMany:     1.5,
	pythonCreate: 1.3,
	pythonOpen:   1.3,
	wholeProcess: 0.2,
}

// broken is the bounds that a measurement does not keep.
func (r results) broken() (broken []string) {
	for _, x := range r {
		if most, bound := bounds[x.what]; bound && x.ratio > most*noise() {
			broken = append(broken, fmt.Sprintf("%s: %.2f times, at most %.1f", x.what, x.ratio, most*noise()))
		}
		if x.what == names && x.ours > time.Duration(noise()*float64(time.Second)) {
			broken = append(broken, fmt.Sprintf("%s: %v, must be under a second", x.what, x.ours))
		}
	}
	return broken
}
