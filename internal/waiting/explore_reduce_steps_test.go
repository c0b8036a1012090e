//go:build namedshm_steps && linux

package waiting

import (
	"fmt"
	"maps"
	"testing"
)

// TestReductions: the reductions hide no state. Small scenarios are explored as they are in TestExplore, with all that
// is seen remembered, with no steps joined, and with both. (Where processes can go round each other for ever there is
// no end of what can be remembered; there only the joining is left out.) What others can see in the states must be the
// same: memory, which processes live, which sleep, and how far each is with its calls, where no step is one that a
// reduction makes at once.
func TestReductions(t *testing.T) {
	before := SetSpin(0)
	defer SetSpin(before)
	for _, s := range []struct {
		scenario
		endless bool
	}{
		{scenario: scenario{name: "two lock", kinds: mutex, script: "W0 U0 | W0 U0"}},
		{scenario: scenario{name: "two lock, one dies", kinds: mutex, script: "W0 U0 | W0 U0", kills: 1,
			patrols: afterDeath}},
		{scenario: scenario{name: "two wait for a semaphore", kinds: count, maximum: 2, script: "W0 | W0 | 20"}},
		{scenario: scenario{name: "a wait that is given up", kinds: count, maximum: 2, givesUp: true, script: "W0 | 10"}},
		{scenario: scenario{name: "a manual-reset event", kinds: manual, script: "W0 | S0 R0 P0"}},
		{scenario: scenario{name: "an auto-reset event", kinds: auto, script: "W0 | S0"}, endless: true},
		{scenario: scenario{name: "a wait with a patrol", kinds: count, maximum: 1, script: "W0 | 10", patrols: always},
			endless: true},
		{scenario: scenario{name: "an auto-reset event, with a patrol", kinds: auto, script: "W0 | S0", patrols: always},
			endless: true},
		{scenario: scenario{name: "a wait for all, with a patrol", kinds: counts, initial: two{0, 1}, maximum: 1,
			patrols: always, script: "A01 | 10"}, endless: true},
		{scenario: scenario{name: "a wait for all", kinds: counts, initial: two{1, 0}, maximum: 2, script: "A01 | 11 | w0"},
			endless: true},
		{scenario: scenario{name: "a wait for all, taken for stopped", kinds: counts, initial: two{1, 1}, maximum: 2,
			stops: 1, script: "A01 | w1"}, endless: true},
	} {
		t.Run(s.name, func(t *testing.T) {
			var want map[string]bool
			for _, how := range []struct{ remembersAll, joinsNothing bool }{{}, {joinsNothing: true},
				{remembersAll: true}, {true, true}} {
				if how.remembersAll && s.endless {
					continue
				}
				e := exploration{scenario: s.scenario, remembersAll: how.remembersAll, joinsNothing: how.joinsNothing,
					visible: map[string]bool{}}
				found := e.explore(3_000_000)
				if found.cut || found.wrong != "" {
					t.Fatalf("%+v: %v %s", how, found.cut, found.story())
				}
				t.Logf("%+v: %d states, of which %d look different", how, found.states, len(e.visible))
				if want == nil {
					want = e.visible
				}
				if !maps.Equal(want, e.visible) {
					for k := range e.visible {
						if !want[k] {
							t.Errorf("%+v: this is not seen with all reductions: %s", how, k)
							break
						}
					}
					for k := range want {
						if !e.visible[k] {
							t.Errorf("%+v: this is seen with all reductions alone: %s", how, k)
							break
						}
					}
				}
			}
		})
	}
}

// view is what others can see of a state.
func (e *exploration) view(w *world) string {
	s := ""
	for c := range cellAlarm {
		s += fmt.Sprintf("%x ", w.cells[c].plain)
	}
	for i := range w.processes {
		if p := &w.processes[i]; p.life == alive {
			s += fmt.Sprintf("| %d %v %v %d", e.nodes[p.threads[0].node].call, p.asleep, p.expired, p.owns)
		} else {
			s += fmt.Sprintf("| %d", p.life)
		}
	}
	return s
}
