//go:build linux

package namehistories

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/riot"
)

// A suite is worth no more than what it catches. The library has a few mistakes built in that each break the protocol
// in one way which the design warns of; only the build tag namedshm_mistakes lets them in, and then the environment
// chooses one.

// mistake is one of them.
type mistake struct {
	name string
	stop string // where to stop processes so that it is seen soon; "" for all that a riot tries
	few  bool   // two names are better than many: all depends on many handles to one object
	slow bool   // it shows when an opener is stopped, and overtaken, before it has the memory
	left bool   // it shows in what is left when the last two handles are closed at once
}

var mistakes = []mistake{
	{name: "lock before door", slow: true},
	{name: "exclusive check left out"},
	{name: "publish before the entry is complete", stop: "linkat"},
	{name: "no second look at the path", few: true},
	{name: "doors trusted without verification", stop: "pwrite64", few: true},
	{name: "the child of a fork unlocks"},
	{name: "close looks before it unlocks", left: true},
	{name: "burial without a look at the path", stop: "fcntl"},
}

// crashed is how a host is failed whose actor ends without being told to.
var crashed = regexp.MustCompile(`^actor \d+ ended$`)

// buildMistaken builds the program whose processes can be told to make a mistake.
func buildMistaken(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mistaken")
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "namedshm_mistakes", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// faults is what is wrong with a short riot, or with a few partings, of processes that make a mistake.
func (m *mistake) faults(t *testing.T, program string, seed uint64) (found []string) {
	t.Helper()
	failure := riot.Try(func(host actors.Host) {
		kinds := sections
		if m.few {
			kinds = sections[:2]
		}
		p := newPlan(t, host, kinds, namedshm.Local, seed)
		p.World.Program = program
		p.Environment = []string{"NAMEDSHM_MISTAKE=" + m.name}
		p.Duration = 500 * time.Millisecond
		if m.stop != "" {
			p.Stops = []string{m.stop}
		}
		switch {
		case m.left:
			found = p.Part(host, partings)
		case m.slow:
			found = p.Overtake(host)
		default:
			found, _ = p.Run(host).Judge(judgeLimit)
		}
	})
	switch {
	case failure == "":
		return found
	case m.name != "" && crashed.MatchString(failure):
		return []string{failure} // the program that made the mistake did not survive it
	}
	t.Fatal(failure) // that is no finding
	return nil
}

// TestMistakesAreCaught: a library that makes one of the mistakes is found out, by what its users are told or by what
// it leaves; and the same program is found to be right when it makes none.
func TestMistakesAreCaught(t *testing.T) {
	if actors.OnFileBacking() {
		t.Skip("the mistakes are in what is Linux' own")
	}
	program := buildMistaken(t)
	// A race needs luck. So many riots in a row have never been without it.
	const rounds = 80
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			seed := actors.Seed(t)
			for round := range uint64(rounds) {
				if found := m.faults(t, program, seed+round); len(found) > 0 {
					t.Logf("found out in riot %d: %d faults, the first: %.2000s", round+1, len(found), found[0])
					return
				}
			}
			t.Fatalf("not found out in %d riots", rounds)
		})
	}
	t.Run("a build without the tag", func(t *testing.T) {
		m := mistakes[1]
		if found := m.faults(t, "", actors.Seed(t)); len(found) > 0 {
			t.Fatalf("it makes the mistake: %q", found)
		}
	})
	for _, none := range []mistake{{name: ""}, {left: true}, {slow: true}} {
		t.Run(fmt.Sprintf("none, parting %v, overtaken %v", none.left, none.slow), func(t *testing.T) {
			if found := none.faults(t, program, actors.Seed(t)); len(found) > 0 {
				t.Fatalf("%q", found)
			}
		})
	}
}
