// Package namedshm is Windows' named shared memory as an ordinary Go library, on every platform.
//
// A process creates a named [Section] of memory, another opens it by name, both map a [View] of it and see each other's
// bytes. The name lives while any handle to the section is open; the memory lives while any handle or view does. When
// the last process is gone, however it died, the kernel has freed both. There is no daemon and nothing to clean up.
//
//	// one process                                        // another
//	s, err := namedshm.Create(`Local\Counter`, 4096,      s, err := namedshm.Open(`Local\Counter`, namedshm.Read)
//	    namedshm.ReadWrite)                               defer s.Close()
//	defer s.Close()                                       v, err := s.Map(0, 0, namedshm.Read)
//	v, err := s.Map(0, 0, namedshm.ReadWrite)             defer v.Close()
//	defer v.Close()                                       fmt.Println(v.Bytes()[0])
//	v.Bytes()[0] = 42
//
// Sharing memory needs [Create], [Open], [Section.Map] and [View.Bytes]; waiting for another process needs an [Event],
// a [Mutex] or a [Semaphore]. Sixty names are enough to begin with; docs/surface.md lists them. Package inspect
// describes objects, package upkeep maintains a machine, and package win32 has Windows' own calls.
//
// # Names
//
// A name is Local\X, Global\X, or plain X, which means Local\X. Names are case-sensitive, contain no other backslash,
// have at most 32,766 UTF-16 units, and are otherwise free text. As in Windows, a prefix may follow another:
// Local\Local\X is X, and a name with Global\ anywhere among its prefixes is the machine's. Local is one user's (on
// Windows: one login session's); Global is the machine's, and creating a name there requires a privilege:
// SeCreateGlobalPrivilege on Windows, the right to write the Global directory on Unix. The empty name creates an
// unnamed section.
//
// # Platforms
//
//   - On Windows every call is the system's own, so Go programs share objects with programs in any other language.
//   - On Linux a Local section is a memfd and a Global one a System V segment that is marked for removal at birth. The
//     kernel frees either with its last user, SIGKILL included.
//   - On other Unix systems a section is a file that the last closer removes; what a crash leaves is removed by the
//     next Create in that namespace, or the next Open of that name.
//   - Elsewhere every call returns an error that matches [errors.ErrUnsupported].
//
// # How long calls take
//
// Only WaitOpen, the waits and Lock wait for another process, and they have a context. Create, OpenOrCreate and Open
// take microseconds, but may take longer in these cases:
//
//   - Unix: another process is removing a dead object of the same name. If that process is stopped there, or if some
//     process keeps the entry locked against all rules, the call fails with [ErrBusy] after a second.
//   - Linux, Open and OpenOrCreate of a Local name: no process recorded as its holder has the memory any more. Then
//     /proc is searched, which takes a second or more on a machine with hundreds of thousands of descriptors. If all
//     holders are exiting, and the kernel is freeing their memory (a third of a second for 2 GiB), the call waits for
//     that; it fails with [ErrBusy] after 31 seconds. A holder is not exiting if only its first thread has ended.
//   - Windows: another program opens or closes the name in the same instant, again and again: a second.
//   - Everywhere: [CommitNow] takes a tenth of a second for each GiB.
//
// # Environment
//
// On Unix three environment variables are read. They are ignored in a program that has more rights than the user who
// started it: a set-user-id or set-group-id program, or one whose file has capabilities. With any value other than
// those below, every call that would use the variable fails with [ErrInvalidParameter].
//
//   - NAMEDSHM_ROOT moves the directories of both namespaces: the absolute path of a directory that exists. Without it
//     they are in /dev/shm on Linux and in /tmp elsewhere. Processes that share objects must agree on it.
//   - NAMEDSHM_BACKING=file makes Linux keep sections in files, as other Unix systems do, for tests of that. Processes
//     that share objects must agree on it.
//   - NAMEDSHM_WAIT keeps a process on Linux from waiting in the best way, for tests of the other ways: "futex" avoids
//     futex_waitv, as on kernels before 5.16; "poll" never sleeps in the kernel, as on other Unix systems. Processes
//     that wait in different ways work together.
//
// # Compatibility
//
// From 1.0 on, a program that compiles with one release of a major version compiles with the later ones, and works as
// the documentation says. JSON fields may be added but are never renamed. Processes share names if their releases use
// the same entry format, which changes only with a new major version.
//
// Until then, in v0, a minor version may break programs and change the format. The changelog lists every such change,
// with the old name; a patch release makes none. The numbers of constants are Windows', and never change.
//
// Not promised are the texts of errors, which are for people; NAMEDSHM_BACKING and NAMEDSHM_WAIT; packages below
// internal; and what can be seen of the library by other means, such as files in /dev/shm.
//
// Windows is the specification for results and errors. Where the Go API differs on purpose, the docstring says so.
package namedshm
