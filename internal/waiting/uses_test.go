package waiting

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestUsesFreesOnceAndLast lets many users and several closers meet: one close is the first, one of all frees, and
// nobody is inside then or later.
func TestUsesFreesOnceAndLast(t *testing.T) {
	for range 2000 {
		var u Uses
		var inside, freed, first atomic.Int64
		free := func(yes bool) {
			if yes {
				if n := inside.Load(); n != 0 {
					t.Errorf("freed with %d users inside", n)
				}
				freed.Add(1)
			}
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 5 {
					if u.Enter() {
						inside.Add(1)
						if freed.Load() != 0 {
							t.Error("entered after it was freed")
						}
						inside.Add(-1)
						free(u.Leave())
					}
				}
			})
		}
		for range 2 {
			all.Go(func() {
				is, yes := u.Close()
				if is {
					first.Add(1)
				}
				free(yes)
			})
		}
		all.Wait()
		if freed.Load() != 1 || first.Load() != 1 {
			t.Fatalf("freed %d times, first closed %d times", freed.Load(), first.Load())
		}
	}
}

// TestNoUseIsLost: of very many users that come and go at once each is counted, in and out; and so is the mark of a
// close that comes between them.
func TestNoUseIsLost(t *testing.T) {
	t.Parallel()
	for range 60 { // half a second: beside other work they meet only where one is interrupted in an Enter
		var u Uses
		var all sync.WaitGroup
		var freed atomic.Int64
		for range 8 {
			all.Go(func() {
				for range 100_000 {
					if u.Enter() && u.Leave() {
						freed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := u.state.Load(); n != 0 || freed.Load() != 0 {
			t.Fatalf("when all have left the count is %d, and %d had to free", n, freed.Load())
		}
		if first, free := u.Close(); !first || !free || u.Enter() {
			t.Fatalf("first %v, free %v, and then somebody entered", first, free)
		}
	}
}
