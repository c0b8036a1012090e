package namedshm

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Rights are what a handle to an event, a mutex or a semaphore may do.
//
// Source: the access rights of synchronization objects, with their numbers.
type Rights uint32

const (
	// Synchronize allows waiting.
	Synchronize Rights = Rights(kernel.Synchronize)
	// ModifyState allows Set, Reset, Pulse and Release. Unlocking a mutex needs only to own it.
	ModifyState Rights = Rights(kernel.ModifyState)
	// AllRights is both.
	AllRights = Synchronize | ModifyState
)

// String is the set in words: "synchronize|modify".
func (r Rights) String() string {
	var words []string
	if r&Synchronize != 0 {
		words = append(words, "synchronize")
	}
	if r&ModifyState != 0 {
		words = append(words, "modify")
	}
	if rest := r &^ AllRights; rest != 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(rest)))
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, "|")
}

// MaximumWaitObjects is how many objects one wait can be for.
//
// Source: MAXIMUM_WAIT_OBJECTS.
const MaximumWaitObjects = kernel.MaximumWaitObjects

// Waitable is what can be waited for: an [Event], a [Mutex] or a [Semaphore].
type Waitable interface {
	// Name is the name as it was given to the call that made the handle.
	Name() string
	// Close closes the handle.
	Close() error

	object() *waitable
}

// Outcome is how a wait for several objects ended.
type Outcome struct {
	// Index says which object let WaitAny through. For WaitAll it is 0, or that of the first abandoned mutex.
	Index int
	// Abandoned says that a mutex was acquired whose last owner ended without unlocking it: that at Index.
	Abandoned bool
}

// WaitAny waits until one of the objects lets it through, or returns the context's error. When several would, it takes
// the one with the lowest index, and changes no other. The objects may be of different kinds and namespaces, 1 to 64 of
// them. A context that is done already makes it look once, without waiting.
//
// Errors: [ErrInvalidParameter] for none or too many objects, [ErrInvalidHandle] for a closed one, [ErrAccessDenied] for
// a handle without [Synchronize]; those of the context.
//
// Source: WaitForMultipleObjects.
func WaitAny(ctx context.Context, objects ...Waitable) (Outcome, error) {
	return waitMultiple(ctx, objects, false)
}

// WaitAll waits until all of the objects would let it through at one moment, and takes them all then; until that it
// takes none. Or it returns the context's error. A context that is done already makes it try once, without waiting.
//
// Errors: those of [WaitAny], and [ErrInvalidParameter] for objects of which two are the same, even by different
// handles.
//
// On Unix there is no system call that takes several objects at once: they are reserved one after the other and then
// taken. Others wait for that, which usually takes less than a microsecond. A process killed in the middle of the taking may
// leave a part of them taken. One that is stopped there for more than ten milliseconds loses its reservations; the
// objects it had taken already are given back when it goes on.
//
// Source: WaitForMultipleObjects with bWaitAll.
func WaitAll(ctx context.Context, objects ...Waitable) (Outcome, error) {
	return waitMultiple(ctx, objects, true)
}

func waitMultiple(ctx context.Context, objects []Waitable, all bool) (Outcome, error) {
	kernels := make([]*kernel.Waitable, len(objects))
	names := make([]string, len(objects))
	for i, o := range objects {
		if o == nil {
			return Outcome{}, wrap("wait", "", &kernel.Fault{Code: kernel.InvalidHandle})
		}
		kernels[i], names[i] = o.object().kernel, o.Name()
	}
	outcome, err := kernel.Wait(ctx, kernels, all)
	runtime.KeepAlive(objects)
	if err != nil {
		return Outcome{}, wrap("wait", strings.Join(names, ", "), err)
	}
	return Outcome(outcome), nil
}

// SignalAndWait signals one object and then waits for another: it sets an event, unlocks a mutex or adds one to a
// semaphore. If that fails it does not wait. The two are two steps: somebody may come between them.
//
// Source: SignalObjectAndWait.
func SignalAndWait(ctx context.Context, signal, wait Waitable) (abandoned bool, err error) {
	switch o := signal.(type) {
	case *Event:
		err = o.Set()
	case *Mutex:
		err = o.Unlock()
	case *Semaphore:
		_, err = o.Release(1)
	default:
		err = wrap("signal", "", &kernel.Fault{Code: kernel.InvalidHandle})
	}
	if err != nil {
		return false, err
	}
	outcome, err := WaitAny(ctx, wait)
	return outcome.Abandoned, err
}

// SetWaitSpin sets for how long a wait of this process looks at an object again and again before it sleeps, and returns
// what it was. A wait that ends within that time costs a fraction of a microsecond; waking a sleeper on another
// processor costs far more. The default is 20 microseconds, and zero on a machine with one processor. Zero turns it
// off. On Windows it does nothing: the system waits.
func SetWaitSpin(d time.Duration) (previous time.Duration) { return kernel.SetWaitSpin(d) }

// waitable is what the three kinds have in common.
type waitable struct {
	kernel  *kernel.Waitable
	cleanup runtime.Cleanup
}

func createWaitable(name string, spec kernel.WaitableSpec, options []Option, mode kernel.Mode) (*waitable, bool, error) {
	var chosen kernel.Spec
	for _, option := range options {
		option(&chosen)
	}
	spec.Share = chosen.Share
	if chosen.Protection != 0 || chosen.Commit != 0 {
		return nil, false, wrap("create", name, kernel.SectionOption())
	}
	k, existed, err := kernel.CreateWaitable(context.Background(), name, spec, mode)
	if err != nil {
		return nil, false, wrap("create", name, err)
	}
	return newWaitable(k), !existed, nil
}

func openWaitable(name string, kind kernel.Kind, rights Rights) (*waitable, error) {
	k, err := kernel.OpenWaitable(context.Background(), name, kind, kernel.Rights(rights))
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return newWaitable(k), nil
}

func waitOpenWaitable(ctx context.Context, name string, kind kernel.Kind, rights Rights) (*waitable, error) {
	k, err := kernel.WaitOpenWaitable(ctx, name, kind, kernel.Rights(rights))
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return newWaitable(k), nil
}

func newWaitable(k *kernel.Waitable) *waitable {
	w := &waitable{kernel: k}
	w.cleanup = onLeak(w, Kind(k.Kind()).String()+" "+k.Name(), k)
	return w
}

func (w *waitable) object() *waitable { return w }

// Name is the name as it was given to the call that made the handle.
func (w *waitable) Name() string { return w.kernel.Name() }

// Rights are what the handle may do.
func (w *waitable) Rights() Rights { return Rights(w.kernel.Rights()) }

func (w *waitable) wait(ctx context.Context) (abandoned bool, err error) {
	abandoned, err = w.kernel.Wait(ctx)
	runtime.KeepAlive(w)
	if err != nil {
		return false, wrap("wait", w.Name(), err)
	}
	return abandoned, nil
}

func (w *waitable) try() (acquired, abandoned bool, err error) {
	acquired, abandoned, err = w.kernel.Try()
	runtime.KeepAlive(w)
	if err != nil {
		return false, false, wrap("wait", w.Name(), err)
	}
	return acquired, abandoned, nil
}

func (w *waitable) close() error {
	w.cleanup.Stop()
	return wrap("close", w.Name(), w.kernel.Close())
}
