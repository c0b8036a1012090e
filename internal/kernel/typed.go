package kernel

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// TypedAt returns n values of T from a byte offset of a view on, in place.
func TypedAt[T any](v *View, offset int64, n int) ([]T, error) {
	t := reflect.TypeFor[T]()
	if where := findPointer(t, t.String()); where != "" {
		return nil, fault.Fail(fault.InvalidParameter, "%s is a pointer, and an address means nothing in another process",
			where)
	}
	size := int64(t.Size())
	memory := v.memory()
	length := int64(len(memory))
	switch {
	case memory == nil && !v.readable():
		return nil, fault.Fail(fault.AccessDenied, "the view was mapped without access")
	case memory == nil:
		return nil, closedView(fault.InvalidHandle)
	case size == 0:
		return nil, fault.Fail(fault.InvalidParameter, "%s has no size", t)
	case n <= 0:
		return nil, fault.Fail(fault.InvalidParameter, "%d values", n)
	case offset < 0 || offset > length || int64(n) > (length-offset)/size:
		what := fmt.Sprintf("%d values of %s (%d bytes each)", n, t, size)
		if n == 1 {
			what = fmt.Sprintf("%s (%d bytes)", t, size)
		}
		return nil, fault.Fail(fault.InvalidParameter, "byte %d is outside the view of %d bytes: %s at offset %d",
			FirstOutside(offset, length), length, what, offset)
	case offset%int64(t.Align()) != 0:
		return nil, fault.Fail(fault.InvalidParameter, "offset %d is not a multiple of %d, the alignment of %s", offset,
			t.Align(), t)
	}
	v.lent.Store(true)
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[offset])), n), nil
}

// FirstOutside returns the first byte outside a range of this length, among those from an offset on that are not all
// inside.
func FirstOutside(offset, length int64) int64 {
	if 0 <= offset && offset < length {
		return length
	}
	return offset
}

// findPointer returns the path to the first pointer inside a type, or "".
func findPointer(t reflect.Type, path string) string {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if where := findPointer(f.Type, path+"."+f.Name); where != "" {
				return where
			}
		}
		return ""
	case reflect.Array:
		return findPointer(t.Elem(), path+fmt.Sprintf("[%d]", 0))
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return ""
	}
	return path + " (" + t.String() + ")" // uintptr too: it is made to hold an address
}
