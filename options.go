package namedshm

import (
	"fmt"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
)

// SectionOption is a choice made by the creator of a section. It is ignored if the section already exists, which keeps
// what its creator chose. A call with a nil option fails with [ErrInvalidParameter].
type SectionOption interface{ sectionOption }

// WaitableOption is a choice made by the creator of an event, a mutex or a semaphore. The rules are those of
// [SectionOption].
type WaitableOption interface{ waitableOption }

// Option is a choice made by the creator of an object of any kind.
type Option interface {
	SectionOption
	WaitableOption
}

// What is embedded has methods that no other package can have.
type (
	sectionOption  = inside.SectionOption
	waitableOption = inside.WaitableOption
)

// WithProtection sets the most access that any view may ever have; the default is PageReadWrite. A value that is not
// one of the constants makes the call fail with [ErrInvalidParameter].
func WithProtection(p Protection) SectionOption {
	return inside.SectionChoice(func(c *inside.Choices) { c.Protection = kernel.Protection(p) })
}

// Audience says who, besides the creator, may open an object. Its zero value is nobody, which no option accepts:
// without an option nobody else may.
type Audience struct {
	who   kernel.Audience
	group string
}

// Everyone is every user.
//
// It matters for Global names. On Unix a Local name belongs to its user whatever the audience: other users cannot reach
// the directory.
func Everyone() Audience { return Audience{who: kernel.Everyone} }

// Group is the members of one group, given by its name, its number on Unix, or its SID on Windows. On Unix only root
// and members of a group can share an object with it.
func Group(name string) Audience { return Audience{who: kernel.Group, group: name} }

// ShareAccess lets others open the section with this access, Read or ReadWrite; without it, only the creator may. (On
// Windows that is the creator's default security, which usually admits the same user and the system.)
//
// The kernel enforces this: by file modes and segment modes on Unix, by the object's DACL on Windows.
//
// The call that is given the option fails with [ErrInvalidParameter] for any other access.
func ShareAccess(with Audience, access Access) SectionOption {
	return inside.SectionChoice(func(c *inside.Choices) {
		if with.share(c, access); access&^ReadWrite != 0 || access == 0 {
			c.Wrong = fail("a section can be shared for Read or for ReadWrite, not for %v", access)
		}
	})
}

// ShareRights lets others open the event, mutex or semaphore with these rights, [Synchronize] or [AllRights]; without
// it, only the creator may, as with [ShareAccess].
//
//   - A mutex: Synchronize is enough to lock and unlock it.
//   - Unix: waiting for an auto-reset event or a semaphore changes it, and the kernel cannot allow that without also
//     allowing others to set or release it. Sharing one for Synchronize only fails with an error that matches
//     [errors.ErrUnsupported]. A manual-reset event can be shared that way.
//
// The call that is given the option fails with [ErrInvalidParameter] for any other rights.
func ShareRights(with Audience, rights Rights) WaitableOption {
	return inside.WaitableChoice(func(c *inside.Choices) {
		switch rights {
		case Synchronize:
			with.share(c, Read)
		case AllRights:
			with.share(c, ReadWrite)
		default:
			c.Wrong = fail("an event, mutex or semaphore can be shared for Synchronize or for AllRights, not for %v", rights)
		}
	})
}

func (a Audience) share(c *inside.Choices, access Access) {
	if a.who == kernel.Owner {
		c.Wrong = fail("the audience is empty: use Everyone() or Group(name)")
	}
	c.Share = kernel.Share{Audience: a.who, Access: access.kernel(), Group: a.group}
}

func fail(format string, args ...any) error {
	return &fault.Fault{Code: fault.InvalidParameter, Cause: fmt.Errorf(format, args...)}
}

// SecurityDescriptor sets who may open the object, and for what, by a security descriptor in Windows' SDDL. On other
// systems creating fails with an error that matches [errors.ErrUnsupported].
func SecurityDescriptor(sddl string) Option {
	return inside.Choice(func(c *inside.Choices) { c.Share = kernel.Share{Audience: kernel.Descriptor, SDDL: sddl} })
}

// CommitNow reserves every page when the section is created. If that is impossible, creating fails with
// [ErrCommitmentLimit] or another error that names the limit. No later access can then fail for lack of memory. It
// costs about a tenth of a second for each GiB, a quarter of what touching the pages later would.
func CommitNow() SectionOption {
	return inside.SectionChoice(func(c *inside.Choices) { c.Commit = kernel.CommitNow })
}

// NoCommit charges nothing when the section is created, so that it may be much larger than the machine's memory.
//
//   - Unix: a page is charged when it is first touched. If the machine is then out of memory, the kernel kills a
//     process: see [CommitNow].
//   - Windows: the pages of a view are charged when it is mapped (SEC_RESERVE, then VirtualAlloc), so map such a
//     section piece by piece.
func NoCommit() SectionOption {
	return inside.SectionChoice(func(c *inside.Choices) { c.Commit = kernel.CommitNever })
}
