package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/namedshm/namedshm"
)

// granularity is what the offsets of views are multiples of.
const granularity = 65536

// byteRange is a range of a section's bytes at any offset: a view must begin at a multiple of 64 KiB, so it is mapped
// from the boundary below and the bytes before the offset are skipped.
type byteRange struct {
	view   *namedshm.View
	skip   int64 // bytes of the view before the range
	length int64
}

// newByteRange maps length bytes from offset; length 0 means to the end of the section.
func newByteRange(s *namedshm.Section, offset, length int64, access namedshm.Access) (*byteRange, error) {
	room := s.Size() - offset
	if length == 0 {
		length = room
	}
	if room <= 0 {
		return nil, fmt.Errorf("offset %d is past the end; the section has %s", offset, plural(s.Size(), "byte"))
	}
	if length > room {
		return nil, fmt.Errorf("%s from offset %d reach past the end; the section has %s", plural(length, "byte"), offset,
			plural(s.Size(), "byte"))
	}
	skip := offset % granularity
	view, err := s.Map(offset-skip, skip+length, access)
	if err != nil {
		return nil, err
	}
	return &byteRange{view: view, skip: skip, length: length}, nil
}

// ReadAt reads bytes of the range. It is safe against a section that shrinks or goes while it runs.
func (w *byteRange) ReadAt(p []byte, off int64) (int, error) { return w.view.ReadAt(p, w.skip+off) }

// WriteAt writes bytes of the range.
func (w *byteRange) WriteAt(p []byte, off int64) (int, error) { return w.view.WriteAt(p, w.skip+off) }

// Close unmaps the view.
func (w *byteRange) Close() error { return w.view.Close() }

// settle gives the creator of a new section a moment to write into it: a section appears empty, and a waiting process
// may see it before its creator can write.
func (w *byteRange) settle(pause func()) {
	first := make([]byte, min(w.length, 4096))
	for range 250 {
		if n, _ := w.ReadAt(first, 0); bytes.ContainsFunc(first[:n], func(r rune) bool { return r != 0 }) {
			return
		}
		pause()
	}
}

// moment is how long settle pauses.
func moment() { time.Sleep(time.Millisecond) }

// reader reads the range's bytes from its beginning.
func (w *byteRange) reader() io.Reader { return io.NewSectionReader(w, 0, w.length) }
