package kernel

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// closedView is the error of a call on a closed view; code is InvalidHandle or, for calls that need an address in a
// view, InvalidAddress.
func closedView(code fault.Code) error {
	return &fault.Fault{Code: code, Cause: fault.Closed("the view is closed")}
}

// View is a mapped range. Its methods may be called by several goroutines at once.
type View struct {
	uses   waiting.Uses
	native nativeView
	offset int64
	access Access
	lent   atomic.Bool // somebody was given the memory itself
}

// Bytes returns the view's memory: its length is what was asked for, its capacity whole pages. It is nil for a view
// that cannot be read. It is not counted as a use, so it must not be used after Close.
func (v *View) Bytes() []byte {
	memory := v.memory()
	if memory != nil {
		v.lent.Store(true)
	}
	return memory
}

// memory is Bytes for a momentary look.
func (v *View) memory() []byte {
	if !v.uses.Enter() {
		return nil
	}
	defer v.leave()
	if !v.readable() {
		return nil
	}
	return v.native.bytes()
}

// Lent reports whether somebody was given the memory itself, by Bytes or TypedAt. Then nobody knows who has an address
// in it: the collector does not follow addresses of memory that is not its own.
func (v *View) Lent() bool { return v.lent.Load() }

// Len returns the number of bytes that were mapped. It stays readable after Close.
func (v *View) Len() int { return v.native.length() }

// Offset returns where in the section the view begins.
func (v *View) Offset() int64 { return v.offset }

// Access returns what the view was mapped with.
func (v *View) Access() Access { return v.access }
func (v *View) readable() bool { return v.access&(Read|Write|Copy) != 0 }

// writable reports whether the view may be written. Copy-on-write counts only if Copy stands alone (Execute aside), as
// in MapViewOfFile.
func (v *View) writable() bool {
	return v.access&Write != 0 || v.access&^Execute == Copy
}

// Do runs use with the view's memory, which stays mapped until use returns, whatever Close does meanwhile. A fault in
// the memory (a file cut short by somebody else) becomes an error.
func (v *View) Do(write bool, use func([]byte)) (err error) {
	if !v.uses.Enter() {
		return closedView(fault.InvalidHandle)
	}
	defer v.leave()
	if !v.readable() || write && !v.writable() {
		return fault.Fail(fault.AccessDenied, "the view was mapped without this access")
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		bad, ok := r.(interface {
			error
			Addr() uintptr
		})
		if !ok {
			panic(r)
		}
		err = &fault.Fault{Code: fault.InPageError, Cause: bad}
	}()
	use(v.native.bytes())
	return nil
}

// Flush writes nothing back: a section has no file. It checks that the view is still open.
func (v *View) Flush() error {
	if !v.uses.Enter() {
		return closedView(fault.InvalidAddress)
	}
	defer v.leave()
	return v.native.flush()
}

func (v *View) leave() {
	if v.uses.Leave() {
		v.native.unmap()
	}
}

// Vacate closes the view as Close does, and leaves zeros at its addresses, for those who may still read and write
// there. They stay until free is called, which nobody may who can still use an address. Where the system has no way to
// do that at once, or no room for it, the addresses are gone for a moment, or for good.
func (v *View) Vacate() (free func(), err error) {
	first, unused := v.uses.Close()
	if !first {
		return func() {}, closedView(fault.InvalidAddress)
	}
	if !unused {
		return func() {}, nil // who leaves last unmaps it
	}
	return v.native.vacate()
}

// Close unmaps the view as soon as no call uses it. A view that the system does not unmap is not closed.
func (v *View) Close() error {
	first, free := v.uses.Close()
	if !first {
		return closedView(fault.InvalidAddress)
	}
	if !free {
		return nil
	}
	err := v.native.unmap()
	if err != nil {
		v.uses.Reopen()
	}
	return err
}
