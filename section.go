package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Section is a handle to a section: a piece of zero-filled memory that processes share. What Windows calls a file
// mapping object backed by the paging file.
//
// The section's name lives as long as any handle in any process is open, the memory as long as any handle or [View]
// is. A handle belongs to the process that opened it: in a child made by fork its methods fail with
// [ErrInvalidHandle], and Close there leaves the parent's handle alone. Methods may be called by several goroutines at
// once.
//
// A Section that is dropped without Close is closed when the garbage collector finds it; build with the tag
// namedshm_debug to have that reported.
type Section struct {
	kernel  *kernel.Section
	cleanup runtime.Cleanup
}

// Create makes a section that must be new. If a live object has the name it fails with [ErrAlreadyExists], or with
// [ErrInvalidHandle] if that object is of another kind. Windows' own call returns a handle to the existing section
// then; that is [OpenOrCreate].
//
// size is in bytes and is rounded up to whole pages. access is what this handle may do; the options say what anybody
// may do. The bytes are zero. The empty name makes a section that no other process can open.
//
// Errors: [ErrInvalidParameter] for a size of zero or less, [ErrNotEnoughMemory] for 2^47 and more,
// [ErrCommitmentLimit] when the machine has less memory than that, [ErrAccessDenied] for a Global name without the
// privilege to make one, [ErrNoSystemResources] when a limit of the system is reached; the text says which.
//
// Source: CreateFileMappingW.
func Create(name string, size int64, access Access, options ...Option) (*Section, error) {
	s, _, err := create(name, size, access, options, kernel.MustBeNew)
	return s, err
}

// OpenOrCreate opens the section of this name, or makes it; created says which it did. An existing section keeps its
// size and protection, whatever is asked for here, but the arguments must be valid all the same.
//
// Errors: those of [Create] and [Open].
//
// Source: CreateFileMappingW.
func OpenOrCreate(name string, size int64, access Access, options ...Option) (s *Section, created bool, err error) {
	s, existed, err := create(name, size, access, options, kernel.MayExist)
	return s, err == nil && !existed, err
}

func create(name string, size int64, access Access, options []Option, mode kernel.Mode) (*Section, bool, error) {
	k, existed, err := kernel.CreateSection(context.Background(), name, newSpec(size, options), access.kernel(), mode)
	if err != nil {
		return nil, false, wrap("create", name, err)
	}
	return newSection(k), existed, nil
}

// Open opens a section that exists. It never makes one.
//
// The access asked for is checked against the section's security alone: a section whose protection forbids writing
// can be opened with Write, and then refuses to be mapped so.
//
// Errors: [ErrFileNotFound], [ErrAccessDenied] where the security forbids the access, [ErrInvalidHandle] for an object
// of another kind or an empty name. On Linux an object whose holders this process may not look into (another PID
// namespace, changed credentials) is reported with [ErrAccessDenied] and the reason, never as absent.
//
// Source: OpenFileMappingW.
func Open(name string, access Access) (*Section, error) {
	k, err := kernel.OpenSection(context.Background(), name, access.kernel())
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return newSection(k), nil
}

// WaitOpen opens a section as soon as it exists, or returns the context's error. A section that exists but cannot be
// opened ends the wait with that error.
//
//   - Linux: the directory is watched with inotify; nothing is polled.
//   - Windows and other Unix systems: there is nothing to watch. The name is tried again after pauses that grow from
//     one millisecond to fifty.
func WaitOpen(ctx context.Context, name string, access Access) (*Section, error) {
	k, err := kernel.WaitSection(ctx, name, access.kernel())
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return newSection(k), nil
}

// Package wine hands out sections of memory that Wine made, and lends ours to Wine.
func init() {
	kernel.RootSection = func(k *kernel.Section) any { return newSection(k) }
	kernel.KernelSection = func(s any) *kernel.Section { return s.(*Section).kernel }
}

func newSection(k *kernel.Section) *Section {
	s := &Section{kernel: k}
	s.cleanup = onLeak(s, "section "+k.Name(), k)
	return s
}

// Name is the name as it was given to the call that made the handle.
func (s *Section) Name() string { return s.kernel.Name() }

// Size is the section's size in bytes, rounded up to whole pages: the same number for everybody, on every platform.
// Windows tells nobody the exact size that the creator asked for, and neither does this package.
//
// Source: NtQuerySection.
func (s *Section) Size() int64 { return s.kernel.Size() }

// Access is what the handle may do.
func (s *Section) Access() Access { return Access(s.kernel.Access()) }

// Map maps length bytes from offset into this process. offset must be a multiple of 65,536 on every platform; length
// 0 means to the end of the section. Several views of one section may overlap; what is written through one is seen at
// once through all others, in every process.
//
// Errors, in the order they are looked for: [ErrInvalidHandle] after Close, [ErrAccessDenied] when the handle lacks
// the access, [ErrMappedAlignment], [ErrInvalidParameter] when the section's protection forbids it or length is
// negative, [ErrAccessDenied] for a range that does not lie in the section, [ErrNotEnoughMemory] when address space is
// short.
//
// Platforms: on Linux a Copy view of a Global section is a snapshot taken when it is mapped, because a System V
// segment cannot be mapped privately; elsewhere pages that the view has not written go on showing the shared bytes.
//
// Source: MapViewOfFile.
func (s *Section) Map(offset, length int64, access Access) (*View, error) {
	k, err := s.kernel.Map(offset, length, access.kernel())
	if err != nil {
		return nil, wrap("map", s.Name(), err)
	}
	v := &View{kernel: k, name: s.Name()}
	v.cleanup = onLeak(v, "view of "+s.Name(), k)
	return v, nil
}

// Close closes the handle; views of the section go on working. When it was the last handle of all processes the name
// is free at once. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (s *Section) Close() error {
	s.cleanup.Stop()
	return wrap("close", s.Name(), s.kernel.Close())
}
