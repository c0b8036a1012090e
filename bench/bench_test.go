//go:build linux

package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/internal/turns"
)

func TestMain(m *testing.M) {
	if becomeActor() {
		return
	}
	os.Exit(m.Run())
}

// TestRatios holds this library to its peers. The bounds are ratios to a peer that was measured in turns with it, and
// what they leave above the figures in docs/benchmarks.md is the noise of a busy machine.
func TestRatios(t *testing.T) {
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
		if !part.quick && !depth.Full() {
			continue
		}
		t.Run(part.name, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); part.name == "python" && err != nil && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			// Other work, on this machine or beside a virtual one, can spoil a row of a measurement; it does not
			// spoil that row in all of them.
			const tries = 10
			judged := verdicts{}
			for range tries {
				found, err := inOwnDirectory(part.measure)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("\n%s", found)
				for _, x := range found {
					delete(missing, x.What)
				}
				judged.take(found)
				if judged.broken() == nil {
					return
				}
			}
			t.Error(strings.Join(judged.broken(), "\n"))
		})
	}
	if whole := flag.Lookup("test.run").Value.String() == ""; whole && depth.Full() && os.Getenv("CI") == "true" &&
		len(missing) > 0 {
		t.Errorf("nothing was measured for the bounds %v", missing)
	}
}

// verdicts is what each row's best measurement broke: "" for nothing.
type verdicts map[string]string

// take adds a measurement. A row keeps its bound once for all, whichever measurement has it first.
func (v verdicts) take(found results) {
	for _, x := range found {
		if how, judged := v[x.What]; !judged || how != "" {
			v[x.What] = x.broken()
		}
	}
}

// broken is the bounds that no measurement has kept.
func (v verdicts) broken() (all []string) {
	for _, how := range v {
		if how != "" {
			all = append(all, how)
		}
	}
	slices.Sort(all)
	return all
}

// TestVerdicts: a row is spoilt by no measurement if another one is good, and one that comes late is judged too.
func TestVerdicts(t *testing.T) {
	good, bad := result{What: openBare, Ratio: 1}, result{What: openBare, Ratio: 1000}
	other := result{What: createBare, Ratio: 1}
	for title, c := range map[string]struct {
		tries  []results
		broken int
	}{
		"good":               {[]results{{good}}, 0},
		"bad":                {[]results{{bad}, {bad}}, 1},
		"good later":         {[]results{{bad}, {good}}, 0},
		"bad later":          {[]results{{good}, {bad}}, 0},
		"bad, good, bad":     {[]results{{bad}, {good}, {bad}}, 0},
		"late and bad":       {[]results{{other}, {other, bad}}, 1},
		"late and good":      {[]results{{other}, {other, bad}, {good}}, 0},
		"bad and then gone":  {[]results{{other, bad}, {other}}, 1},
		"without any bounds": {[]results{{{What: "weather", Ratio: 1000}}}, 0},
	} {
		judged := verdicts{}
		for _, found := range c.tries {
			judged.take(found)
		}
		if got := judged.broken(); len(got) != c.broken {
			t.Errorf("%s: %q", title, got)
		}
	}
}

// aloneVariable, set to "true", says that nothing else runs on the machine. Beside the compiler, as under `go test
// ./...`, caches are cold, and the side with more system calls pays more for that.
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
// processor's affair too: an opener's take 2.3 times as long on one machine, and 3.2 on another. Under a hypervisor
// that has a system call take 1.4 us and a page fault 13, the bounds that are about both were seen missed by up to a
// third: 3.8 times bare shm_open, 1.6 times Python's open, which makes fewer calls and faults more.
//
// What spins is held to two words in C that are set and taken by compare-and-swap, which is what two auto-reset
// events are. One word that each side stores to in its turn is quicker, by a factor that is the processor's: this
// library was seen at 1.2 and at 2.6 times that on two machines, and at 1.1 times the two words on both.
//
// A ring is held to a C ring whose commit is a full fence, as its own is. A batch's figure depends on where the
// linker and the stack put things: what a processor stores between two messages keeps the next one waiting, and two
// builds of one program were seen at 1.1 and at 1.8 times the C ring. Where lines pass slowly between cores, copies
// of 64 KiB take 1.3 times as long as C's, which the processor makes by a single instruction; where they pass
// quickly, 0.7 times. With readers it is the lines that take the time, so that eight of them are held to one. A
// feed's Write stores three numbers so that nothing overtakes them, which takes 6 to 15 times a copy of 64 bytes.
//
// What sleeps is held to bare futexes in the same language on one core, where what the calls take shows and little
// else does: what the runtime adds to a system call is the processor's affair too, and bare futexes in Go take 1.2
// or 2.0 times what they take in C. On two cores waking a processor takes nearly all of the time, and it is the same
// wake-up for whatever sleeps in the kernel: pipes, eventfd and Boost are within a few hundredths of bare futexes,
// and no order among these would last.
var bounds = func() map[string]float64 {
	all := map[string]float64{
		createBare:   4.2,
		createFloor:  1.8,
		openFloor:    1.7,
		openBare:     5.0,
		openMany:     1.5,
		pythonCreate: 1.3,
		pythonOpen:   2.0,
		wholeProcess: 0.2,

		lockFree:                  5,
		beside(spinning, cSwap):   1.5,
		beside(spinning, polling): 1,
		beside(sleeping, cFutex):  1.5,
		besideGo(sleeping):        1.2,
		besideGo(oneCore):         1.2,
		wineNative:                1.5,
		wineBridge:                0.01,
		idleEvent:                 0.01,
		idleAmong:                 1.5,
		idleRing:                  1.5,
		idleFeed:                  1.5,

		"SetEvent+ResetEvent" + throughC:             4,
		"WaitForSingleObject, set" + throughC:        8, // the way into Go takes longer than the call
		"CreateFileMapping+CloseHandle" + throughC:   1.3,
		"SetEvent+ResetEvent" + besideWine:           0.1,
		"WaitForSingleObject, set" + besideWine:      0.1,
		"CreateFileMapping+CloseHandle" + besideWine: 1,
	}
	for what, bound := range map[string]float64{
		flowEach: 1 / 0.75, flowBatched: 2, flowKilo: 1 / 0.95, flowLarge: 1.5, flowHuge: 1 / 0.9,
	} {
		all[beside(what, ringC)] = bound
	}
	all[beside(flowTrip, ringsC)] = 1.6
	for _, how := range []string{ofLatest, ofNext} {
		all[fmt.Sprintf(flowAmid, how, besideOne)] = 2
	}
	all[flowLatest], all[flowWrite] = 8, 20
	for _, peer := range streams {
		all[beside(flowEach, peer)], all[beside(flowKilo, peer)] = 1, 1.5
	}
	for _, peer := range others {
		all[beside(spinning, peer)] = 1
	}
	for _, peer := range []compiled{zeroMQ, iceoryx} {
		all[beside(sleeping, peer)], all[beside(oneCore, peer)] = 1, 1.3
	}
	return all
}()

// broken says which bound a row does not keep, or nothing.
func (x result) broken() string {
	if most, bound := bounds[x.What]; bound && x.Ratio > most*noise() {
		return fmt.Sprintf("%s: %.2f times, at most %.1f", x.What, x.Ratio, most*noise())
	}
	if x.What == names && x.Ours > time.Duration(noise()*float64(time.Second)) {
		return fmt.Sprintf("%s: %v, must be under a second", x.What, x.Ours)
	}
	return ""
}
