//go:build linux && cgo && (amd64 || arm64)

package main

// #include <stdint.h>
import "C"

import (
	"unsafe"

	"github.com/namedshm/namedshm/win32"
)

// Each function here is what a call in calls.c turns to. A result that does not say by itself whether the call failed
// comes with the number of the error in *code, 0 if there was none.

// number is the number of an error, 0 for none.
func number(err error) C.uint32_t {
	if err == nil {
		return 0
	}
	if code, ok := err.(win32.Errno); ok {
		return C.uint32_t(code)
	}
	return C.uint32_t(win32.ERROR_GEN_FAILURE)
}

// nameOf is a name as the W functions take it (UTF-16) or as the A functions do.
func nameOf(name unsafe.Pointer, wide C.int) (*uint16, error) {
	if wide != 0 {
		return (*uint16)(name), nil
	}
	return win32.UTF16PtrFromANSI((*byte)(name))
}

// made is the answer of a call that makes an object of a name, or opens it.
func made(name unsafe.Pointer, wide C.int, code *C.uint32_t,
	call func(name *uint16) (win32.Handle, error)) C.uintptr_t {
	units, err := nameOf(name, wide)
	var h win32.Handle
	if err == nil {
		h, err = call(units)
	}
	*code = number(err)
	return C.uintptr_t(h)
}

func attributes(p unsafe.Pointer) *win32.SecurityAttributes { return (*win32.SecurityAttributes)(p) }

// roomForHandlers is what a signal handler of the program finds on the stack at least, in four parts: the compiler
// keeps larger variables elsewhere.
const roomForHandlers = 256 << 10

type quarter [roomForHandlers / 4]byte

// goMeet is the first call of each thread. A handler of the program that was not installed with SA_ONSTACK runs on the
// stack of whatever it interrupts. Go's stacks are small and grow when a function needs more, which a handler does not
// know. So the stack that the thread's calls run on is made large now; the library is linked not to shrink it.
//
//export goMeet
func goMeet() { makeRoom(false) }

// makeRoom has a large frame, and leaves it alone.
//
//go:noinline
func makeRoom(use bool) {
	if use {
		var a, b, c, d quarter
		fill(&a, &b, &c, &d)
	}
}

//go:noinline
func fill(a, b, c, d *quarter) { a[0], b[0], c[0], d[0] = 1, 1, 1, 1 }

//export goEndThread
func goEndThread() { win32.EndThread() }

//export goCreateFileMapping
func goCreateFileMapping(file C.uintptr_t, sa unsafe.Pointer, protect, high, low C.uint32_t, name unsafe.Pointer,
	wide C.int, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateFileMapping(win32.Handle(file), attributes(sa), uint32(protect), uint32(high), uint32(low), name)
	})
}

//export goOpenFileMapping
func goOpenFileMapping(access C.uint32_t, inherit C.int, name unsafe.Pointer, wide C.int,
	code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.OpenFileMapping(uint32(access), inherit != 0, name)
	})
}

//export goMapViewOfFileEx
func goMapViewOfFileEx(section C.uintptr_t, access, high, low C.uint32_t, length C.size_t, base C.uintptr_t,
	code *C.uint32_t) C.uintptr_t {
	addr, err := win32.MapViewOfFileEx(win32.Handle(section), uint32(access), uint32(high), uint32(low), uintptr(length),
		uintptr(base))
	*code = number(err)
	return C.uintptr_t(addr)
}

//export goUnmapViewOfFile
func goUnmapViewOfFile(address C.uintptr_t) C.uint32_t {
	return number(win32.UnmapViewOfFile(uintptr(address)))
}

//export goFlushViewOfFile
func goFlushViewOfFile(address C.uintptr_t, length C.size_t) C.uint32_t {
	return number(win32.FlushViewOfFile(uintptr(address), uintptr(length)))
}

//export goQuerySection
func goQuerySection(section C.uintptr_t, information unsafe.Pointer) C.uint32_t {
	return number(win32.NtQuerySection(win32.Handle(section), (*win32.SectionBasicInformation)(information)))
}

//export goVirtualQuery
func goVirtualQuery(address C.uintptr_t, information unsafe.Pointer, length C.size_t) C.uint32_t {
	return number(win32.VirtualQuery(uintptr(address), (*win32.MemoryBasicInformation)(information), uintptr(length)))
}

//export goVirtualProtect
func goVirtualProtect(address C.uintptr_t, size C.size_t, protect C.uint32_t, before *C.uint32_t) C.uint32_t {
	return number(win32.VirtualProtect(uintptr(address), uintptr(size), uint32(protect), (*uint32)(before)))
}

//export goVirtualAlloc
func goVirtualAlloc(address C.uintptr_t, size C.size_t, kind, protect C.uint32_t, code *C.uint32_t) C.uintptr_t {
	addr, err := win32.VirtualAlloc(uintptr(address), uintptr(size), uint32(kind), uint32(protect))
	*code = number(err)
	return C.uintptr_t(addr)
}

//export goVirtualFree
func goVirtualFree(address C.uintptr_t, size C.size_t, kind C.uint32_t) C.uint32_t {
	return number(win32.VirtualFree(uintptr(address), uintptr(size), uint32(kind)))
}

//export goCloseHandle
func goCloseHandle(handle C.uintptr_t) C.uint32_t {
	return number(win32.CloseHandle(win32.Handle(handle)))
}

//export goDuplicateHandle
func goDuplicateHandle(sourceProcess, source, targetProcess C.uintptr_t, target *C.uintptr_t, access C.uint32_t,
	inherit C.int, options C.uint32_t) C.uint32_t {
	return number(win32.DuplicateHandle(win32.Handle(sourceProcess), win32.Handle(source), win32.Handle(targetProcess),
		(*win32.Handle)(unsafe.Pointer(target)), uint32(access), inherit != 0, uint32(options)))
}

//export goCompareObjectHandles
func goCompareObjectHandles(first, second C.uintptr_t) C.uint32_t {
	a, b := win32.Handle(first), win32.Handle(second)
	switch {
	case win32.CompareObjectHandles(a, b):
		return 0
	case !open(a), !open(b):
		return number(win32.ERROR_INVALID_HANDLE)
	}
	return number(win32.ERROR_NOT_SAME_OBJECT)
}

// open reports whether a handle refers to something.
func open(h win32.Handle) bool {
	var flags uint32
	return h == win32.CurrentProcess() || win32.GetHandleInformation(h, &flags) == nil
}

//export goGetHandleInformation
func goGetHandleInformation(handle C.uintptr_t, flags *C.uint32_t) C.uint32_t {
	return number(win32.GetHandleInformation(win32.Handle(handle), (*uint32)(flags)))
}

//export goSetHandleInformation
func goSetHandleInformation(handle C.uintptr_t, mask, flags C.uint32_t) C.uint32_t {
	return number(win32.SetHandleInformation(win32.Handle(handle), uint32(mask), uint32(flags)))
}

// goCreateFile has code for a success too, as where objects are made: the file existed. A name may have any length:
// MAX_PATH is a limit of objects' names.
//
//export goCreateFile
func goCreateFile(name unsafe.Pointer, access, share C.uint32_t, sa unsafe.Pointer, disposition, flags C.uint32_t,
	pattern C.uintptr_t, code *C.uint32_t) C.uintptr_t {
	h, existed, err := win32.CreateFileExisted((*uint16)(name), uint32(access), uint32(share), attributes(sa),
		uint32(disposition), uint32(flags), win32.Handle(pattern))
	*code = number(err)
	if existed {
		*code = C.uint32_t(win32.ERROR_ALREADY_EXISTS)
	}
	return C.uintptr_t(h)
}

//export goGetFileSizeEx
func goGetFileSizeEx(file C.uintptr_t, size *C.int64_t) C.uint32_t {
	return number(win32.GetFileSizeEx(win32.Handle(file), (*int64)(size)))
}

//export goGetFileType
func goGetFileType(file C.uintptr_t, code *C.uint32_t) C.uint32_t {
	kind, err := win32.GetFileType(win32.Handle(file))
	*code = number(err)
	return C.uint32_t(kind)
}
