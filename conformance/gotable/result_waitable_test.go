package gotable

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// waitVerdicts say what the result of a wait is, or what became of the object.
var waitVerdicts = []expectation{
	expect(`^WAIT_OBJECT_0(?:\+(\d+))?`, func(w *world, out outcome, m []string) error {
		return waitGave(w, out, []string{"", cmp.Or(m[1], "0")})
	}),
	expect(`^WAIT_TIMEOUT\b`, func(w *world, out outcome, _ []string) error {
		return waitGave(w, out, []string{"", "102"})
	}),
	expect(`^WAIT_ABANDONED(?:_0\+\d+ =)? 0x(\d+)\b`, waitGave),
	expect(`^a WAIT_ABANDONED value \(0x80\.\.\)`, func(_ *world, out outcome, _ []string) error {
		if code := out.code(); code < 0x80 || code >= 0x80+namedshm.MaximumWaitObjects {
			return fmt.Errorf("the wait gives %#x, %w", code, out.err)
		}
		return nil
	}),
}

// waitDetails are what such a result says besides. They look at the objects, and change them.
var waitDetails = []expectation{
	expect(`^WAIT_OBJECT_0, count (\d+)$`, func(w *world, _ outcome, m []string) error {
		count, err := takeEverything(w.object.(*namedshm.Semaphore))
		return errors.Join(err, spec.Number("count", uint64(count), m[1]))
	}),
	expect(`; (caller|nobody) owns it$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.object, m[1] == "caller")
	}),
	expect(`, mutex (kept|released)$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.mutex(), m[1] == "kept")
	}),
	expect(`; initial ownership (NOT taken|taken)$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.object, m[1] == "taken")
	}),
	expect(`, (only that|no) event consumed$`, func(w *world, out outcome, m []string) error {
		for i, o := range w.lists[0] {
			if i == 0 {
				continue // the row has reset it
			}
			consumed := m[1] == "only that" && i == out.wait.Index
			if set, _, err := try(o); err != nil || set == consumed {
				return fmt.Errorf("event %d is set: %v, %w", i, set, err)
			}
		}
		return nil
	}),
}

// waitGave wants what Windows' function returns, in hexadecimal, and of a wait that ended no error.
func waitGave(_ *world, out outcome, m []string) error {
	want, err := strconv.ParseUint(m[1], 16, 32)
	if err == nil && uint64(out.code()) != want {
		err = fmt.Errorf("the wait gives %#x, want %#x: %w", out.code(), want, out.err)
	}
	return err
}

// ownedNow asks by another handle whether somebody has a mutex, and looks whether it is this handle.
func (w *world) ownedNow(mutex namedshm.Waitable, want bool) error {
	other, err := w.another(mutex)
	if err != nil {
		return err
	}
	switch taken, err := isTaken(other); {
	case err != nil:
		return err
	case taken != want:
		return fmt.Errorf("the mutex is owned: %v", taken)
	}
	switch err := mutex.(*namedshm.Mutex).Unlock(); {
	case want:
		return err
	case !errors.Is(err, namedshm.ErrNotOwner):
		return fmt.Errorf("Unlock without owning it gives %v", err)
	}
	return nil
}
