package kernel

import (
	"runtime"
	"sync"

	"golang.org/x/sys/windows"
)

// A mutex belongs to the system's thread that waited for it. Only that thread can release it, and by ending it abandons
// the mutex. Goroutines move between threads, so only threads kept for the purpose ever wait for a mutex.

// thread is a goroutine that stays on its thread and does there what it is given.
type thread struct {
	handle windows.Handle
	work   chan func()
	done   chan struct{}

	// Under threads.Mutex: how many mutexes it owns, and how many of those it must abandon.
	owned, forsaken int
}

// threads are the idle ones, which own nothing. Each mutex that is held takes one away.
var threads struct {
	sync.Mutex
	idle []*thread
}

// mostIdle is how many threads are kept for the next wait. Starting a thread takes about as long as waking one.
const mostIdle = 4

// firstThread is the program's first thread, which package initialization runs on.
var firstThread = windows.GetCurrentThreadId()

// takeThread returns a thread that owns nothing, for one wait. thread.account must follow.
func takeThread() (*thread, error) {
	threads.Lock()
	if last := len(threads.idle) - 1; last >= 0 {
		t := threads.idle[last]
		threads.idle = threads.idle[:last]
		threads.Unlock()
		return t, nil
	}
	threads.Unlock()
	t := &thread{work: make(chan func()), done: make(chan struct{})}
	begun := make(chan error)
	go t.run(begun)
	if err := <-begun; err != nil {
		return nil, systemFault(err)
	}
	return t, nil
}

func (t *thread) run(begun chan<- error) {
	runtime.LockOSThread()
	if windows.GetCurrentThreadId() == firstThread {
		// Go parks the first thread for ever where it would end another: it could never abandon anything. As long as
		// this goroutine has it, the next one runs elsewhere.
		elsewhere := make(chan error)
		go t.run(elsewhere)
		err := <-elsewhere
		runtime.UnlockOSThread()
		begun <- err
		return
	}
	self := windows.CurrentProcess()
	err := windows.DuplicateHandle(self, windows.CurrentThread(), self, &t.handle,
		windows.SYNCHRONIZE|windows.THREAD_SET_CONTEXT, false, 0)
	begun <- err
	if err != nil {
		runtime.UnlockOSThread()
		return
	}
	for f := range t.work {
		f()
		t.done <- struct{}{}
	}
	// A goroutine that ends without unlocking its thread ends the thread.
}

// do runs f on the thread. Several goroutines may ask for that at once: they take turns.
func (t *thread) do(f func()) {
	t.work <- f
	<-t.done
}

// noError is the address of SetLastError, which is all that an interruption calls: it does no harm, and needs no
// callback into Go.
var noError = modkernel32.NewProc("SetLastError")

// interrupt ends the wait that the thread is in, or the next one if it is in none.
//
// It uses an APC, not an additional event to wait for: that would not work in a wait for all of several objects, and
// one for 64 has no room. The thread takes the APC only if its wait cannot be satisfied, and then has changed nothing.
// An APC that comes too late makes the next wait look twice.
func (t *thread) interrupt() { queueUserAPC(noError.Addr(), t.handle, 0) }

// account adds to what the thread owns and to what it must abandon. A thread that owns only what it must abandon ends;
// one that owns nothing becomes idle again.
func (t *thread) account(owned, forsaken int) {
	threads.Lock()
	t.owned += owned
	t.forsaken += forsaken
	has, over := t.owned > 0, t.owned == t.forsaken
	if over && !has && len(threads.idle) < mostIdle {
		threads.idle = append(threads.idle, t)
		over = false
	}
	threads.Unlock()
	if !over {
		return
	}
	close(t.work)
	if has {
		// The system abandons what the thread owns and then reports that it has ended. Something may keep it from
		// ending, such as a library that is notified of ending threads: that is not waited for long.
		windows.WaitForSingleObject(t.handle, uint32(patience.Milliseconds()))
	}
	windows.CloseHandle(t.handle)
}
