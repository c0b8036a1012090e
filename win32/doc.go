// Package win32 has Windows' calls for named shared memory by their own names, on every platform: sections and their
// views, events, mutexes, semaphores, and waiting for them.
//
// Names and signatures are those of golang.org/x/sys/windows wherever it has them, so a Go program written against that
// package runs elsewhere once its import path is changed. What that package lacks is here in the same style:
// OpenFileMapping, MapViewOfFileEx, the semaphores, SignalObjectAndWait and a few more.
//
//	name, err := win32.UTF16PtrFromString(`Local\Counter`)
//	h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, 4096, name)
//	if err != nil && err != win32.ERROR_ALREADY_EXISTS {
//	    return err
//	}
//	defer win32.CloseHandle(h)
//	addr, err := win32.MapViewOfFile(h, win32.FILE_MAP_WRITE, 0, 0, 0)
//
// New Go programs are better served by package namedshm, whose handles and views are types and whose errors say more.
// The two packages, and any program on Windows, share objects under the same names.
//
// # Errors
//
// Every error is an [Errno]; compare it with the constants. There is no last error; a call that creates returns
// [ERROR_ALREADY_EXISTS] together with a handle if it opened an existing object, as golang.org/x/sys/windows does.
//
// # Differences by GOOS
//
//   - windows: every call is the system's. The types are those of golang.org/x/sys/windows.
//   - Unix: the objects are those of package namedshm, with Windows' results and its order of checking arguments. A
//     mutex belongs to the thread that waited for it, as in Windows: lock the goroutine to its thread for as long as it
//     owns one ([runtime.LockOSThread]). The end of a thread that owns a mutex is noticed within a tenth of a second.
//     No handle is ever inherited, and there are no handles of other processes. A section made with SEC_RESERVE is
//     reserved and committed page by page if it has no name; with a name its pages are committed when they are mapped,
//     because another process could not be informed. Security descriptors are refused.
//   - Unix, for a program written for golang.org/x/sys/windows: [Errno] is a type of its own here, while on Windows it
//     is syscall.Errno, so err.(syscall.Errno) has to become err.(win32.Errno), which is right on both. The system's
//     own errors, such as syscall.EEXIST or syscall.EACCES, match nothing: compare with the constants, or use errors.Is
//     with io/fs.ErrExist, [io/fs.ErrNotExist], [io/fs.ErrPermission] or [errors.ErrUnsupported], which match on both.
//     There is no GetLastError: a goroutine may be on another thread by then, so each call returns its error.
//   - Linux: views are at multiples of 64 KiB. VirtualQuery reads about memory that is not a view from /proc.
//   - Elsewhere every call returns ERROR_NOT_SUPPORTED, which matches [errors.ErrUnsupported].
//
// # Ownership and lifetime
//
// A handle belongs to the process that opened it; in a forked child it is closed. Its object's name lives while any
// handle is open, the memory while any handle or view is. All calls may be made by several goroutines and threads at
// once, CloseHandle included: a running call keeps its object.
package win32
