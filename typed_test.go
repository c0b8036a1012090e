package namedshm_test

import (
	"errors"
	"io/fs"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm"
)

type point struct {
	X, Y int32
	At   [2]float64
}

func typedView(t *testing.T, access namedshm.Access) *namedshm.View {
	isolate(t)
	return mustMap(t, mustCreate(t, "", 100, namedshm.ReadWrite), access)
}

func TestAtIsTheSharedMemoryItself(t *testing.T) {
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		s := mustCreate(t, ownName(t, prefix), 4096, namedshm.ReadWrite)
		other, err := namedshm.Open(s.Name(), namedshm.Read)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		v, w := mustMap(t, s, namedshm.ReadWrite), mustMap(t, other, namedshm.Read)
		p, err := namedshm.At[point](v, 64)
		if err != nil {
			t.Fatal(err)
		}
		q, err := namedshm.At[point](w, 64)
		if err != nil {
			t.Fatal(err)
		}
		*p = point{1, -2, [2]float64{math.Pi, math.Inf(1)}}
		if *q != *p {
			t.Errorf("the other side sees %+v, want %+v", *q, *p)
		}
		counter, err := namedshm.At[atomic.Int64](v, 8)
		if err != nil {
			t.Fatal(err)
		}
		counter.Add(42)
		if n, err := namedshm.At[int64](w, 8); err != nil || *n != 42 {
			t.Error(n, err)
		}
		table, err := namedshm.SliceAt[uint16](v, 4094, 1) // the last bytes of all
		if err != nil || len(table) != 1 || cap(table) != 1 {
			t.Fatal(table, err)
		}
		table[0] = 0x1234
		if b := w.Bytes(); b[4094] != 0x34 || b[4095] != 0x12 {
			t.Errorf("% x", b[4094:])
		}
		if all, err := namedshm.SliceAt[int32](v, 64, 2); err != nil || all[0] != 1 || all[1] != -2 {
			t.Error(all, err)
		}
	}
}

// refused wants ERROR_INVALID_PARAMETER.
func refused[T any](t *testing.T, v *namedshm.View, what string, offset int64, n int) {
	t.Helper()
	p, err := namedshm.SliceAt[T](v, offset, n)
	wantCode(t, what, err, namedshm.ErrInvalidParameter)
	if p != nil {
		t.Errorf("%s: %d values all the same", what, len(p))
	}
	if n == 1 {
		_, err := namedshm.At[T](v, offset)
		wantCode(t, what, err, namedshm.ErrInvalidParameter)
	}
}

func TestAtRefusesPointers(t *testing.T) {
	v := typedView(t, namedshm.ReadWrite)
	refused[*int](t, v, "a pointer", 0, 1)
	refused[string](t, v, "a string", 0, 1)
	refused[[]byte](t, v, "a slice", 0, 1)
	refused[map[int]int](t, v, "a map", 0, 1)
	refused[chan int](t, v, "a channel", 0, 1)
	refused[func()](t, v, "a function", 0, 1)
	refused[any](t, v, "an interface", 0, 1)
	refused[error](t, v, "an error", 0, 1)
	refused[uintptr](t, v, "a uintptr", 0, 1)
	refused[unsafe.Pointer](t, v, "an unsafe.Pointer", 0, 1)
	refused[[2]string](t, v, "an array of strings", 0, 1)
	refused[struct {
		A int
		B struct{ C [1]*int }
	}](t, v, "a pointer deep inside", 0, 1)
	refused[atomic.Pointer[int]](t, v, "an atomic pointer", 0, 1)
}

func TestAtRefusesWhatDoesNotFit(t *testing.T) {
	v := typedView(t, namedshm.ReadWrite)
	n := v.Len()
	refused[struct{}](t, v, "a type without size", 0, 1)
	refused[[0]int](t, v, "an empty array", 0, 1)
	refused[int32](t, v, "an odd offset", 2, 1)
	refused[atomic.Int64](t, v, "half an alignment", 4, 1) // it is 8 everywhere
	refused[int64](t, v, "half of int64's", int64(unsafe.Alignof(int64(0))/2), 1)
	refused[point](t, v, "half of a struct's", int64(unsafe.Alignof(point{})/2), 1)
	refused[byte](t, v, "a negative offset", -1, 1)
	refused[int64](t, v, "the smallest offset", math.MinInt64, 1)
	refused[byte](t, v, "the end", int64(n), 1)
	refused[int64](t, v, "over the end", int64(n)-4, 1)
	refused[byte](t, v, "the largest offset", math.MaxInt64, 1)
	refused[byte](t, v, "no values", 0, 0)
	refused[byte](t, v, "fewer values than none", 0, -1)
	refused[byte](t, v, "one too many", 0, n+1)
	refused[int64](t, v, "a length that overflows", 0, math.MaxInt/8+2)
	refused[point](t, v, "the largest number", 0, math.MaxInt)
	refused[[1 << 20]byte](t, v, "a type larger than the view", 0, 1)
	if p, err := namedshm.SliceAt[byte](v, 0, n); err != nil || len(p) != n {
		t.Error("the whole view is refused: ", err)
	}
}

func TestAtOfAViewThatCannotBeRead(t *testing.T) {
	v := typedView(t, 0)
	_, err := namedshm.At[byte](v, 0)
	wantCode(t, "At of a view without access", err, namedshm.ErrInvalidHandle, namedshm.ErrAccessDenied)
	runtime.KeepAlive(v)
}

func TestCodesMatchThePortableErrors(t *testing.T) {
	for code, want := range map[namedshm.Code]error{
		namedshm.ErrFileNotFound: fs.ErrNotExist, namedshm.ErrPathNotFound: fs.ErrNotExist,
		namedshm.ErrAlreadyExists: fs.ErrExist, namedshm.ErrAccessDenied: fs.ErrPermission,
		namedshm.ErrInvalidParameter: fs.ErrInvalid, namedshm.ErrInvalidName: fs.ErrInvalid,
		namedshm.ErrBadPathname: fs.ErrInvalid, namedshm.ErrNameTooLong: fs.ErrInvalid,
		namedshm.ErrMappedAlignment: fs.ErrInvalid, namedshm.Code(50): errors.ErrUnsupported,
	} {
		var err error = &namedshm.Error{Op: "open", Name: "x", Code: code}
		for _, portable := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid,
			errors.ErrUnsupported} {
			if got := errors.Is(err, portable); got != (portable == want) {
				t.Errorf("errors.Is(%v, %v) is %v", code, portable, got)
			}
		}
	}
	isolate(t)
	name := ownName(t, "")
	_, err := namedshm.Open(name, namedshm.Read)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not match fs.ErrNotExist", err)
	}
	s := mustCreate(t, name, 1, namedshm.Read)
	if _, err := namedshm.Create(name, 1, namedshm.Read); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v does not match fs.ErrExist", err)
	}
	if _, err := s.Map(0, 0, namedshm.Write); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v does not match fs.ErrPermission", err)
	}
}
