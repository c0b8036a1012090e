package win32table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/namedshm/namedshm/conformance/internal/spec"
	"github.com/namedshm/namedshm/win32"
)

// Serve is a process that makes the calls of package win32. It returns at the end of its input. The caller keeps the
// goroutine on the program's first thread, of which Go never lets one end that another goroutine has.
func Serve(in io.Reader, out io.Writer) {
	s := &server{out: out, threads: map[int]chan []string{}}
	lines := bufio.NewReaderSize(in, 1<<16)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if f[1] == "exit" {
			os.Exit(0)
		}
		thread, _ := strconv.Atoi(f[0])
		c := s.threads[thread]
		if c == nil {
			c = make(chan []string, 1)
			s.threads[thread] = c
			go s.run(thread, c)
		}
		if f[1] == "endthread" {
			delete(s.threads, thread)
		}
		c <- f[1:]
	}
}

type server struct {
	mu      sync.Mutex
	out     io.Writer
	threads map[int]chan []string
}

func (s *server) answer(thread int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, thread, text)
}

// run is one thread. A goroutine that ends without unlocking its thread ends the thread.
func (s *server) run(thread int, calls <-chan []string) {
	runtime.LockOSThread()
	for f := range calls {
		if f[0] == "endthread" {
			gone := threadEnd()
			go func() {
				gone()
				s.answer(thread, "1 -")
			}()
			return
		}
		s.answer(thread, perform(f[0], arguments(f[1:])))
	}
}

// arguments are those of one call.
type arguments []string

func (a arguments) number(i int) uint64 {
	if i >= len(a) {
		return 0
	}
	if n, err := strconv.ParseInt(a[i], 10, 64); err == nil {
		return uint64(n)
	}
	n, _ := strconv.ParseUint(a[i], 10, 64)
	return n
}

func (a arguments) handle(i int) win32.Handle { return win32.Handle(a.number(i)) }
func (a arguments) bits(i int) uint32         { return uint32(a.number(i)) }
func (a arguments) flag(i int) bool           { return a.number(i) != 0 }

// attributes are nil, or say that the handle is to be inherited.
func (a arguments) attributes(i int) *win32.SecurityAttributes {
	if !a.flag(i) {
		return nil
	}
	sa := &win32.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa
}

// name is a name, or why there is none.
func (a arguments) name(i int) (*uint16, error) {
	kind, text, _ := strings.Cut(a[i], ":")
	switch kind {
	case "w":
		units := make([]uint16, 0, len(text)/4+1)
		for ; len(text) >= 4; text = text[4:] {
			n, _ := strconv.ParseUint(text[:4], 16, 16)
			units = append(units, uint16(n))
		}
		return &append(units, 0)[0], nil
	case "a":
		return win32.UTF16PtrFromANSI(&append(hexBytes(text), 0)[0])
	}
	return nil, nil
}

func hexBytes(text string) []byte {
	b := make([]byte, 0, len(text)/2+1)
	for ; len(text) >= 2; text = text[2:] {
		n, _ := strconv.ParseUint(text[:2], 16, 8)
		b = append(b, byte(n))
	}
	return b
}

// perform makes one call and says how it went.
func perform(function string, a arguments) string {
	f := functions[strings.TrimSuffix(strings.TrimSuffix(function, "W"), "A")]
	if f == nil {
		if f = functions[function]; f == nil {
			return "?"
		}
	}
	value, out, err := f(a)
	last := "-"
	var number win32.Errno
	switch {
	case errors.As(err, &number):
		last = strconv.FormatUint(uint64(number), 10)
	case err != nil:
		last = "31"
	case strings.HasPrefix(function, "Create") && function != "CreateFileW":
		last = "0"
	}
	text := fmt.Sprint(value, " ", last)
	for _, o := range out {
		text += fmt.Sprint(" ", o)
	}
	return text
}

// function makes one call: what it returns, what came by pointers, and its error.
type function func(a arguments) (value uint64, out []any, err error)

func truth(err error) (uint64, []any, error) {
	if err != nil {
		return 0, nil, err
	}
	return 1, nil, nil
}

// whyDifferent is what Windows' last error is where package win32 has no more than false.
func whyDifferent(handles ...win32.Handle) error {
	for _, h := range handles {
		var flags uint32
		if h != win32.CurrentProcess() && win32.GetHandleInformation(h, &flags) != nil {
			return win32.ERROR_INVALID_HANDLE
		}
	}
	return win32.ERROR_NOT_SAME_OBJECT
}

// named makes a call that takes a name, which is its i-th argument.
func named(i int, call func(a arguments, name *uint16) (win32.Handle, error)) function {
	return func(a arguments) (uint64, []any, error) {
		name, err := a.name(i)
		if err != nil {
			return 0, nil, err
		}
		h, err := call(a, name)
		return uint64(h), nil, err
	}
}

var functions = map[string]function{
	"CreateFileMapping": named(4, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.CreateFileMapping(a.handle(0), a.attributes(1), a.bits(2), uint32(a.number(3)>>32), uint32(a.number(3)),
			name)
	}),
	"OpenFileMapping": named(2, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.OpenFileMapping(a.bits(0), a.flag(1), name)
	}),
	"CreateEvent": named(3, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.CreateEvent(a.attributes(0), a.bits(1), a.bits(2), name)
	}),
	"OpenEvent": named(2, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.OpenEvent(a.bits(0), a.flag(1), name)
	}),
	"CreateMutex": named(2, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.CreateMutex(a.attributes(0), a.flag(1), name)
	}),
	"OpenMutex": named(2, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.OpenMutex(a.bits(0), a.flag(1), name)
	}),
	"CreateSemaphore": named(3, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.CreateSemaphore(a.attributes(0), int32(a.number(1)), int32(a.number(2)), name)
	}),
	"OpenSemaphore": named(2, func(a arguments, name *uint16) (win32.Handle, error) {
		return win32.OpenSemaphore(a.bits(0), a.flag(1), name)
	}),
	"CreateFile": named(0, func(a arguments, name *uint16) (win32.Handle, error) {
		const share = win32.FILE_SHARE_READ | win32.FILE_SHARE_WRITE | win32.FILE_SHARE_DELETE
		return win32.CreateFile(name, a.bits(1), share, nil, a.bits(2), win32.FILE_ATTRIBUTE_NORMAL, 0)
	}),
	"MapViewOfFile": func(a arguments) (uint64, []any, error) {
		at, err := win32.MapViewOfFile(a.handle(0), a.bits(1), uint32(a.number(2)>>32), uint32(a.number(2)),
			uintptr(a.number(3)))
		return uint64(at), nil, err
	},
	"MapViewOfFileEx": func(a arguments) (uint64, []any, error) {
		at, err := win32.MapViewOfFileEx(a.handle(0), a.bits(1), uint32(a.number(2)>>32), uint32(a.number(2)),
			uintptr(a.number(3)),
			uintptr(a.number(4)))
		return uint64(at), nil, err
	},
	"UnmapViewOfFile": func(a arguments) (uint64, []any, error) {
		return truth(win32.UnmapViewOfFile(uintptr(a.number(0))))
	},
	"FlushViewOfFile": func(a arguments) (uint64, []any, error) {
		return truth(win32.FlushViewOfFile(uintptr(a.number(0)), uintptr(a.number(1))))
	},
	"VirtualQuery": func(a arguments) (uint64, []any, error) {
		var m win32.MemoryBasicInformation
		if err := win32.VirtualQuery(uintptr(a.number(0)), &m, unsafe.Sizeof(m)); err != nil {
			return 0, nil, err
		}
		return 1, []any{m.BaseAddress, m.AllocationBase, m.AllocationProtect, m.RegionSize, m.State, m.Protect, m.Type}, nil
	},
	"VirtualProtect": func(a arguments) (uint64, []any, error) {
		var old uint32
		value, _, err := truth(win32.VirtualProtect(uintptr(a.number(0)), uintptr(a.number(1)), a.bits(2), &old))
		return value, []any{old}, err
	},
	"VirtualAlloc": func(a arguments) (uint64, []any, error) {
		at, err := win32.VirtualAlloc(uintptr(a.number(0)), uintptr(a.number(1)), a.bits(2), a.bits(3))
		return uint64(at), nil, err
	},
	"VirtualFree": func(a arguments) (uint64, []any, error) {
		return truth(win32.VirtualFree(uintptr(a.number(0)), uintptr(a.number(1)), a.bits(2)))
	},
	"CloseHandle": func(a arguments) (uint64, []any, error) { return truth(win32.CloseHandle(a.handle(0))) },
	"DuplicateHandle": func(a arguments) (uint64, []any, error) {
		self := win32.CurrentProcess()
		var to win32.Handle
		value, _, err := truth(win32.DuplicateHandle(self, a.handle(0), self, &to, a.bits(1), a.flag(2), a.bits(3)))
		return value, []any{uint64(to)}, err
	},
	"CompareObjectHandles": func(a arguments) (uint64, []any, error) {
		if win32.CompareObjectHandles(a.handle(0), a.handle(1)) {
			return 1, nil, nil
		}
		return 0, nil, whyDifferent(a.handle(0), a.handle(1))
	},
	"GetHandleInformation": func(a arguments) (uint64, []any, error) {
		var flags uint32
		value, _, err := truth(win32.GetHandleInformation(a.handle(0), &flags))
		return value, []any{flags}, err
	},
	"SetHandleInformation": func(a arguments) (uint64, []any, error) {
		return truth(win32.SetHandleInformation(a.handle(0), a.bits(1), a.bits(2)))
	},
	"SetEvent":     func(a arguments) (uint64, []any, error) { return truth(win32.SetEvent(a.handle(0))) },
	"ResetEvent":   func(a arguments) (uint64, []any, error) { return truth(win32.ResetEvent(a.handle(0))) },
	"PulseEvent":   func(a arguments) (uint64, []any, error) { return truth(win32.PulseEvent(a.handle(0))) },
	"ReleaseMutex": func(a arguments) (uint64, []any, error) { return truth(win32.ReleaseMutex(a.handle(0))) },
	"ReleaseSemaphore": func(a arguments) (uint64, []any, error) {
		previous := int32(-1)
		value, _, err := truth(win32.ReleaseSemaphore(a.handle(0), int32(a.number(1)), &previous))
		return value, []any{previous}, err
	},
	"WaitForSingleObject": func(a arguments) (uint64, []any, error) {
		event, err := win32.WaitForSingleObject(a.handle(0), a.bits(1))
		return uint64(event), nil, err
	},
	"WaitForMultipleObjects": func(a arguments) (uint64, []any, error) {
		var list []win32.Handle
		for i := 2; i < len(a); i++ {
			list = append(list, a.handle(i))
		}
		event, err := win32.WaitForMultipleObjects(list, a.flag(0), a.bits(1))
		return uint64(event), nil, err
	},
	"SignalObjectAndWait": func(a arguments) (uint64, []any, error) {
		event, err := win32.SignalObjectAndWait(a.handle(0), a.handle(1), a.bits(2), false)
		return uint64(event), nil, err
	},
	"NtQuerySection": func(a arguments) (uint64, []any, error) {
		var info win32.SectionBasicInformation
		value, _, err := truth(win32.NtQuerySection(a.handle(0), &info))
		return value, []any{info.Size, info.Attributes}, err
	},
	"GetFileSizeEx": func(a arguments) (uint64, []any, error) {
		var size int64
		value, _, err := truth(win32.GetFileSizeEx(a.handle(0), &size))
		return value, []any{size}, err
	},
	"GetFileType": func(a arguments) (uint64, []any, error) {
		n, err := win32.GetFileType(a.handle(0))
		return uint64(n), nil, err
	},
	"renounce": func(arguments) (uint64, []any, error) { return truth(spec.DropPrivilege()) },
	"peek": func(a arguments) (uint64, []any, error) {
		var copied []byte
		if spec.Faults(func() { copied = append(copied, win32.Bytes(uintptr(a.number(0)), int(a.number(1)))...) }) {
			return 0, nil, nil
		}
		return 1, []any{fmt.Sprintf("x:%x", copied)}, nil
	},
	"poke": func(a arguments) (uint64, []any, error) {
		_, text, _ := strings.Cut(a[1], ":")
		b := hexBytes(text)
		if spec.Faults(func() { copy(win32.Bytes(uintptr(a.number(0)), len(b)), b) }) {
			return 0, nil, nil
		}
		return 1, nil, nil
	},
}
