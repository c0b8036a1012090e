package waiting

import "sync/atomic"

// Uses counts the users inside a resource that another goroutine may close meanwhile. Close only marks; the last user
// frees. So a running call never loses its memory or its descriptor, and no lock is held while it runs.
//
// The count moves by two for each user; the lowest bit is the mark.
type Uses struct{ state atomic.Int64 }

const closedMark = 1

// Enter registers a user. It is false once the resource is marked closed. It never touches a closed count: a late
// Enter that added and took back could make the last user believe that somebody else is still there.
func (u *Uses) Enter() bool {
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

// Again registers another user. The caller is one already.
func (u *Uses) Again() { u.state.Add(2) }

// Leave ends what Enter began, and reports whether the caller must free the resource.
func (u *Uses) Leave() (free bool) { return u.state.Add(-2) == closedMark }

// InUse reports whether anybody is inside, which a moment later may be otherwise.
func (u *Uses) InUse() bool { return u.state.Load()&^closedMark != 0 }

// Closed reports whether the resource is marked.
func (u *Uses) Closed() bool { return u.state.Load()&closedMark != 0 }

// Reopen takes Close back. It is for the user that was to free the resource and could not.
func (u *Uses) Reopen() { u.state.Store(0) }

// Close marks the resource. first is false when it was marked before; free says that the caller must free it.
func (u *Uses) Close() (first, free bool) {
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
