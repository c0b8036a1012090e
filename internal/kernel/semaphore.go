//go:build unix && !aix

package kernel

// What a semaphore does with the value of its word.

// semaphoreLetsThrough reports whether a wait ends.
func semaphoreLetsThrough(value uint32) bool { return value&semaphoreCount != 0 }

// semaphoreTaken is the value after that wait.
func semaphoreTaken(value uint32) uint32 { return value - 1 }

// damaged is the error for a count that the object cannot have.
func (n *nativeWaitable) damaged(value uint32) error {
	if n.kind == KindSemaphore && value&semaphoreCount > n.maximum {
		return n.overwritten()
	}
	return nil
}

func (n *nativeWaitable) release(count int64) (previous int64, err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.foreign(); err != nil {
		return 0, err
	}
	for {
		w := n.state.load()
		if err := n.damaged(w.value()); err != nil {
			return 0, err
		}
		if w.value()&reserved != 0 {
			n.outlast(w)
			continue
		}
		before := int64(w.value())
		if before+count > int64(n.maximum) {
			return 0, &Fault{Code: TooManyPosts}
		}
		now := w.with(uint32(before+count)) &^ crowded
		if n.state.swap(w, now) {
			n.changed(w, now, int(count))
			return before, nil
		}
	}
}
