package kernel

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/windows"
)

// The system waits, for one, any or all of several objects. But it does not know about the end of a context, nor that
// mutexes belong to handles.

// signal is how one of the system's waits ended: by an object, or with ok false.
type signal struct {
	index     int // always 0 in a wait for all of several objects
	abandoned bool
	ok        bool
}

// systemWait looks once, or sleeps until it is satisfied; if it is alertable, an interruption ends it too. It blocks
// its thread in a system call, and nothing else.
func systemWait(handles []windows.Handle, all, sleep, alertable bool) (signal, error) {
	timeout := uint32(0)
	if sleep {
		timeout = windows.INFINITE
	}
	status, err := waitForMultipleObjectsEx(uint32(len(handles)), &handles[0], all, timeout, alertable)
	if err != nil {
		return signal{}, systemFault(err)
	}
	count := uint32(len(handles))
	switch {
	case status < count:
		return signal{index: int(status), ok: true}, nil
	case status >= windows.WAIT_ABANDONED && status < windows.WAIT_ABANDONED+count:
		return signal{index: int(status - windows.WAIT_ABANDONED), abandoned: true, ok: true}, nil
	}
	return signal{}, nil
}

// handlesOf returns the system's handles, with room for one more.
func handlesOf(objects []*nativeWaitable) []windows.Handle {
	handles := make([]windows.Handle, len(objects), len(objects)+1)
	for i, n := range objects {
		handles[i] = n.handle
	}
	return handles
}

func (n *nativeWaitable) try() (acquired, abandoned bool, err error) {
	if n.kind == KindMutex {
		w := newNativeWait([]*nativeWaitable{n}, false)
		defer w.end()
		outcome, ok, err := w.look(false)
		return ok, outcome.Abandoned, err
	}
	s, err := systemWait([]windows.Handle{n.handle}, false, false, false)
	return s.ok, false, err
}

// wait waits for this object alone.
func (n *nativeWaitable) wait(ctx context.Context) (Outcome, error) {
	return waitNative(ctx, []*nativeWaitable{n}, false)
}

func waitNative(ctx context.Context, objects []*nativeWaitable, all bool) (Outcome, error) {
	w := newNativeWait(objects, all && len(objects) > 1)
	if len(w.mutexes) == 0 && (ctx.Done() == nil || !w.all && len(objects) < MaximumWaitObjects) {
		return waitHere(ctx, handlesOf(objects), w.all)
	}
	defer w.end()
	if over := waiting.ContextError(ctx); over != nil {
		outcome, ok, err := w.look(false)
		if !ok && err == nil {
			err = over
		}
		return outcome, err
	}
	if err := w.enlist(); err != nil {
		return Outcome{}, err
	}
	defer context.AfterFunc(ctx, w.interrupt)()
	for {
		if outcome, ok, err := w.look(true); ok || err != nil {
			return outcome, err
		}
		if err := waiting.ContextError(ctx); err != nil {
			return Outcome{}, err
		}
	}
}

// waitHere waits on the caller's thread, for events and semaphores. Handing a wait to another thread and back takes
// longer than most waits last. If the context can be cancelled, it waits for one more event, after all others, so that
// they are looked at first. (That is why all of several objects, or 64, cannot be waited for like this.)
func waitHere(ctx context.Context, handles []windows.Handle, all bool) (Outcome, error) {
	objects := len(handles)
	for sleep := false; ; sleep = true {
		s, err := systemWait(handles, all, sleep, false)
		switch {
		case err != nil:
			return Outcome{}, err
		case s.ok && s.index < objects:
			return Outcome{Index: s.index}, nil
		case ctx.Err() != nil:
			return Outcome{}, waiting.ContextError(ctx)
		case !sleep && ctx.Done() != nil:
			b, err := newBell(ctx)
			if err != nil {
				return Outcome{}, err
			}
			defer b.end()
			handles = append(handles, b.event)
		}
	}
}

// bell is an unnamed event that rings when a context is done.
type bell struct {
	event windows.Handle
	rung  chan struct{}
	stop  func() bool
}

// bells are events for reuse: making one for each wait would cost two system calls.
var bells struct {
	sync.Mutex
	idle []windows.Handle
}

const mostIdleBells = 64

func newBell(ctx context.Context) (*bell, error) {
	b := &bell{rung: make(chan struct{})}
	bells.Lock()
	if last := len(bells.idle) - 1; last >= 0 {
		b.event = bells.idle[last]
		bells.idle = bells.idle[:last]
	}
	bells.Unlock()
	if b.event == 0 {
		var err error
		if b.event, err = windows.CreateEvent(nil, 0, 0, nil); err != nil {
			return nil, systemFault(err)
		}
	}
	b.stop = context.AfterFunc(ctx, func() {
		windows.SetEvent(b.event)
		close(b.rung)
	})
	return b, nil
}

// end keeps the event for another wait, not ringing.
func (b *bell) end() {
	if !b.stop() {
		<-b.rung // otherwise it could ring in another wait
		windows.ResetEvent(b.event)
	}
	bells.Lock()
	keep := len(bells.idle) < mostIdleBells
	if keep {
		bells.idle = append(bells.idle, b.event)
	}
	bells.Unlock()
	if !keep {
		windows.CloseHandle(b.event)
	}
}

// nativeWait is a wait that runs on a thread of its own: because it may make the thread the owner of a mutex, or
// because it could not be ended otherwise. It never runs on a thread that owns something: nobody could unlock those
// mutexes meanwhile.
type nativeWait struct {
	objects []*nativeWaitable
	mutexes []*nativeWaitable // those among them, each once, in locking order
	all     bool

	mu     sync.Mutex
	thread *thread // nil before one is needed, and when it has become an owner
}

func newNativeWait(objects []*nativeWaitable, all bool) *nativeWait {
	w := &nativeWait{objects: objects, all: all}
	for _, n := range objects {
		if n.kind == KindMutex {
			w.mutexes = append(w.mutexes, n)
		}
	}
	slices.SortFunc(w.mutexes, func(a, b *nativeWaitable) int { return cmp.Compare(a.order, b.order) })
	w.mutexes = slices.Compact(w.mutexes)
	return w
}

// needThread makes sure that there is a thread.
func (w *nativeWait) needThread() (*thread, error) {
	if w.thread != nil {
		return w.thread, nil
	}
	t, err := takeThread()
	if err == nil {
		w.mu.Lock()
		w.thread = t
		w.mu.Unlock()
	}
	return t, err
}

// enlist must be called before the wait sleeps: from here on every change of a mutex's owner interrupts it. By then
// there must be a thread to interrupt, or a change before it sleeps would be missed.
func (w *nativeWait) enlist() error {
	if _, err := w.needThread(); err != nil {
		return err
	}
	for _, n := range w.mutexes {
		n.mu.Lock()
		if n.waits == nil {
			n.waits = make(map[*nativeWait]struct{})
		}
		n.waits[w] = struct{}{}
		n.mu.Unlock()
	}
	return nil
}

func (w *nativeWait) end() {
	for _, n := range w.mutexes {
		n.mu.Lock()
		delete(n.waits, w)
		n.mu.Unlock()
	}
	if t := w.letGo(); t != nil {
		t.account(0, 0)
	}
}

// letGo takes the thread away from the wait.
func (w *nativeWait) letGo() *thread {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.thread
	w.thread = nil
	return t
}

// interrupt makes the wait look again.
func (w *nativeWait) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.thread != nil {
		w.thread.interrupt()
	}
}

func (w *nativeWait) lock() {
	for _, n := range w.mutexes {
		n.mu.Lock()
	}
}

func (w *nativeWait) unlock() {
	for _, n := range w.mutexes {
		n.mu.Unlock()
	}
}

// look looks once, or sleeps until it is satisfied or interrupted, and acquires what satisfies it.
//
// A mutex that its handle already owns satisfies the wait at once. The system is not asked about it: it would check
// whether the waiting thread owns it, and that is another thread.
func (w *nativeWait) look(sleep bool) (Outcome, bool, error) {
	if w.all {
		return w.lookForAll(sleep)
	}
	return w.lookForAny(sleep)
}

// onThread is the system's wait on the wait's own thread. While it sleeps the mutexes are not locked.
func (w *nativeWait) onThread(objects []*nativeWaitable, sleep bool) (s signal, err error) {
	t, err := w.needThread()
	if err != nil {
		return s, err
	}
	if sleep {
		w.unlock()
		defer w.lock()
	}
	handles := handlesOf(objects)
	t.do(func() { s, err = systemWait(handles, w.all, sleep, sleep) })
	return s, err
}

// obtain notes which mutexes the thread has become the owner of.
func (w *nativeWait) obtain(objects ...*nativeWaitable) {
	t := w.thread
	for _, n := range objects {
		if n.kind == KindMutex {
			w.letGo()
			n.obtain(t)
		}
	}
}

func (w *nativeWait) lookForAny(sleep bool) (outcome Outcome, ok bool, err error) {
	w.lock()
	defer w.unlock()
	owned := slices.IndexFunc(w.objects, func(n *nativeWaitable) bool { return n.owner != nil })
	others := w.objects
	if owned >= 0 {
		others, sleep = w.objects[:owned], false // objects before it come first
	}
	if len(others) > 0 {
		s, err := w.onThread(others, sleep)
		if s.ok {
			w.obtain(others[s.index])
		}
		if s.ok || err != nil {
			return Outcome{Index: s.index, Abandoned: s.abandoned}, s.ok, err
		}
	}
	if owned < 0 {
		return Outcome{}, false, nil
	}
	if err := w.objects[owned].lockAgain(); err != nil {
		return Outcome{}, false, err
	}
	return Outcome{Index: owned}, true, nil
}

func (w *nativeWait) lookForAll(sleep bool) (outcome Outcome, ok bool, err error) {
	w.lockSettled()
	defer w.unlock()
	var owned, others []*nativeWaitable
	for _, n := range w.objects {
		if n.owner == nil {
			others = append(others, n)
			continue
		}
		if n.depth+int64(n.leaning) >= maximumCount {
			return Outcome{}, false, &fault.Fault{Code: fault.MutantLimit}
		}
		owned = append(owned, n)
	}
	for _, n := range owned {
		n.leaning++ // so that it stays owned until this wait has ended, or been interrupted
	}
	s := signal{ok: true}
	suspect := w.suspect(others)
	if len(others) > 0 {
		s, err = w.onThread(others, sleep)
	}
	for _, n := range owned {
		n.leaning--
		if s.ok {
			n.depth++
		}
		n.settled.Broadcast()
	}
	if !s.ok {
		return Outcome{}, false, err
	}
	w.obtain(others...)
	if s.abandoned {
		outcome = Outcome{Index: slices.Index(w.objects, suspect), Abandoned: true}
	}
	return outcome, true, nil
}

// lockSettled locks the mutexes when none of them is about to be given up: giving one up waits for the waits that leave
// it out, and would wait for ever if they began again.
func (w *nativeWait) lockSettled() {
	for {
		w.lock()
		i := slices.IndexFunc(w.mutexes, (*nativeWaitable).leaving)
		if i < 0 {
			return
		}
		w.unlock()
		n := w.mutexes[i]
		n.mu.Lock()
		for n.leaving() {
			n.settled.Wait()
		}
		n.mu.Unlock()
	}
}

// leaving reports whether the mutex is about to be given up.
func (n *nativeWaitable) leaving() bool { return n.owner != nil && n.depth == 0 }

// suspect returns the mutex that was abandoned if the wait for all of the objects finds an abandoned one. The system
// does not say which; the state before the wait does, except for a mutex that is abandoned during the wait, which
// somebody must own then.
func (w *nativeWait) suspect(objects []*nativeWaitable) *nativeWaitable {
	var first, owned *nativeWaitable
	for _, n := range objects {
		if n.kind != KindMutex {
			continue
		}
		if len(w.mutexes) == 1 {
			return n
		}
		switch info, err := queryMutex(n.handle); {
		case err == nil && info.abandoned != 0:
			return n
		case err == nil && info.count <= 0:
			owned = cmp.Or(owned, n)
		}
		first = cmp.Or(first, n)
	}
	return cmp.Or(owned, first)
}
