package namedshm

import (
	"context"
	"runtime"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/words"
)

// Rights are what a handle to an event, a mutex or a semaphore may be used for.
//
// Source: the access rights of synchronization objects, with their numbers.
type Rights uint32

const (
	// Synchronize allows waiting.
	Synchronize Rights = 0x00100000
	// ModifyState allows Set, Reset, Pulse and Release. Unlocking a mutex requires only owning it.
	ModifyState Rights = 0x00000002
	// AllRights is both.
	AllRights = Synchronize | ModifyState
)

var rightsWords = words.Table{{Value: uint32(Synchronize), Text: "synchronize"},
	{Value: uint32(ModifyState), Text: "modify"}}

// String is the set in words: "synchronize|modify".
func (r Rights) String() string { return rightsWords.Set(uint32(r)) }

// MarshalText is String, for JSON.
func (r Rights) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Rights) UnmarshalText(text []byte) error {
	set, err := rightsWords.ReadSet(text)
	return unmarshaled(r, set, err)
}

// MaximumWaitObjects is the largest number of objects in one wait.
//
// Source: MAXIMUM_WAIT_OBJECTS.
const MaximumWaitObjects = 64

// Waitable is an object that can be waited for: an [Event], a [Mutex] or a [Semaphore].
type Waitable interface {
	// Name is the name as it was given to the call that opened the handle.
	Name() string
	// Close closes the handle.
	Close() error

	object() *waitable
}

// Outcome is how a wait for several objects ended.
type Outcome struct {
	// Index is the object that satisfied WaitAny. For WaitAll it is 0, or the index of the first abandoned mutex.
	Index int
	// Abandoned reports that the mutex at Index was acquired after its last owner ended without unlocking it.
	Abandoned bool
}

// WaitAny waits until one of the objects is signaled, or returns the context's error. If several are, it acquires the
// one with the lowest index and changes no other. There may be 1 to 64 objects, of different kinds and namespaces. If
// the context is already done, it checks once without waiting.
//
// Errors: [ErrInvalidParameter] for none or too many objects, [ErrInvalidHandle] for a closed one, [ErrAccessDenied]
// for a handle without [Synchronize]; the context's, as from [Event.Wait].
//
// Source: WaitForMultipleObjects.
func WaitAny(ctx context.Context, objects ...Waitable) (Outcome, error) {
	return waitMultiple(ctx, objects, false)
}

// WaitAll waits until all objects are signaled at once, then acquires them together; until then it acquires none. Or it
// returns the context's error. If the context is already done, it tries once without waiting.
//
// Errors: those of [WaitAny], and [ErrInvalidParameter] if two of the objects are the same, even through different
// handles.
//
// On Unix no system call acquires several objects at once: they are reserved one after the other and then acquired.
// Other waiters wait for that, which usually takes less than a microsecond. A process killed in the middle of it may
// leave some of them acquired. A process stopped there for more than ten milliseconds loses its reservations; what it
// had already acquired is given back when it resumes.
//
// Source: WaitForMultipleObjects with bWaitAll.
func WaitAll(ctx context.Context, objects ...Waitable) (Outcome, error) {
	return waitMultiple(ctx, objects, true)
}

func waitMultiple(ctx context.Context, objects []Waitable, all bool) (Outcome, error) {
	kernels := make([]*kernel.Waitable, len(objects))
	var names []string
	for i, o := range objects {
		if o == nil {
			return Outcome{}, wrap("wait", "", fault.BadHandle("one of the objects is nil"))
		}
		kernels[i] = o.object().kernel
		if name := o.Name(); name != "" {
			names = append(names, name)
		}
	}
	outcome, err := kernel.Wait(ctx, kernels, all)
	runtime.KeepAlive(objects)
	if err != nil {
		return Outcome{}, wrap("wait", strings.Join(names, ", "), err)
	}
	return Outcome(outcome), nil
}

// SignalAndWait signals one object and then waits for another: it sets an event, unlocks a mutex or adds one to a
// semaphore. If that fails it does not wait. These are two separate steps: another process may act between them.
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
		err = wrap("signal", "", fault.BadHandle("it is not an event, mutex or semaphore"))
	}
	if err != nil {
		return false, err
	}
	outcome, err := WaitAny(ctx, wait)
	return outcome.Abandoned, err
}

// waitable is what the three kinds have in common.
type waitable struct {
	kernel  *kernel.Waitable
	cleanup runtime.Cleanup
}

func createWaitable(name string, spec kernel.WaitableSpec, options []WaitableOption,
	mode kernel.Mode) (*waitable, bool, error) {
	choices := inside.ForWaitable(options)
	if choices.Wrong != nil {
		return nil, false, wrap("create", name, choices.Wrong)
	}
	spec.Share = choices.Share
	if spec.Kind == kernel.KindMutex && spec.Share.Access != 0 {
		spec.Share.Access = ReadWrite.kernel() // the only use of a mutex is to lock it, which changes it
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
	w.cleanup = onLeak(w, k.Kind().String()+" "+k.Name(), k)
	return w
}

func (w *waitable) object() *waitable { return w }

func (w *waitable) name() string { return w.kernel.Name() }

func (w *waitable) wait(ctx context.Context) (abandoned bool, err error) {
	abandoned, err = w.kernel.Wait(ctx)
	runtime.KeepAlive(w)
	if err != nil {
		return false, wrap("wait", w.name(), err)
	}
	return abandoned, nil
}

func (w *waitable) try() (acquired, abandoned bool, err error) {
	acquired, abandoned, err = w.kernel.Try()
	runtime.KeepAlive(w)
	if err != nil {
		return false, false, wrap("wait", w.name(), err)
	}
	return acquired, abandoned, nil
}

func (w *waitable) close() error {
	w.cleanup.Stop()
	return wrap("close", w.name(), w.kernel.Close())
}
