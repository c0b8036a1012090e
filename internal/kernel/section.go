package kernel

import (
	"context"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Section is a handle to a section. Its methods may be called by several goroutines at once.
//
// The twin, nativeSection, is the platform's part: an open object with its memory. It is used only between uses.Enter
// and uses.Leave, and closed once.
type Section struct {
	uses   waiting.Uses
	name   string
	native nativeSection
}

// CreateSection makes a section, or with MayExist opens an existing one, which keeps its size and protection. existed
// says which. An empty name makes an unnamed section.
func CreateSection(
	ctx context.Context, name string, spec Spec, access Access, mode Mode,
) (s *Section, existed bool, err error) {
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
	s = &Section{name: name, native: native}
	if existed && spec.Seats {
		err = s.sitDown(SitDown)
	}
	return s, existed, err
}

// check refuses what no platform accepts, in Windows' order: access, protection, size.
func (s *Spec) check(access Access) error {
	grants := s.Protection.grants()
	switch {
	case access == 0:
		return fault.Fail(fault.AccessDenied, "no access was requested")
	case access&^allAccess != 0:
		return fault.Fail(fault.InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
	case grants == 0:
		return fault.Fail(fault.InvalidParameter, "%#x is not a protection", uint32(s.Protection))
	case access&^grants != 0:
		return fault.Fail(fault.InvalidParameter, "the protection does not allow the access")
	case s.Size <= 0:
		return fault.Fail(fault.InvalidParameter, "the size is %d bytes; it must be above zero", s.Size)
	case s.Size >= maxSize:
		return fault.Fail(fault.NotEnoughMemory, "%d bytes; a section has at most 2^47", s.Size)
	case s.Commit > CommitNever:
		return fault.Fail(fault.InvalidParameter, "unknown commit mode %d", s.Commit)
	}
	return nil
}

// maxSize is the first size that no section can have: more than a process can address.
const maxSize = 1 << 47

// OpenSection opens an existing section.
func OpenSection(ctx context.Context, name string, access Access) (*Section, error) {
	if access == 0 {
		return nil, fault.Fail(fault.AccessDenied, "no access was requested")
	}
	if access&^allAccess != 0 {
		return nil, fault.Fail(fault.InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
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

// closedHandle is the error of every call on a closed handle.
func closedHandle() error {
	return &fault.Fault{Code: fault.InvalidHandle, Cause: fault.Closed("the handle is closed")}
}

// Name is the name that the handle was opened with.
func (s *Section) Name() string { return s.name }

// Size is the section's size in bytes, in whole pages. It stays readable after Close.
func (s *Section) Size() int64 { return s.native.size() }

// Access is what the handle grants.
func (s *Section) Access() Access { return s.native.granted() }

// Map maps length bytes from offset; length 0 means to the end.
func (s *Section) Map(offset, length int64, access Access) (*View, error) {
	if !s.uses.Enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	if access&^allAccess != 0 {
		return nil, fault.Fail(fault.InvalidParameter, "unknown access bits %#x", uint32(access&^allAccess))
	}
	native, err := s.native.mapView(offset, length, access)
	if err != nil {
		return nil, err
	}
	return &View{native: native, offset: offset, access: access}, nil
}

func (s *Section) leave() {
	if s.uses.Leave() {
		s.native.close()
	}
}

// Close closes the handle. The object's name goes with its last handle; views stay.
func (s *Section) Close() error {
	first, free := s.uses.Close()
	if !first {
		return closedHandle()
	}
	if free {
		return s.native.close()
	}
	return nil
}

// WaitSection opens a section as soon as it exists.
func WaitSection(ctx context.Context, name string, access Access) (*Section, error) {
	return whenItExists(ctx, name, func() (*Section, error) { return OpenSection(ctx, name, access) })
}
