package model

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"
)

// machine is a thing with finitely many states, of which each step leads to another. S holds all that the next step
// depends on, and no pointers.
type machine[S comparable] interface {
	// start is the first state.
	start() S
	// moves appends the steps that are possible in a state.
	moves(s *S, to []move) []move
	// make makes a step. What it returns is a sentence about what the step did wrong, or "".
	make(s *S, m move) string
	// check looks at a state, and returns a sentence about what is wrong with it, or "".
	check(s *S) string
	// tell makes steps from the start on, and says what each does.
	tell(moves []move) []string
}

// move is one step of one process.
type move struct {
	process uint8
	what    what
}

// what says which of the things that a process can do next a step is.
type what uint8

// findings is what an exploration found.
type findings struct {
	states int
	steps  int
	depth  int
	cut    bool     // there were more states than it was allowed to look at
	wrong  string   // the first thing that is wrong, in as few steps as possible
	trace  []string // the steps that lead there
}

// explore looks at every state that can be reached, the nearest first, until one is wrong or there are no more. States
// are remembered by a 64-bit hash with a random seed: among ten million, two that share one come once in a million
// runs.
func explore[S comparable](m machine[S], most int) findings {
	seed := maphash.MakeSeed()
	type origin struct {
		parent int32
		by     move
	}
	start := m.start()
	seen := map[uint64]struct{}{maphash.Comparable(seed, start): {}}
	origins := []origin{{parent: -1}}
	var found findings
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
		found.trace = m.tell(moves)
		return found
	}
	if wrong := m.check(&start); wrong != "" {
		return fail(0, nil, wrong)
	}
	var moves []move
	for layer, first := []S{start}, int32(0); len(layer) > 0; found.depth++ {
		var next []S
		for i := range layer {
			moves = m.moves(&layer[i], moves[:0])
			for _, by := range moves {
				s := layer[i]
				found.steps++
				if wrong := m.make(&s, by); wrong != "" {
					return fail(first+int32(i), &by, wrong)
				}
				key := maphash.Comparable(seed, s)
				if _, known := seen[key]; known {
					continue
				}
				if len(origins) == most {
					found.cut = true
					continue
				}
				seen[key] = struct{}{}
				origins = append(origins, origin{first + int32(i), by})
				next = append(next, s)
				if wrong := m.check(&s); wrong != "" {
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

// report writes what was found to the test's log.
func (f *findings) report(t *testing.T, name string, began time.Time) {
	t.Helper()
	more := ""
	if f.cut {
		more = ", and there are more"
	}
	t.Logf("%s: %d states, %d steps, at most %d in a row%s, %.1fs", name, f.states, f.steps, f.depth, more,
		time.Since(began).Seconds())
}

// story is a trace for people to read.
func (f *findings) story() string {
	var b strings.Builder
	for i, line := range f.trace {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, line)
	}
	fmt.Fprintf(&b, "      %s\n", f.wrong)
	return b.String()
}
