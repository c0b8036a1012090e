//go:build namedshm_steps

package conduit

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// mistakes are the ways in which the code can be broken on purpose (package fault has how), and the scenario in which
// the explorer must find that out. One is none of the code's: a processor on which an atomic load overtakes an atomic
// store to another place.
var mistakes = []struct {
	name, scenario string
	order          order
}{
	{"the tail before the message", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"the head before the message is done with", "room for one", sequential},
	{"padding before there is room", "a claim that gives up before padding", sequential},
	{"padding is told alone", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"no end to open claims", "a batch that would take more than a lane", sequential},
	{"a look for sleepers before the tail", "a sender stops beside another, in order", sequential},
	{weakLoads, "messages of 1 to 3 words, a wrap with padding", relaxed},
	{"no look after saying that it sleeps", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"no look after saying what is waited for", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"what is waited for is cleared whatever it says", "room for one", sequential},
	{"an empty lane is not told", "a drain of a lane that is nearly empty", sequential},
	{"the sleepers are cleared before they are woken", "a sender stops beside another, in order", sequential},
	{"the sleepers are cleared whatever is there", "a sender stops beside another, in order", sequential},
	{"a goodbye without a bell", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"a receiver leaves without a word to senders", "a receiver closes while a sender waits for room", sequential},
	{"a sender sleeps on the head", "a receiver closes while a sender waits for room", sequential},
	{"a lane is used before it is said", "a lane is taken", sequential},
	{"the tails before the end words", "messages of 1 to 3 words, a wrap with padding", sequential},
	{"the end words once", "one closes, one goes on, one comes", sequential},
	{"an end word without a turn", "three take the lane of a dead one, two have one seat", sequential},
	{"an end is taken from the living", "one closes, another comes, sends and closes", relaxed},
	{"the goodbye is cleared first", "one closes, another comes, sends and closes", relaxed},
	{"a receiver's patrol asks for no death", "a sender dies", sequential},
	{"a sender's patrol asks for no death", "a receiver dies", sequential},
	{"a reader's patrol asks for no death", "feed, a writer dies, another comes, in order", sequential},
	{"a message that was finished is not told", "feed, a writer dies, another comes, in order", sequential},
	{"no odd number while it is written", "feed of depth 3, Next", sequential},
	{"no fence between stores", "feed of depth 3, Latest, a reader that comes late", relaxed},
	{"no fence between loads", "feed of depth 3, Latest, a reader that comes late", relaxed},
	{"the tail before the number", "feed, a writer stops", sequential},
	{"the number before the message", "feed of depth 3, Next", sequential},
	{"no second look", "feed of depth 3, Next", sequential},
	{"the oldest is the one that is being overwritten", "feed, a writer stops", sequential},
	{"one more is lost than is told", "feed of depth 3, Next", sequential},
	{"an older sleeper's mark over a newer one", "feed, two readers, in order", sequential},
}

const (
	weakLoads       = "an atomic load overtakes an atomic store"
	mistakeVariable = "NAMEDSHM_MISTAKE"
)

// TestMistake explores what finds the mistake that the environment chooses.
func TestMistake(t *testing.T) {
	name := os.Getenv(mistakeVariable)
	if name == "" {
		t.Skip("the environment chooses no mistake: TestMistakes does")
	}
	before := SetSpin(0)
	defer SetSpin(before)
	for _, m := range mistakes {
		if m.name != name {
			continue
		}
		if name != weakLoads && !fault.Mistake(name) {
			t.Fatal("the build tag namedshm_mistakes is missing")
		}
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == m.scenario })
		s := scenarios[i]
		s.weakLoads = name == weakLoads
		e := newExploration(s, m.order)
		wrong, way, _ := e.explore(most)
		if wrong == "" {
			t.Fatalf("%d states, and nothing is wrong", e.states)
		}
		e.wrong = ""
		t.Logf("found after %d states: %s, in %d steps", e.states, wrong, len(way))
		if testing.Verbose() && os.Getenv("STORY") != "" {
			t.Log("\n" + e.story(way))
		}
	}
}

// TestMistakes: whatever the code is broken by, it is found.
func TestMistakes(t *testing.T) {
	if !fault.Mistake(os.Getenv(mistakeVariable)) {
		t.Skip("the build tag namedshm_mistakes is missing")
	}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.v", "-test.run=^TestMistake$")
			c.Env = append(os.Environ(), mistakeVariable+"="+m.name)
			out, err := c.CombinedOutput()
			if found := regexp.MustCompile(`found after .*`).Find(out); err == nil && found != nil {
				t.Logf("%s: %s", m.scenario, found)
				return
			}
			t.Errorf("%s: not found: %v\n%s", m.scenario, err, out)
		})
	}
}

// TestAllMistakes: the table has every mistake that stands in the code.
func TestAllMistakes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{weakLoads: true}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`fault\.Mistake\("([^"]+)"\)`).FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
	}
	for _, m := range mistakes {
		if !there[m.name] {
			t.Errorf("the code has no mistake %q", m.name)
		}
		delete(there, m.name)
	}
	for name := range there {
		t.Errorf("nothing finds the mistake %q", name)
	}
}
