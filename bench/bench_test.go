//go:build linux

package main

import (
	"flag"
	"fmt"
	"maps"
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
	if os.Getenv(aloneVariable) == "later" {
		t.Skip("measured afterwards, with nothing beside it")
	}
	if raceEnabled {
		t.Skip("the race detector slows this library down, and not its peers")
	}
	end, err := turns.Alone()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	w, err := newWorkshop()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	missing := maps.Clone(bounds)
	for _, part := range w.parts() {
		t.Run(part.name, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); part.name == "python" && err != nil && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			// Other work, on this machine or beside a virtual one, can spoil a measurement and the next; it does not spoil all.
			const tries = 10
			var broken []string
			for range tries {
				found, err := inOwnDirectory(part.measure)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("\n%s", found)
				for _, x := range found {
					delete(missing, x.what)
				}
				if broken = found.broken(); broken == nil {
					return
				}
			}
			t.Error(strings.Join(broken, "\n"))
		})
	}
	if whole := flag.Lookup("test.run").Value.String() == ""; whole && os.Getenv("CI") == "true" && len(missing) > 0 {
		t.Errorf("nothing was measured for the bounds %v", missing)
	}
}

// aloneVariable, set to "true", says that nothing else runs on the machine; to "later", that it will be so later. Beside the compiler, as under
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
//
// A cycle is held to the bare system calls of the protocol. How much dearer these are than those of shm_open is the
// processor's affair too: an opener's take 2.3 times as long on one machine, and 3.2 on another.
//
// What spins is held to two words in C that are set and taken by compare-and-swap, which is what two auto-reset events
// are. One word that each side stores to in its turn is quicker, by a factor that is the processor's: this library was
// seen at 1.2 and at 2.6 times that on two machines, and at 1.1 times the two words on both.
//
// What sleeps is held to bare futexes in the same language on one core, where what the calls take shows and little else
// does: what the runtime adds to a system call is the processor's affair too, and bare futexes in Go take 1.2 or 2.0 times
// what they take in C. On two cores waking a processor takes nearly all of the time, and it is the same wake-up for
// whatever sleeps in the kernel: pipes, eventfd and Boost are within a few hundredths of bare futexes, and no order among
// these would last.
var bounds = func() map[string]float64 {
	all := map[string]float64{
		createBare:   3.6,
		createFloor:  1.5,
		openFloor:    1.7,
		openBare:     5.0,
		openMany:     1.5,
		pythonCreate: 1.3,
		pythonOpen:   1.3,
		wholeProcess: 0.2,

		lockFree:                  5,
		beside(spinning, cSwap):   1.5,
		beside(spinning, polling): 1,
		beside(sleeping, cFutex):  1.2,
		besideGo(sleeping):        1.2,
		besideGo(oneCore):         1.2,
		wineNative:                1.5,
		wineBridge:                0.01,
		idleEvent:                 0.01,

		"SetEvent+ResetEvent" + throughC:             4,
		"WaitForSingleObject, set" + throughC:        8, // the way into Go takes longer than the call
		"CreateFileMapping+CloseHandle" + throughC:   1.3,
		"SetEvent+ResetEvent" + besideWine:           0.1,
		"WaitForSingleObject, set" + besideWine:      0.1,
		"CreateFileMapping+CloseHandle" + besideWine: 1,
	}
	for _, peer := range others {
		all[beside(spinning, peer)] = 1
	}
	for _, peer := range []compiled{zeroMQ, iceoryx} {
		all[beside(sleeping, peer)], all[beside(oneCore, peer)] = 1, 1
	}
	return all
}()

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
