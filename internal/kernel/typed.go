package kernel

import (
	"fmt"
	"reflect"
	"unsafe"
)

// TypedAt is n values of T from a byte offset of a view on, in place.
func TypedAt[T any](v *View, offset int64, n int) ([]T, error) {
	t := reflect.TypeFor[T]()
	if where := findPointer(t, t.String()); where != "" {
		return nil, fail(InvalidParameter, "%s is a pointer, and an address means nothing in another process", where)
	}
	size := int64(t.Size())
	memory := v.Bytes()
	length := int64(len(memory))
	switch {
	case memory == nil && !v.readable():
		return nil, fail(AccessDenied, "the view was mapped without access")
	case memory == nil:
		return nil, closedHandle()
	case size == 0:
		return nil, fail(InvalidParameter, "%s has no size", t)
	case n <= 0:
		return nil, fail(InvalidParameter, "%d values", n)
	case offset < 0 || offset > length || int64(n) > (length-offset)/size:
		return nil, fail(InvalidParameter, "%d values of %s (%d bytes each) at offset %d are not inside the view of %d bytes",
			n, t, size, offset, length)
	case offset%int64(t.Align()) != 0:
		return nil, fail(InvalidParameter, "offset %d is not a multiple of %d, the alignment of %s", offset, t.Align(), t)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[offset])), n), nil
}

// findPointer is the path to the first pointer inside a type, or "".
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
