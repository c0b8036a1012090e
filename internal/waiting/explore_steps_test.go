//go:build namedshm_steps && linux

package waiting

import (
	"flag"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"
)

// deep has the scenarios explored too that take more than a moment.
var deep = flag.Bool("deep", false, "explore all scenarios")

var stories = flag.Bool("stories", false, "print the steps that lead to each mistake's harm")

// findings is what an exploration found.
type findings struct {
	states int
	steps  int
	depth  int
	cut    bool     // there were more states than it was allowed to look at
	wrong  string   // the first thing that is wrong, in as few steps as possible
	trace  []string // the steps that lead there
}

func (e *exploration) hash(w *world) uint64 { return maphash.Comparable(e.seed, *w) }

// explore looks at every state that can be reached, the nearest first, until one is wrong or there are no more. States
// are remembered by a 64-bit hash with a random seed: among ten million, two that share one come once in a million
// runs.
func (e *exploration) explore(most int) (found findings) {
	for o := range e.kinds {
		e.words[o] = stateWords()
	}
	defer func() { explorer = nil }()
	start := e.start()
	type origin struct {
		parent int32
		by     move
	}
	seen := map[uint64]struct{}{e.hash(&start): {}}
	origins := []origin{{parent: -1}}
	fail := func(at int32, last *move, wrong string) findings {
		found.states, found.wrong = len(origins), wrong
		var moves []move
		if last != nil {
			moves = append(moves, *last)
		}
		for ; at > 0; at = origins[at].parent {
			moves = append(moves, origins[at].by)
		}
		slices.Reverse(moves)
		found.trace = e.story(start, moves)
		return found
	}
	var moves []move
	for layer, first := []world{start}, int32(0); len(layer) > 0; found.depth++ {
		var next []world
		for i := range layer {
			moves = e.moves(&layer[i], moves[:0])
			for _, by := range moves {
				w := layer[i]
				found.steps++
				if wrong := e.make(&w, by); wrong != "" {
					return fail(first+int32(i), &by, wrong)
				}
				key := e.hash(&w)
				if _, known := seen[key]; known {
					continue
				}
				if len(origins) == most {
					found.cut = true
					continue
				}
				seen[key] = struct{}{}
				if e.visible != nil {
					e.visible[e.view(&w)] = true
				}
				origins = append(origins, origin{first + int32(i), by})
				next = append(next, w)
				if wrong := e.check(&w); wrong != "" {
					return fail(int32(len(origins)-1), nil, wrong)
				}
			}
		}
		first += int32(len(layer))
		layer = next
	}
	found.states = len(origins)
	return found
}

// story makes steps from the start on, and says what each does.
func (e *exploration) story(w world, moves []move) (lines []string) {
	e.say = func(line string) { lines = append(lines, line) }
	defer func() { e.say = nil }()
	for _, by := range moves {
		e.make(&w, by)
	}
	return lines
}

func (f *findings) story() string {
	var b strings.Builder
	for i, line := range f.trace {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, line)
	}
	fmt.Fprintf(&b, "      %s\n", f.wrong)
	return b.String()
}

// TestExplore explores every scenario to its end; in a quick run those that end soon.
func TestExplore(t *testing.T) {
	before := SetSpin(0)
	defer SetSpin(before)
	began, states, ended := time.Now(), 0, 0
	for _, s := range scenarios {
		if s.deep && !*deep {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			e := exploration{scenario: s}
			began := time.Now()
			found := e.explore(4_000_000)
			t.Logf("%d states, %d steps, %d in a row; of the code %d states, found in %d runs, %d in another way too; %.1fs",
				found.states, found.steps, found.depth, len(e.nodes), e.runs, e.again, time.Since(began).Seconds())
			if found.wrong != "" {
				t.Fatalf("\n%s", found.story())
			}
			if found.cut {
				t.Fatal("it was not explored to the end")
			}
			states += found.states
			ended++
		})
	}
	t.Logf("%d scenarios to their end, %d states altogether, %.0fs", ended, states, time.Since(began).Seconds())
}
