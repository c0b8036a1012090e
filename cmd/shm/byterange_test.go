//go:build unix || windows

package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestSettle: a waiter for a section sees what its creator writes a moment after it has appeared; and an empty one does
// not make it wait forever.
func TestSettle(t *testing.T) {
	isolate(t)
	s, err := namedshm.Create(fmt.Sprintf(`Local\shm-settle-%d`, os.Getpid()), 256, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := newByteRange(s, 0, 0, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	pauses := 0
	w.settle(func() { pauses++ })
	if pauses != 250 {
		t.Errorf("%d pauses for an empty section", pauses)
	}
	pauses = 0
	w.settle(func() {
		if pauses++; pauses == 3 {
			if _, err := w.WriteAt([]byte("x"), 100); err != nil {
				t.Error(err)
			}
		}
	})
	if pauses != 3 {
		t.Errorf("%d pauses, for one that was written in the third", pauses)
	}
}

// TestByteRange: any offset will do, though a view begins at multiples of 64 KiB.
func TestByteRange(t *testing.T) {
	isolate(t)
	s, err := namedshm.Create(fmt.Sprintf(`Local\shm-byterange-%d`, os.Getpid()), 1<<20, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	whole, err := newByteRange(s, 0, 0, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	for _, offset := range []int64{0, 1, 65535, 65536, 65537, 1<<20 - 1} {
		w, err := newByteRange(s, offset, 1, namedshm.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteAt([]byte{'!'}, 0); err != nil {
			t.Error(err)
		}
		b := []byte{0}
		if _, err := whole.ReadAt(b, offset); b[0] != '!' || err != nil {
			t.Errorf("offset %d: %q, %v", offset, b, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range [][2]int64{{1 << 20, 0}, {1 << 40, 1}, {0, 1<<20 + 1}, {1<<20 - 1, 2}, {1, 1<<63 - 1}} {
		if w, err := newByteRange(s, bad[0], bad[1], namedshm.Read); err == nil {
			w.Close()
			t.Errorf("%d bytes from %d are mapped", bad[1], bad[0])
		}
	}
}
