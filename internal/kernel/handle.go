package kernel

import "sync/atomic"

// uses counts who is inside a resource that another goroutine may close meanwhile. Close only marks; the last user
// frees. So a call that runs never loses its memory or its descriptor under it, and no lock is held while it runs.
//
// The count moves by two for each user; the lowest bit is the mark.
type uses struct{ state atomic.Int64 }

const closedMark = 1

// enter registers a user. It is false once the resource is marked closed. It never touches a closed count: a late
// enter that added and took back could make the last user believe that somebody else is still there.
func (u *uses) enter() bool {
	for {
		old := u.state.Load()
		if old&closedMark != 0 {
			return false
		}
		if u.state.CompareAndSwap(old, old+2) {
			return true
		}
	}
}

// again registers another user. The caller is one already.
func (u *uses) again() { u.state.Add(2) }

// leave ends what enter began, and reports whether the caller must free the resource.
func (u *uses) leave() (free bool) { return u.state.Add(-2) == closedMark }

// reopen takes close back, by the one who was to free the resource and could not.
func (u *uses) reopen() { u.state.Store(0) }

// close marks the resource. first is false when it was marked before; free says that the caller must free it.
func (u *uses) close() (first, free bool) {
	for {
		old := u.state.Load()
		if old&closedMark != 0 {
			return false, false
		}
		if u.state.CompareAndSwap(old, old|closedMark) {
			return true, old == 0
		}
	}
}
