// Package namedshm is Windows' named shared memory as an ordinary Go library, on every platform.
//
// A process creates a named [Section] of memory, another opens it by name, both map a [View] of it and see each
// other's bytes. The name lives while any handle to the section is open; the memory lives while any handle or view
// does. When the last process is gone, by whatever death, the kernel has freed both. There is no daemon, and nothing
// to clean up.
//
//	// one process                                        // another
//	s, err := namedshm.Create(`Local\Counter`, 4096,      s, err := namedshm.Open(`Local\Counter`, namedshm.Read)
//	    namedshm.ReadWrite)                               defer s.Close()
//	defer s.Close()                                       v, err := s.Map(0, 0, namedshm.Read)
//	v, err := s.Map(0, 0, namedshm.ReadWrite)             defer v.Close()
//	defer v.Close()                                       fmt.Println(v.Bytes()[0])
//	v.Bytes()[0] = 42
//
// # Names
//
// A name is Local\X, Global\X, or plain X, which means Local\X. Names are case-sensitive, hold no other backslash and
// at most 32,766 UTF-16 units, and are otherwise free text. Local is one user's (on Windows: one login session's);
// Global is the machine's, and making a name there needs a privilege: SeCreateGlobalPrivilege on Windows, the right to
// write the Global directory on Unix. The empty name makes a section without one.
//
// # Platforms
//
//   - On Windows every call is the system's own, so Go programs and programs in any other language meet in the same
//     objects.
//   - On Linux a Local section is a memfd and a Global one a System V segment that is marked for removal at birth. The
//     kernel frees either with its last user, SIGKILL included.
//   - On other Unix systems a section is a file that the last closer removes; what a crash leaves is removed by the
//     next Create in that namespace, or the next Open of that name.
//   - Elsewhere every call returns an error that matches [errors.ErrUnsupported].
//
// Two environment variables matter on Unix: see [RootVariable] and [BackingVariable].
//
// Windows is the specification for results and errors. Where the Go API differs on purpose, the docstring says so.
package namedshm
