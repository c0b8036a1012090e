package flow

import "unsafe"

// What ends give and take is bytes, a whole number of values at an address that fits them.

// values are the values that bytes are.
func values[T any](m []byte) []T {
	n := len(m) / int(unsafe.Sizeof(*new(T)))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), n)
}

// grown are the values that the bytes in a reader's buffer are, with all its room.
func grown[T any](m []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), cap(m)/size)[:len(m)/size]
}

// bytesOf are the bytes that values are.
func bytesOf[T any](m []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(m))), len(m)*int(unsafe.Sizeof(*new(T))))
}

// emptied is the room that a buffer has, as bytes of which none is used.
func emptied[T any](buf []T) []byte { return bytesOf(buf[:cap(buf)])[:0] }

// Instances of the package's own: only of what these call does the compiler hand the bodies on to other packages, where
// the instances for their types are made. Without them nothing would be inlined there, and a message would take twice
// as long.
var (
	_ = (*Sender[byte]).Claim
	_ = (*Sender[byte]).TryClaim
	_ = (*Receiver[byte]).Next
	_ = (*Receiver[byte]).TryNext
	_ = (*Receiver[byte]).All
)
