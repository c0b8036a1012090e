//go:build unix && !aix

package win32

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// A mutex belongs to a thread, through whatever handle; the object manager's mutex belongs to one handle of its own. So
// all handles to one object in this process share one mutex here, which has as many of the object manager's as threads
// want it at once: one that owns it, and one for each waiting thread. A call that runs has a reference of its target,
// so that the mutex does not lose its owner under it when the last handle is closed. A thread that ends is found out by
// whoever waits for it here, and by a look at all owners each thirtieth of a second; closing its handle is what
// abandons the mutex, for other processes to see.
type mutex struct {
	token [16]byte
	owner atomic.Int32 // the thread that owns it; 0 for none

	watched atomic.Bool // its owner is being checked, or about to be

	mu     sync.Mutex
	refs   int                // targets that lead here
	all    []*kernel.Waitable // every open handle of the object
	idle   []*kernel.Waitable // those of them with which nobody owns it or waits
	holder *kernel.Waitable   // the one with which it is owned
	depth  int                // how often its owner has waited for it
	birth  uint64             // distinguishes the owner from a later thread with the same number; 0 until the first check
}

// mutexes are all that are open or owned in this process, by their tokens.
var mutexes struct {
	sync.Mutex
	known map[[16]byte]*mutex
	owned map[*mutex]struct{} // or were at the last look
}

// adopt takes over a handle of the object manager's. owned says that the calling thread owns the mutex with it.
func adopt(object *kernel.Waitable, owned bool) *mutex {
	token := object.Token()
	mutexes.Lock()
	defer mutexes.Unlock()
	m := mutexes.known[token]
	if m == nil {
		m = &mutex{token: token}
		if mutexes.known == nil {
			mutexes.known = map[[16]byte]*mutex{}
		}
		mutexes.known[token] = m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refs++
	m.all = append(m.all, object)
	if owned {
		m.holder, m.depth = object, 1
		m.owner.Store(kernel.CurrentThread())
		if m.watched.CompareAndSwap(false, true) {
			m.enlist()
		}
		startWatch()
	} else {
		m.idle = append(m.idle, object)
	}
	return m
}

// mostIdle is how many handles are kept for the next wait.
const mostIdle = 4

// take is a handle of the object manager's for one wait of a thread that does not own the mutex. What follows is own or
// give.
func (m *mutex) take() (*kernel.Waitable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := len(m.idle) - 1; last >= 0 {
		w := m.idle[last]
		m.idle = m.idle[:last]
		return w, nil
	}
	return m.another()
}

// another opens one more handle. mu is held.
func (m *mutex) another() (*kernel.Waitable, error) {
	if len(m.all) == 0 {
		return nil, ERROR_INVALID_HANDLE
	}
	w, err := m.all[0].Another()
	if err != nil {
		return nil, errno(err)
	}
	m.all = append(m.all, w)
	return w, nil
}

// give takes back a handle with which nobody owns the mutex.
func (m *mutex) give(w *kernel.Waitable) {
	m.mu.Lock()
	if m.refs > 0 && len(m.idle) < mostIdle {
		m.idle = append(m.idle, w)
		m.mu.Unlock()
		return
	}
	m.forget(w)
	unused := m.refs == 0
	m.mu.Unlock()
	if unused {
		m.vanish()
	}
}

// forget closes a handle. mu is held.
func (m *mutex) forget(w *kernel.Waitable) {
	for i, other := range m.all {
		if other == w {
			m.all = append(m.all[:i], m.all[i+1:]...)
			break
		}
	}
	w.Close()
}

// own notes that the calling thread owns the mutex, or owns it once more.
func (m *mutex) own(tid int32, w *kernel.Waitable) {
	m.mu.Lock()
	if m.owner.Load() == tid {
		m.depth++
	} else {
		m.holder, m.depth, m.birth = w, 1, 0
		m.owner.Store(tid)
	}
	m.mu.Unlock()
	if !m.watched.Load() && m.watched.CompareAndSwap(false, true) {
		mutexes.Lock()
		m.enlist()
		mutexes.Unlock()
	}
	if !watching.Load() {
		startWatch()
	}
}

// enlist adds the mutex to those whose owners are checked. mutexes is locked.
func (m *mutex) enlist() {
	if mutexes.owned == nil {
		mutexes.owned = map[*mutex]struct{}{}
	}
	mutexes.owned[m] = struct{}{}
}

// discharged takes the mutex from among them, unless somebody owns it. mutexes is locked.
func (m *mutex) discharged() bool {
	if m.owner.Load() != 0 {
		return false
	}
	m.watched.Store(false)
	// An owner from before this store relied on us.
	if m.owner.Load() != 0 && m.watched.CompareAndSwap(false, true) {
		return false
	}
	delete(mutexes.owned, m)
	return true
}

// handleFor is the handle with which a thread waits: its own, if it owns the mutex.
func (m *mutex) handleFor(tid int32) (*kernel.Waitable, error) {
	owner := m.owner.Load()
	if owner == tid {
		// Nobody else changes this while the thread lives. (A number comes around once all others were used.)
		return m.holder, nil
	}
	if owner != 0 && kernel.ThreadGone(owner) {
		m.abandon(owner)
	}
	return m.take()
}

func (m *mutex) wait(milliseconds uint32) (uint32, error) {
	tid := kernel.CurrentThread()
	w, err := m.handleFor(tid)
	if err != nil {
		return WAIT_FAILED, err
	}
	got, abandoned, err := w.Try()
	switch {
	case got || err != nil:
	case milliseconds == 0:
		err = context.DeadlineExceeded
	default:
		abandoned, err = w.Lock(&waiting.Limit{Milliseconds: milliseconds})
	}
	if err == nil {
		m.own(tid, w)
	} else if m.owner.Load() != tid {
		m.give(w)
	}
	return waited(abandoned, 0, err)
}

// unlock undoes one wait of the calling thread.
func (m *mutex) unlock() error {
	if m.owner.Load() != kernel.CurrentThread() {
		return ERROR_NOT_OWNER
	}
	m.mu.Lock()
	w := m.holder
	m.depth--
	last := m.depth == 0
	if last {
		// Before others can have it.
		m.holder = nil
		m.owner.Store(0)
	}
	m.mu.Unlock()
	err := w.Unlock()
	if last {
		m.give(w)
	}
	return errno(err)
}

// abandon gives up a mutex whose owner has ended.
func (m *mutex) abandon(owner int32) {
	m.mu.Lock()
	if m.owner.Load() != owner {
		m.mu.Unlock()
		return
	}
	if m.refs > 0 && len(m.all) == 1 {
		// The name must not go with the only handle.
		if w, err := m.another(); err == nil {
			m.idle = append(m.idle, w)
		}
	}
	w := m.holder
	m.holder, m.depth = nil, 0
	m.owner.Store(0)
	m.forget(w)
	m.mu.Unlock()
	m.vanish()
}

// drop ends one target's use. With the last one the handles are closed, except the one with which a thread owns the
// mutex while other processes have it too: that one keeps owning it.
func (m *mutex) drop() {
	m.mu.Lock()
	m.refs--
	for m.refs == 0 && len(m.idle) > 0 {
		w := m.idle[len(m.idle)-1]
		m.idle = m.idle[:len(m.idle)-1]
		m.forget(w)
	}
	if m.refs > 0 && len(m.idle) > m.refs {
		w := m.idle[len(m.idle)-1]
		m.idle = m.idle[:len(m.idle)-1]
		m.forget(w)
	}
	m.mu.Unlock()
	m.vanish()
}

// vanish drops a mutex to which this process has no handle any more, if no other process has one that it could block.
func (m *mutex) vanish() {
	mutexes.Lock()
	defer mutexes.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refs > 0 {
		return
	}
	if w := m.holder; w != nil && len(m.all) == 1 && w.Alone() {
		m.holder, m.depth = nil, 0
		m.owner.Store(0)
		m.forget(w)
	}
	if len(m.all) == 0 && mutexes.known[m.token] == m {
		delete(mutexes.known, m.token)
	}
}

// watching says that somebody looks at the owners from time to time.
var watching atomic.Bool

// watchEvery makes a dead owner known to other processes within the tenth of a second that they must notice it in.
const watchEvery = 30 * time.Millisecond

// startWatch is called after whatever it is to look at has become visible to it.
func startWatch() {
	if watching.CompareAndSwap(false, true) {
		go watch()
	}
}

func watch() {
	const quietRounds = 5
	quiet := 0
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		<-ticker.C
		if lookAtOwners() {
			quiet = 0
			continue
		}
		if quiet++; quiet < quietRounds {
			continue
		}
		watching.Store(false)
		// An owner from between the look and this store relied on us.
		if !lookAtOwners() || !watching.CompareAndSwap(false, true) {
			return
		}
	}
}

// lookAtOwners abandons what threads have left that ended, and reports whether any mutex is owned.
func lookAtOwners() (owned bool) {
	mutexes.Lock()
	var list []*mutex
	for m := range mutexes.owned {
		if !m.discharged() {
			list = append(list, m)
		}
	}
	mutexes.Unlock()
	births := map[int32]uint64{} // of those for which it is known
	for _, m := range list {
		owner := m.owner.Load()
		if owner == 0 {
			continue
		}
		birth, told := births[owner]
		if !told {
			if birth, told = kernel.ThreadBirth(owner); told {
				births[owner] = birth
			}
		}
		if told && m.outlived(owner, birth) {
			m.abandon(owner)
			continue
		}
		m.vanish()
		owned = true
	}
	return owned
}

// outlived reports whether the owner has ended; birth was just determined for its number. The first look at an owner
// records its identity.
func (m *mutex) outlived(owner int32, birth uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner.Load() != owner {
		return false
	}
	if m.birth == 0 {
		m.birth = birth
	}
	return birth == 0 || birth != m.birth
}

func endThread() {
	tid := kernel.CurrentThread()
	mutexes.Lock()
	var list []*mutex
	for _, m := range mutexes.known {
		if m.owner.Load() == tid {
			list = append(list, m)
		}
	}
	mutexes.Unlock()
	for _, m := range list {
		m.abandon(tid)
	}
}

// several is what one wait for several objects has borrowed of its mutexes.
type several struct {
	tid      int32
	objects  []*kernel.Waitable
	mutexes  []*mutex // by index; nil for other kinds
	borrowed map[*mutex]*kernel.Waitable
	targets  []*target // to which the wait has a reference
}

// borrow finds the object manager's handle for each entry. A mutex that is there twice has one.
func (w *several) borrow(entries []*entry) error {
	w.objects = make([]*kernel.Waitable, len(entries))
	w.mutexes = make([]*mutex, len(entries))
	for i, e := range entries {
		if e.target.kind != kindMutex {
			w.objects[i] = e.target.object
			continue
		}
		if w.tid == 0 {
			w.tid = kernel.CurrentThread()
			w.borrowed = map[*mutex]*kernel.Waitable{}
		}
		if !e.target.refer() {
			return ERROR_INVALID_HANDLE
		}
		w.targets = append(w.targets, e.target)
		m := e.target.mutex
		w.mutexes[i] = m
		handle := w.borrowed[m]
		if handle == nil {
			var err error
			if handle, err = m.handleFor(w.tid); err != nil {
				return err
			}
			w.borrowed[m] = handle
		}
		w.objects[i] = handle
	}
	return nil
}

// own notes that the wait has taken the object at an index.
func (w *several) own(i int) {
	if m := w.mutexes[i]; m != nil {
		m.own(w.tid, w.borrowed[m])
	}
}

// giveBack gives back the handles with which nothing was taken, and then the references.
func (w *several) giveBack() {
	for m, handle := range w.borrowed {
		if m.owner.Load() != w.tid {
			m.give(handle)
		}
	}
	for _, t := range w.targets {
		t.release()
	}
}
