package gotable

import (
	"fmt"
	"io"
	"reflect"
	"unsafe"

	"github.com/namedshm/namedshm"
	"golang.org/x/sys/windows"
)

// pageProtection is what the system says of the pages at an address.
func pageProtection(at uint64) (string, error) {
	var region windows.MemoryBasicInformation
	if err := windows.VirtualQuery(uintptr(at), &region, reflect.TypeOf(region).Size()); err != nil {
		return "", err
	}
	for name, p := range protections {
		if uint32(p) == region.Protect {
			return name, nil
		}
	}
	return fmt.Sprintf("%#x", region.Protect), nil
}

var (
	kernel32   = windows.NewLazySystemDLL("kernel32.dll")
	foreigners = map[string]*windows.LazyProc{
		"create timer": kernel32.NewProc("CreateWaitableTimerW"), "open timer": kernel32.NewProc("OpenWaitableTimerW"),
		"create job": kernel32.NewProc("CreateJobObjectW"), "open job": kernel32.NewProc("OpenJobObjectW"),
	}
)

// systemHandle is a handle that the system gave, and not this library.
type systemHandle windows.Handle

func (h systemHandle) Close() error { return windows.CloseHandle(windows.Handle(h)) }

// foreign makes or opens an object of a kind that this library does not make.
func foreign(kind, verb, name string) (o io.Closer, existed bool, err error) {
	const maximumAllowed = 0x02000000
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, false, err
	}
	var h uintptr
	var last error
	switch verb + " " + kind {
	case "create timer":
		h, _, last = foreigners["create timer"].Call(0, 0, uintptr(unsafe.Pointer(text)))
	case "create job":
		h, _, last = foreigners["create job"].Call(0, uintptr(unsafe.Pointer(text)))
	case "open timer", "open job":
		h, _, last = foreigners[verb+" "+kind].Call(maximumAllowed, 0, uintptr(unsafe.Pointer(text)))
	default:
		return nil, false, fmt.Errorf("nothing is known about the kind %q", kind)
	}
	if h == 0 {
		code, _ := last.(windows.Errno)
		return nil, false, &namedshm.Error{Op: verb, Name: name, Code: namedshm.Code(code), Cause: last}
	}
	return systemHandle(h), last == windows.ERROR_ALREADY_EXISTS, nil
}
