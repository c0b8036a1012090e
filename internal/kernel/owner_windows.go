package kernel

import (
	"sync"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// ownership is what a mutex handle adds to the system's idea of one: that the mutex belongs to the handle, by way of a
// thread. The system sees the first lock of a handle and the last unlock; what lies between is counted here.
type ownership struct {
	mu      sync.Mutex // held for one more lock, a release or a look: nothing that takes long
	owner   *thread    // the thread that owns the mutex; nil if the handle does not own it
	depth   int64      // how many times it is locked; 0 with an owner while it is being given up
	leaning int        // how many waits for all of several objects have left it out because it was owned anyway
	settled sync.Cond  // signals changes of these, for those that wait until leaning ends, depth rises or owner goes
	waits   map[*nativeWait]struct{}
}

// changed must be called for each change of the mutex's owner: a wait that runs on this handle may now end, or must no
// longer rely on owning it.
func (n *nativeWaitable) changed() {
	n.settled.Broadcast()
	for w := range n.waits {
		w.interrupt()
	}
}

// createOwned makes a mutex that its creator owns.
func createOwned(wide *uint16, attributes *windows.SecurityAttributes) (n *nativeWaitable, existed bool, err error) {
	t, err := takeThread()
	if err != nil {
		return nil, false, err
	}
	t.do(func() {
		access := waitableRights(KindMutex, allRights) | stateQuery | windows.READ_CONTROL
		handle, err2 := windows.CreateMutexEx(attributes, wide, windows.CREATE_MUTEX_INITIAL_OWNER, access)
		n, existed, err = madeWaitable(handle, KindMutex, err2)
	})
	if err != nil || existed { // an existing one is not acquired
		t.account(0, 0)
		return n, existed, err
	}
	n.owner, n.depth = t, 1
	t.account(1, 0)
	return n, false, nil
}

// obtain must be called when the system has given the mutex to a thread.
func (n *nativeWaitable) obtain(t *thread) {
	n.owner, n.depth = t, 1
	n.uses.Again()
	t.account(1, 0)
	n.changed()
}

// lockAgain locks a mutex once more that the handle already owns.
func (n *nativeWaitable) lockAgain() error {
	if n.depth+int64(n.leaning) >= maximumCount {
		return &fault.Fault{Code: fault.MutantLimit}
	}
	n.depth++
	if n.depth == 1 {
		n.changed() // it was about to be given up
	}
	return nil
}

// lockFree has no short way: the mutex is the system's.
func (n *nativeWaitable) lockFree() bool { return false }

// unlockHeld unlocks even if the handle was closed while it waited for the mutex.
func (n *nativeWaitable) unlockHeld() (bool, error) {
	return n.kind == KindMutex && n.unlock() == nil, nil
}

func (n *nativeWaitable) unlock() error {
	n.mu.Lock()
	if n.owner == nil || n.depth == 0 {
		n.mu.Unlock()
		return &fault.Fault{Code: fault.NotOwner}
	}
	n.depth--
	for n.depth == 0 && n.leaning > 0 {
		n.changed()
		n.settled.Wait()
	}
	if n.depth > 0 || n.owner == nil { // or another goroutine has locked it again, or given it up
		n.mu.Unlock()
		return nil
	}
	var err error
	t := n.owner
	t.do(func() { err = windows.ReleaseMutex(n.handle) })
	if err != nil {
		n.depth = 1
		n.mu.Unlock()
		return systemFault(err)
	}
	n.owner = nil
	n.changed()
	n.mu.Unlock()
	t.account(-1, 0)
	n.unbind()
	return nil
}

// abandon is what Close does at once: a mutex that the handle owns goes to the next waiter, which learns that it was
// abandoned.
//
// The system only abandons all that a thread owns. If that is several mutexes, because one wait for all acquired them,
// each stays locked until the other handles have unlocked theirs or are closed too.
func (n *nativeWaitable) abandon() error {
	n.mu.Lock()
	for n.owner != nil && n.leaning > 0 {
		n.depth = 0
		n.changed()
		n.settled.Wait()
	}
	t := n.owner
	n.owner, n.depth = nil, 0
	n.changed()
	n.mu.Unlock()
	if t != nil {
		t.account(0, 1)
		n.unbind()
	}
	return nil
}

// unbind ends the use that owning a mutex counts as.
func (n *nativeWaitable) unbind() {
	if n.uses.Leave() {
		n.close()
	}
}

// queryMutex asks for a mutex's state.
func queryMutex(handle windows.Handle) (info mutantBasicInformation, err error) {
	err = ntQueryMutant(handle, stateBasicClass, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	return info, systemFault(err)
}

// queryOwner returns the process that owns a mutex; 0 for none, or if the system does not tell. (Wine 8.0 does not.)
func queryOwner(handle windows.Handle) int {
	var owner mutantOwnerInformation
	if ntQueryMutant(handle, mutantOwnerClass, unsafe.Pointer(&owner), uint32(unsafe.Sizeof(owner)), nil) != nil {
		return 0
	}
	return int(owner.process)
}
