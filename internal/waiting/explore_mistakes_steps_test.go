//go:build namedshm_steps && namedshm_mistakes && linux

package waiting

import (
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// theMistake is the one that is made, by the code that an overlay brings in.
var theMistake string

// What is found, where several mistakes lead to the same harm.
const (
	forIt        = "there is something for it"
	sleepsOn     = "sleeps after a Set or Pulse"
	waitsForEver = "waits for ever"
	atOneMoment  = "never signaled at the same moment"
	notSaid      = "sleeps, and the word does not say so"
	keepsIt      = "has taken something, keeps it, and sleeps"
	partOfAll    = "gives back a part of all, and nobody thought that it was stopped"
)

var (
	lockers    = scenario{kinds: mutex, script: "W0 U0 W0 U0 | W0 U0 | W0 U0"}
	lockersDie = scenario{kinds: mutex, script: "W0 U0 | W0 U0 | W0 U0", kills: 1, patrols: afterDeath}
	setter     = scenario{kinds: auto, script: "W0 | W0 | S0 S0", unfair: true}
	setters    = scenario{kinds: auto, script: "W0 W0 | S0 S0 | S0"}
	setterDies = scenario{kinds: auto, script: "W0 | W0 | S0", kills: 1, patrols: afterDeath, unfair: true}
	event      = scenario{kinds: manual, script: "W0 | W0 | S0 R0"}
	pulsed     = scenario{kinds: manual, script: "W0 W0 | P0"}
	pulseDies  = scenario{kinds: manual, script: "W0 | P0", kills: 1, patrols: always}
	released   = scenario{kinds: count, maximum: 3, givesUp: true, script: "W0 W0 | W0 | 20 10"}
	any2       = scenario{kinds: counts, maximum: 3, script: "W01 | W1 | 11 10"}
	both       = scenario{kinds: counts, maximum: 2, script: "A01 | A01 | 20 21"}
	mixed      = scenario{kinds: counts, maximum: 2, script: "A01 | W0 10 | 10 11"}
	dropped    = scenario{kinds: counts, initial: two{1, 1}, maximum: 2, script: "a01 | A01 | w1 w0 11 10"}
	hasty      = scenario{kinds: counts, initial: two{1, 1}, maximum: 2, most: 1, script: "a01 | A01 | w1 w0 11 10"}
	more       = scenario{kinds: counts, initial: two{1, 1}, maximum: 2, script: "A01 | A01 | 10 11"}
	stopped    = scenario{kinds: counts, initial: two{1, 1}, maximum: 2, stops: 1, script: "A01 | w1 11 | w0"}
	bothDie    = scenario{kinds: counts, maximum: 2, kills: 1, patrols: afterDeath, script: "A01 | A01 | 10 11"}
	oneIsThere = scenario{kinds: counts, initial: two{0, 1}, maximum: 2, kills: 1, patrols: afterDeath,
		script: "A01 | A01 | 10"}
	allLive  = scenario{kinds: auto, script: "W0 | W0 | S0", patrols: always, unfair: true}
	withAuto = scenario{kinds: []Kind{Semaphore, AutoEvent}, initial: two{1, 1}, maximum: 2, script: "A01 | w0 S1 | R1"}
	read     = scenario{kinds: []Kind{ManualEvent, Semaphore}, initial: two{0, 1}, readers: two{1}, maximum: 1,
		script: "A01 | w1 | S0 R0 11"}
	twoRead = scenario{kinds: []Kind{ManualEvent, ManualEvent}, initial: two{1, 0}, readers: two{1, 1},
		script: "A01 | R0 S1 R1 S0 R0 S1 R1 S0 R0 S1 R1 S0 R0 S1"}
	mutexDies = scenario{kinds: []Kind{Mutex, Semaphore}, initial: two{0, 1}, maximum: 1, kills: 1, stops: 1,
		patrols: afterDeath, script: "A01 U0 | W0 U0 | w1"}
)

// found says where each mistake is found, and what is found then.
var found = []struct {
	name  string
	in    scenario
	wrong string
}{
	{"unlock wakes nobody", lockers, forIt},
	{"the flag is cleared whatever the word is", lockers, "sleeps, and"},
	{"the flag is cleared whatever the word is", released, "sleeps, and"},
	{"a waiter sleeps on a word that it has not looked at", lockers, forIt},
	{"the patrol does not look", lockersDie, waitsForEver},
	{"the patrol does not look", setterDies, waitsForEver},
	{"the patrol does not look", bothDie, waitsForEver},
	{"the patrol does not look for dead owners", lockersDie, waitsForEver},
	{"an owner is not asked for", lockers, "from its living owner"},
	{"a dead owner is buried whatever the word is", lockersDie, "from its living owner"},
	{"a dead owner is buried and nobody is told", lockersDie, "was told so: false"},
	{"a newcomer gets the seat of a dead owner", scenario{kinds: mutex, script: "W0 U0 | W0 U0", kills: 1, reborn: true,
		patrols: afterDeath}, "from its living owner"},

	{"a waiter comes to its berth and does not change the word", setter, "although process"},
	{"the flag is set whatever the word is", setter, "although process"},
	{"Set does not look at the berths", setter, "although process"},
	{"a sleeper that is let through is not woken", setter, forIt},
	{"nobody is nudged", setter, forIt},
	{"the nudge comes before the flag", setter, forIt},
	{"the nudge is taken off after the look that it asks for", setter, forIt},
	{"a wait that sleeps again does not see to it that the word says so", setter, notSaid},
	{"a wait that did not sleep is let through because its seat is taken", setterDies, "a Set is lost"},
	{"a Set is taken back whatever the berth is", setter, "a berth is taken for one who has left it"},
	{"a Set that is taken back does not nudge", setters, forIt},
	{"a berth that was left is taken for what it was", setters, "a Set takes back what another one gave"},
	{"a wait that was let through does not look whether it was", setter, keepsIt},
	{"the patrol does not look whether the word says that somebody sleeps", setterDies, waitsForEver},
	{"the patrol frees the berth of a wait that was let through", setterDies, "a Set is lost"},
	{"the patrol frees the berths of the living", allLive, "is free"},
	{"the patrol does not wake sleepers that were let through", setterDies, waitsForEver},

	{"a Set counts no turn", event, sleepsOn},
	{"a Pulse counts no turn", pulsed, sleepsOn},
	{"a wait begins when it sleeps", event, sleepsOn},
	{"turns from before the wait count", pulsed, "was not set since its wait began"},
	{"a Set of a manual-reset event wakes one", event, "there"},
	{"the wake-up comes before the Set", event, "there"},
	{"a Set leaves the seq as it is", event, sleepsOn},
	{"a Pulse leaves the seq as it is", pulsed, sleepsOn},
	{"the patrol does not look for turns", pulseDies, waitsForEver},

	{"a Release of two wakes one", released, forIt},
	{"a count is taken whatever it is", released, "changes the count of object 0 by -2"},
	{"a wait that takes another one passes nothing on", any2, forIt},
	{"the alarm is looked at after the context", released, "sleeps, and its wait was given up"},
	{"a sleeper says so after its last look", released, forIt},
	{"a change wakes nobody", released, forIt},

	{"the crowd flag is set after the last look", both, forIt},
	{"the crowd is looked at just before the sleep", both, "sleeps, and"},
	{"the crowd is woken, and its number stays", both, "sleeps, and"},
	{"the crowd is woken before its number changes", both, "sleeps, and"},
	{"one of the crowd is woken", both, forIt},
	{"taking an object clears the crowd's flag", mixed, notSaid},
	{"the end of a reservation brings back the flags of its beginning", dropped, notSaid},
	{"all are taken one after the other", mixed, atOneMoment},
	{"what is reserved is reserved by another one too", both, partOfAll},
	{"each reserves in an order of its own", both, "stays for ever"},
	{"a dead one's reservation stays", bothDie, waitsForEver},
	{"a Release takes no notice of a reservation", more, partOfAll},
	{"a Set finds an event set that is about to be taken", withAuto, "had taken with another one"},
	{"what changes by being taken is taken first", read, atOneMoment},
	{"the part that was taken is kept", stopped, keepsIt},
	{"a wait that was stopped takes what is not reserved as it was", stopped, "takes the rest"},
	{"a wait that may only look confirms an event that had a turn", read, atOneMoment},
	{"a wait that may only look confirms an event that is set again", twoRead, atOneMoment},
	{"a wait that has seen too many reservations sleeps", hasty, forIt},
	{"a mutex that is given back was not abandoned", mutexDies, "was told so: false"},
	{"the patrol does not compare the word", oneIsThere, waitsForEver},
	{"the patrol wakes the crowd, and its number stays", oneIsThere, waitsForEver},
}

// TestMistakes makes one mistake after the other, and shows that what comes of it is found. None may be left out.
func TestMistakes(t *testing.T) {
	before := SetSpin(0)
	defer SetSpin(before)
	made := map[string]bool{}
	for _, m := range mistakes {
		made[m.name] = true
	}
	asked, caught := map[string]bool{}, 0
	for _, f := range found {
		t.Run(f.name, func(t *testing.T) {
			if !made[f.name] && !f.in.reborn {
				t.Fatal("nobody makes this mistake")
			}
			theMistake = f.name
			defer func() { theMistake = "" }()
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v\n%s", r, debug.Stack())
				}
			}()
			began := time.Now()
			e := exploration{scenario: f.in}
			found := e.explore(3_000_000)
			t.Logf("%d states, %.1fs: %s", found.states, time.Since(began).Seconds(), found.wrong)
			if f.wrong == "" {
				t.Fatal("what comes of it is not said")
			}
			if !strings.Contains(found.wrong, f.wrong) {
				t.Fatalf("it is not found; instead: %q", found.wrong)
			}
			if *stories {
				t.Logf("\n%s", found.story())
			}
			caught++
		})
		asked[f.name] = true
	}
	for name := range made {
		if asked[name] {
			continue
		}
		t.Errorf("nobody looks for the mistake %q", name)
	}
	t.Logf("%d mistakes are found, in %d scenarios", len(asked), caught)
}
