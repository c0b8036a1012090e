package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Section is a handle to a section: a piece of memory, initially zero, that processes share. Windows calls it a file
// mapping object backed by the paging file.
//
// The section's name lives as long as any handle in any process is open, the memory as long as any handle or [View] is.
// A handle belongs to the process that opened it: in a forked child its methods fail with [ErrInvalidHandle], and Close
// there does not affect the parent's handle. Methods may be called by several goroutines at once.
//
// A Section that is dropped without Close is closed when the garbage collector finds it; build with the tag
// namedshm_debug to have that reported.
type Section struct {
	within
	cleanup runtime.Cleanup
}

// within is the object manager's section, which package wine may have too, and nobody else.
type within = inside.Section

// Create creates a new section. If a live object has the name, it fails with [ErrAlreadyExists], or with
// [ErrInvalidHandle] if that object is of another kind. Windows' own call would return a handle to the existing
// section; [OpenOrCreate] does that.
//
// size is in bytes and is rounded up to whole pages. access is what this handle may be used for; the options say what
// others may do. The bytes are zero. The empty name creates a section that no other process can open.
//
// Errors: [ErrInvalidParameter] for a size of zero or less, [ErrNotEnoughMemory] for 2^47 and more,
// [ErrCommitmentLimit] if the machine has less memory than that, [ErrAccessDenied] for a Global name without the
// privilege to create one, [ErrNoSystemResources] if a system limit has been reached; the text says which.
//
// It does not wait for other processes, but can take up to a second if another process is stopped while removing a dead
// object of this name: then it fails with [ErrBusy].
//
// Source: CreateFileMappingW.
func Create(name string, size int64, access Access, options ...SectionOption) (*Section, error) {
	s, _, err := create(name, size, access, options, kernel.MustBeNew)
	return s, err
}

// OpenOrCreate opens the section of this name or creates it; created reports which. An existing section keeps its size
// and protection, whatever is requested here, but the arguments must still be valid.
//
// Errors: those of [Create] and [Open]. It can take as long as they can.
//
// Source: CreateFileMappingW.
func OpenOrCreate(name string, size int64, access Access,
	options ...SectionOption) (s *Section, created bool, err error) {
	s, existed, err := create(name, size, access, options, kernel.MayExist)
	return s, err == nil && !existed, err
}

func create(name string, size int64, access Access, options []SectionOption, mode kernel.Mode) (*Section, bool, error) {
	choices := inside.ForSection(inside.Choices{Spec: kernel.Spec{Size: size, Protection: kernel.PageReadWrite}}, options)
	if choices.Wrong != nil {
		return nil, false, wrap("create", name, choices.Wrong)
	}
	if choices.Memory != nil {
		k, err := kernel.AdoptSection(context.Background(), name, choices.Memory, size, kernel.Access(access&ReadWrite))
		if err != nil {
			return nil, false, wrap("create", name, err)
		}
		return newSection(k), false, nil
	}
	k, existed, err := kernel.CreateSection(context.Background(), name, choices.Spec, access.kernel(), mode)
	if err != nil {
		return nil, false, wrap("create", name, err)
	}
	return newSection(k), existed, nil
}

// Open opens an existing section. It never creates one.
//
// The requested access is checked only against the section's security: a section whose protection forbids writing can
// be opened with Write, but then not mapped that way.
//
// Errors: [ErrFileNotFound], [ErrAccessDenied] if the security forbids the access, [ErrInvalidHandle] for an object of
// another kind or an empty name. On Linux an object whose holders this process cannot inspect (another PID namespace,
// changed credentials) is reported with ErrAccessDenied and the reason, never as absent.
//
// It usually takes microseconds. It can take up to a second if another process is stopped while removing a dead object
// of this name, and on Linux, for a Local name, as long as the last holders take to exit, at most 31 seconds; then it
// fails with [ErrBusy]. The package documentation says why. Use [WaitOpen] to wait for a name that does not exist yet.
//
// Source: OpenFileMappingW.
func Open(name string, access Access) (*Section, error) {
	k, err := kernel.OpenSection(context.Background(), name, access.kernel())
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return newSection(k), nil
}

// WaitOpen opens a section as soon as it exists: unlike Open, it waits. When the context is done it returns its error,
// as [Event.Wait] does. A section that exists but cannot be opened ends the wait with that error.
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

func newSection(k *kernel.Section) *Section {
	s := &Section{within: inside.NewSection(k)}
	s.cleanup = onLeak(s, "section "+k.Name(), k)
	return s
}

// Name is the name as it was given to the call that opened the handle.
func (s *Section) Name() string { return inside.Of(s).Name() }

// Size is the section's size in bytes, rounded up to whole pages: the same number for everybody, on every platform.
// Windows does not report the exact size that the creator requested, and neither does this package.
//
// Source: NtQuerySection.
func (s *Section) Size() int64 { return inside.Of(s).Size() }

// Access is what the handle may be used for.
func (s *Section) Access() Access { return Access(inside.Of(s).Access()) }

// Map maps length bytes from offset into this process. offset must be a multiple of 65,536 on every platform; length 0
// means to the end of the section. Several views of one section may overlap; what is written through one is visible at
// once through all others, in every process. Close the view with [View.Close]: the garbage collector closes a dropped
// one only if its memory was never handed out.
//
// Errors, in the order they are checked: [ErrInvalidHandle] after Close, [ErrAccessDenied] if the handle lacks the
// access, [ErrMappedAlignment], [ErrInvalidParameter] if the section's protection forbids the access or length is
// negative, ErrAccessDenied for a range that is not inside the section, [ErrNotEnoughMemory] if address space is short.
//
// Platforms: on Linux a Copy view of a Global section is a snapshot taken when it is mapped, because a System V segment
// cannot be mapped privately; elsewhere pages that the view has not written keep showing the shared bytes.
//
// Source: MapViewOfFile.
func (s *Section) Map(offset, length int64, access Access) (*View, error) {
	k, err := inside.Of(s).Map(offset, length, access.kernel())
	if err != nil {
		return nil, wrap("map", s.Name(), err)
	}
	v := &View{kernel: k, name: s.Name()}
	v.cleanup = onLeak(v, "view of "+s.Name(), k)
	return v, nil
}

// Close closes the handle; views of the section keep working. If it was the last handle in any process, the name is
// free at once. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (s *Section) Close() error {
	s.cleanup.Stop()
	return wrap("close", s.Name(), inside.Of(s).Close())
}
