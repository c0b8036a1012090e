package kernel

import (
	"context"
	"os"
	"runtime/debug"
)

// Section is a handle to a section. Its methods may be called by several goroutines at once.
//
// The twin, nativeSection, is the platform's part: an open object with its memory. It is used between uses.enter and
// uses.leave only, and closed once.
type Section struct {
	uses   uses
	name   string
	native nativeSection
}

// CreateSection makes a section, or with MayExist opens the one that exists, whose size and protection then stay as
// they are. existed says which. An empty name makes an unnamed section.
func CreateSection(ctx context.Context, name string, spec Spec, access Access, mode Mode) (s *Section, existed bool, err error) {
	if err := spec.check(access); err != nil {
		return nil, false, err
	}
	parsed, err := resolve(name)
	if err != nil {
		return nil, false, err
	}
	native, existed, err := createSection(ctx, parsed, spec, access, mode)
	if err != nil {
		return nil, false, err
	}
	return &Section{name: name, native: native}, existed, nil
}

// check refuses what no platform takes, in Windows' order: access, protection, size.
func (s *Spec) check(access Access) error {
	grants := s.Protection.grants()
	switch {
	case access == 0:
		return fail(AccessDenied, "no access was asked for")
	case access&^allAccess != 0:
		return fail(InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
	case grants == 0:
		return fail(InvalidParameter, "%#x is no protection", uint32(s.Protection))
	case access&^grants != 0:
		return fail(InvalidParameter, "the protection does not allow the access")
	case s.Size <= 0:
		return fail(InvalidParameter, "the size is %d bytes, it must be above zero", s.Size)
	case s.Size >= maxSize:
		return fail(NotEnoughMemory, "%d bytes; a section has at most 2^47", s.Size)
	case s.Commit > CommitNever:
		return fail(InvalidParameter, "unknown commit mode %d", s.Commit)
	}
	return nil
}

// maxSize is what a section cannot have: more than a process can address.
const maxSize = 1 << 47

// OpenSection opens a section that exists.
func OpenSection(ctx context.Context, name string, access Access) (*Section, error) {
	if access == 0 {
		return nil, fail(AccessDenied, "no access was asked for")
	}
	if access&^allAccess != 0 {
		return nil, fail(InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
	}
	parsed, err := resolveExisting(name)
	if err != nil {
		return nil, err
	}
	native, err := openSection(ctx, parsed, access)
	if err != nil {
		return nil, err
	}
	return &Section{name: name, native: native}, nil
}

// resolveExisting is resolve for calls that never create: Windows takes the empty name there for the directory.
func resolveExisting(name string) (Name, error) {
	if name == "" {
		return Name{}, fail(InvalidHandle, "the name is empty")
	}
	return resolve(name)
}

// resolve parses a name, and for a nested one asks whether its first component is an object: then the component is
// no directory (ERROR_INVALID_HANDLE), otherwise the path is not found.
func resolve(name string) (Name, error) {
	parsed, err := ParseName(name)
	if nested, ok := err.(*nestedError); ok {
		if exists(nested.outer) {
			return Name{}, fail(InvalidHandle, "%s is an object, no directory", nested.outer)
		}
		return Name{}, fail(PathNotFound, "no directory %q", nested.outer.Base)
	}
	return parsed, err
}

// closedHandle is the error of every call on a closed handle or view.
func closedHandle() error { return &Fault{Code: InvalidHandle, Cause: os.ErrClosed} }

// Name is the name that the handle was opened with.
func (s *Section) Name() string { return s.name }

// Size is the section's size in bytes, in whole pages. It stays readable after Close.
func (s *Section) Size() int64 { return s.native.size() }

// Access is what the handle grants.
func (s *Section) Access() Access { return s.native.granted() }

// Map maps length bytes from offset; length 0 means to the end.
func (s *Section) Map(offset, length int64, access Access) (*View, error) {
	if !s.uses.enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	if access&^allAccess != 0 {
		return nil, fail(InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
	}
	native, err := s.native.mapView(offset, length, access)
	if err != nil {
		return nil, err
	}
	return &View{native: native, offset: offset, access: access}, nil
}

func (s *Section) leave() {
	if s.uses.leave() {
		s.native.close()
	}
}

// Close closes the handle. The object's name goes with its last handle; views go on.
func (s *Section) Close() error {
	first, free := s.uses.close()
	if !first {
		return closedHandle()
	}
	if free {
		return s.native.close()
	}
	return nil
}

// View is a mapped range. Its methods may be called by several goroutines at once.
type View struct {
	uses   uses
	native nativeView
	offset int64
	access Access
}

// Bytes is the view's memory: its length is what was asked for, its capacity the mapped whole pages. It is nil for a
// view that cannot be read. It is not counted: it must not be used after Close.
func (v *View) Bytes() []byte {
	if !v.uses.enter() {
		return nil
	}
	defer v.leave()
	if !v.readable() {
		return nil
	}
	return v.native.bytes()
}

// Len is the number of bytes that were mapped. It stays readable after Close.
func (v *View) Len() int { return v.native.length() }

// Offset is where in the section the view begins.
func (v *View) Offset() int64 { return v.offset }

// Access is what the view was mapped with.
func (v *View) Access() Access { return v.access }

func (v *View) readable() bool { return v.access&(Read|Write|Copy) != 0 }

// writable: copy-on-write counts only where Copy stands alone (Execute aside), as in MapViewOfFile.
func (v *View) writable() bool {
	return v.access&Write != 0 || v.access&^Execute == Copy
}

// Do runs use with the view's memory, which stays mapped until use returns, whatever Close does meanwhile. A fault in
// the memory (a file cut short by somebody else) becomes an error.
func (v *View) Do(write bool, use func([]byte)) (err error) {
	if !v.uses.enter() {
		return closedHandle()
	}
	defer v.leave()
	if !v.readable() || write && !v.writable() {
		return fail(AccessDenied, "the view was mapped without this access")
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		fault, ok := r.(interface {
			error
			Addr() uintptr
		})
		if !ok {
			panic(r)
		}
		err = &Fault{Code: InPageError, Cause: fault}
	}()
	use(v.native.bytes())
	return nil
}

// Flush has nothing to write back: a section has no file. It checks that the view is still there.
func (v *View) Flush() error {
	if !v.uses.enter() {
		return &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	defer v.leave()
	return v.native.flush()
}

func (v *View) leave() {
	if v.uses.leave() {
		v.native.unmap()
	}
}

// Close unmaps the view as soon as no call uses it. A view that the system does not unmap is not closed.
func (v *View) Close() error {
	first, free := v.uses.close()
	if !first {
		return &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	if !free {
		return nil
	}
	err := v.native.unmap()
	if err != nil {
		v.uses.reopen()
	}
	return err
}

// Stat describes one live object, of any kind.
func Stat(name string) (Info, error) {
	parsed, err := resolveExisting(name)
	if err != nil {
		return Info{}, err
	}
	return statObject(parsed)
}

// List describes every live object of a namespace.
func List(namespace Namespace) ([]Info, error) { return listObjects(namespace) }

// Names is the name of every live object of a namespace, sorted: a List without the details, and much cheaper.
func Names(namespace Namespace) ([]string, error) { return listNames(namespace) }

// Bury removes what crashed processes left in a namespace. Nothing needs it: every create and open buries what is in
// its own way.
func Bury(namespace Namespace) ([]Burial, error) { return buryObjects(namespace) }

// WaitSection opens a section as soon as it exists.
func WaitSection(ctx context.Context, name string, access Access) (*Section, error) {
	return whenItExists(ctx, name, func() (*Section, error) { return OpenSection(ctx, name, access) })
}

// whenItExists tries to open a name until something has it.
func whenItExists[T any](ctx context.Context, name string, open func() (T, error)) (opened T, err error) {
	parsed, err := resolveExisting(name)
	if err != nil {
		return opened, err
	}
	watch := newNameWatch(parsed)
	defer watch.close()
	for {
		opened, err := open()
		if code := codeOf(err); err == nil || code != FileNotFound && code != Busy {
			return opened, err
		}
		if err := watch.wait(ctx); err != nil {
			return opened, err
		}
	}
}
