package namedshm

import "github.com/namedshm/namedshm/internal/kernel"

const (
	// RootVariable names the environment variable that moves the directories of both namespaces on Unix (without it,
	// /dev/shm on Linux, /tmp elsewhere). Processes that are to meet must agree on it. It is ignored in a program that
	// runs with more rights than its caller.
	RootVariable = "NAMEDSHM_ROOT"
	// BackingVariable names the environment variable that, set to "file", makes Linux keep sections in files as other
	// Unix systems do, for tests of that backing. Processes that are to meet must agree on it.
	BackingVariable = "NAMEDSHM_BACKING"
	// WaitVariable names the environment variable that keeps a process on Linux from waiting in the best way: "futex" does
	// without futex_waitv, as kernels before 5.16 make it, "poll" without sleeping in the kernel at all, as on other Unix
	// systems. It is for tests of these ways. Processes that wait in different ways understand each other.
	WaitVariable = "NAMEDSHM_WAIT"
)

// Option is a choice that a creator makes. It does not count where the object exists already: an existing object
// keeps what its creator chose.
type Option func(*kernel.Spec)

// WithProtection sets the most that any view may ever have; without it, PageReadWrite. A value that is none of the
// constants makes the call fail with [ErrInvalidParameter].
func WithProtection(p Protection) Option {
	return func(s *kernel.Spec) { s.Protection = kernel.Protection(p) }
}

// Audience is who besides the creator may open an object.
type Audience struct{ share kernel.Share }

// OwnerOnly is the default. On Unix it is the creator's user alone; on Windows it is the creator's default security,
// which usually lets the same user and the system in.
func OwnerOnly() Audience { return Audience{} }

// Everyone lets every user open the object with the access given, Read or ReadWrite.
//
// It matters for Global names. On Unix a Local name is its user's whatever the audience is: other users cannot reach
// the directory.
func Everyone(access Access) Audience {
	return Audience{kernel.Share{Audience: kernel.Everyone, Access: access.kernel()}}
}

// Group lets the members of one group open the object with the access given, Read or ReadWrite. The group is given
// by name, or by its number on Unix or its SID on Windows. On Unix only root and members of a group may give an object
// to it.
func Group(name string, access Access) Audience {
	return Audience{kernel.Share{Audience: kernel.Group, Access: access.kernel(), Group: name}}
}

// SecurityDescriptor lets in whoever a descriptor in Windows' SDDL says. Elsewhere than on Windows creating fails
// with an error that matches [errors.ErrUnsupported].
func SecurityDescriptor(sddl string) Audience {
	return Audience{kernel.Share{Audience: kernel.Descriptor, SDDL: sddl}}
}

// ShareWith sets who besides the creator may open the object; without it, nobody.
//
// It is the kernel that refuses the others: by file modes and segment modes on Unix, by the object's DACL on Windows.
func ShareWith(a Audience) Option { return func(s *kernel.Spec) { s.Share = a.share } }

// CommitNow reserves every page when the section is made, which fails with [ErrCommitmentLimit] or another error that
// names the limit if that is impossible. No later access can then fail for lack of memory. It costs about a tenth of
// a second for each GiB, a quarter of what touching the pages later would.
func CommitNow() Option { return func(s *kernel.Spec) { s.Commit = kernel.CommitNow } }

// NoCommit charges nothing when the section is made, so that it may be much larger than the machine's memory.
//
//   - Unix: a page is charged when it is first touched. When the machine is then out of memory, the kernel ends a
//     process: see [CommitNow].
//   - Windows: the pages of a view are charged when it is mapped (SEC_RESERVE, then VirtualAlloc), so map such a
//     section piece by piece.
func NoCommit() Option { return func(s *kernel.Spec) { s.Commit = kernel.CommitNever } }

// newSpec collects a creator's choices.
func newSpec(size int64, options []Option) kernel.Spec {
	spec := kernel.Spec{Size: size, Protection: kernel.PageReadWrite}
	for _, option := range options {
		option(&spec)
	}
	return spec
}
