//go:build unix && !aix

package waiting

import "github.com/namedshm/namedshm/internal/fault"

// What a semaphore does with the value of its word.

var semaphoreRules = rules{
	signaled:  semaphoreSignaled,
	satisfied: semaphoreSatisfied,
	damaged:   semaphoreDamaged,
	undo:      func(o *Object, _ uint32) { o.Release(1) },
	lets:      1,
}

func semaphoreSignaled(value, _ uint32) bool { return value&semaphoreCount != 0 }

func semaphoreSatisfied(value, _ uint32) uint32 { return value - 1 }

func semaphoreDamaged(value, maximum uint32) bool { return value&semaphoreCount > maximum }

// Release adds to the semaphore's count and returns what it was.
func (o *Object) Release(count int64) (previous int64, err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	if err := o.foreign(); err != nil {
		return 0, err
	}
	since := here()
	for {
		since.forget(inRelease)
		w := o.state.load()
		if err := o.damaged(w.value()); err != nil {
			return 0, err
		}
		if w.value()&reserved != 0 {
			o.outlast(w)
			continue
		}
		before := int64(w.value())
		if before+count > int64(o.maximum) {
			return 0, &fault.Fault{Code: fault.TooManyPosts}
		}
		now := w.with(uint32(before+count)) &^ crowded
		if o.state.swap(w, now) {
			o.changed(w, now, int(count))
			return before, nil
		}
	}
}
