//go:build linux && cgo && (amd64 || arm64)

package main

// #include <stdint.h>
import "C"

import (
	"unsafe"

	"github.com/namedshm/namedshm/win32"
)

//export goCreateEvent
func goCreateEvent(sa unsafe.Pointer, manual, set C.uint32_t, name unsafe.Pointer, wide C.int,
	code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateEvent(attributes(sa), uint32(manual), uint32(set), name)
	})
}

//export goCreateEventEx
func goCreateEventEx(sa, name unsafe.Pointer, wide C.int, flags, access C.uint32_t, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateEventEx(attributes(sa), name, uint32(flags), uint32(access))
	})
}

//export goOpenEvent
func goOpenEvent(access C.uint32_t, inherit C.int, name unsafe.Pointer, wide C.int, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.OpenEvent(uint32(access), inherit != 0, name)
	})
}

//export goSetEvent
func goSetEvent(event C.uintptr_t) C.uint32_t { return number(win32.SetEvent(win32.Handle(event))) }

//export goResetEvent
func goResetEvent(event C.uintptr_t) C.uint32_t { return number(win32.ResetEvent(win32.Handle(event))) }

//export goPulseEvent
func goPulseEvent(event C.uintptr_t) C.uint32_t { return number(win32.PulseEvent(win32.Handle(event))) }

//export goCreateMutex
func goCreateMutex(sa unsafe.Pointer, owned C.int, name unsafe.Pointer, wide C.int, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateMutex(attributes(sa), owned != 0, name)
	})
}

//export goCreateMutexEx
func goCreateMutexEx(sa, name unsafe.Pointer, wide C.int, flags, access C.uint32_t, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateMutexEx(attributes(sa), name, uint32(flags), uint32(access))
	})
}

//export goOpenMutex
func goOpenMutex(access C.uint32_t, inherit C.int, name unsafe.Pointer, wide C.int, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.OpenMutex(uint32(access), inherit != 0, name)
	})
}

//export goReleaseMutex
func goReleaseMutex(mutex C.uintptr_t) C.uint32_t {
	return number(win32.ReleaseMutex(win32.Handle(mutex)))
}

//export goCreateSemaphore
func goCreateSemaphore(sa unsafe.Pointer, initial, maximum C.int32_t, name unsafe.Pointer, wide C.int,
	code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateSemaphore(attributes(sa), int32(initial), int32(maximum), name)
	})
}

//export goCreateSemaphoreEx
func goCreateSemaphoreEx(sa unsafe.Pointer, initial, maximum C.int32_t, name unsafe.Pointer, wide C.int, flags,
	access C.uint32_t, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.CreateSemaphoreEx(attributes(sa), int32(initial), int32(maximum), name, uint32(flags), uint32(access))
	})
}

//export goOpenSemaphore
func goOpenSemaphore(access C.uint32_t, inherit C.int, name unsafe.Pointer, wide C.int, code *C.uint32_t) C.uintptr_t {
	return made(name, wide, code, func(name *uint16) (win32.Handle, error) {
		return win32.OpenSemaphore(uint32(access), inherit != 0, name)
	})
}

//export goReleaseSemaphore
func goReleaseSemaphore(semaphore C.uintptr_t, count C.int32_t, previous *C.int32_t) C.uint32_t {
	return number(win32.ReleaseSemaphore(win32.Handle(semaphore), int32(count), (*int32)(previous)))
}

//export goWaitForSingleObject
func goWaitForSingleObject(object C.uintptr_t, milliseconds C.uint32_t, code *C.uint32_t) C.uint32_t {
	event, err := win32.WaitForSingleObject(win32.Handle(object), uint32(milliseconds))
	*code = number(err)
	return C.uint32_t(event)
}

// goWaitForMultipleObjects is given a count and an array that calls.c has looked at.
//
//export goWaitForMultipleObjects
func goWaitForMultipleObjects(count C.uint32_t, objects *C.uintptr_t, all C.int, milliseconds C.uint32_t,
	code *C.uint32_t) C.uint32_t {
	handles := unsafe.Slice((*win32.Handle)(unsafe.Pointer(objects)), int(count))
	event, err := win32.WaitForMultipleObjects(handles, all != 0, uint32(milliseconds))
	*code = number(err)
	return C.uint32_t(event)
}

//export goSignalObjectAndWait
func goSignalObjectAndWait(signal, object C.uintptr_t, milliseconds C.uint32_t, alertable C.int,
	code *C.uint32_t) C.uint32_t {
	event, err := win32.SignalObjectAndWait(win32.Handle(signal), win32.Handle(object), uint32(milliseconds),
		alertable != 0)
	*code = number(err)
	return C.uint32_t(event)
}
