package win32table

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/namedshm/namedshm/win32"
)

// threadEnd returns what waits for the end of the calling thread.
func threadEnd() (wait func()) {
	self := windows.CurrentProcess()
	var thread windows.Handle
	windows.DuplicateHandle(self, windows.CurrentThread(), self, &thread, windows.SYNCHRONIZE, false, 0)
	return func() {
		windows.WaitForSingleObject(thread, windows.INFINITE)
		windows.CloseHandle(thread)
	}
}

// Kinds of objects that package win32 does not have, and that share the namespace.
var (
	kernel32    = windows.NewLazySystemDLL("kernel32.dll")
	createTimer = kernel32.NewProc("CreateWaitableTimerW")
	openTimer   = kernel32.NewProc("OpenWaitableTimerW")
	createJob   = kernel32.NewProc("CreateJobObjectW")
	openJob     = kernel32.NewProc("OpenJobObjectW")
)

func init() {
	// DuplicateInto gives another process a handle.
	functions["DuplicateInto"] = func(a arguments) (uint64, []any, error) {
		process, err := windows.OpenProcess(windows.PROCESS_DUP_HANDLE, false, a.bits(1))
		if err != nil {
			return 0, nil, err
		}
		defer windows.CloseHandle(process)
		var to windows.Handle
		return truth(win32.DuplicateHandle(win32.CurrentProcess(), a.handle(0), process, &to, 0, false,
			win32.DUPLICATE_SAME_ACCESS))
	}
	functions["CreateTimer"] = foreign(func(name *uint16) (uintptr, error) {
		h, _, err := createTimer.Call(0, 0, uintptr(unsafe.Pointer(name)))
		return h, err
	})
	functions["OpenTimer"] = foreign(func(name *uint16) (uintptr, error) {
		h, _, err := openTimer.Call(win32.SYNCHRONIZE, 0, uintptr(unsafe.Pointer(name)))
		return h, err
	})
	functions["CreateJob"] = foreign(func(name *uint16) (uintptr, error) {
		h, _, err := createJob.Call(0, uintptr(unsafe.Pointer(name)))
		return h, err
	})
	functions["OpenJob"] = foreign(func(name *uint16) (uintptr, error) {
		h, _, err := openJob.Call(4, 0, uintptr(unsafe.Pointer(name))) // JOB_OBJECT_QUERY
		return h, err
	})
}

// foreign is a call that takes nothing but a name. err is the last error, whatever happened.
func foreign(call func(name *uint16) (uintptr, error)) function {
	return named(0, func(_ arguments, name *uint16) (win32.Handle, error) {
		h, err := call(name)
		if h != 0 && err != win32.ERROR_ALREADY_EXISTS {
			err = nil
		}
		return win32.Handle(h), err
	})
}
