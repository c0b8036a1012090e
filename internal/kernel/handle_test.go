package kernel

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestUsesFreesOnceAndLast lets many users and several closers meet: one close is the first, one of all frees, and
// nobody is inside then or later.
func TestUsesFreesOnceAndLast(t *testing.T) {
	for range 2000 {
		var u uses
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
					if u.enter() {
						inside.Add(1)
						if freed.Load() != 0 {
							t.Error("entered after it was freed")
						}
						inside.Add(-1)
						free(u.leave())
					}
				}
			})
		}
		for range 2 {
			all.Go(func() {
				is, yes := u.close()
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
