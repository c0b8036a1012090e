package main

import (
	"fmt"

	"github.com/namedshm/namedshm"
)

// granularity is what the offsets of views are multiples of.
const granularity = 65536

// window is a range of a section's bytes at any offset: a view must begin at a multiple of 64 KiB, so it is mapped
// from the boundary below and the bytes before the offset are skipped.
type window struct {
	view   *namedshm.View
	skip   int64 // bytes of the view before the window
	length int64
}

// newWindow maps length bytes from offset; length 0 means to the end of the section.
func newWindow(s *namedshm.Section, offset, length int64, access namedshm.Access) (*window, error) {
	room := s.Size() - offset
	if length == 0 {
		length = room
	}
	if room <= 0 {
		return nil, fmt.Errorf("offset %d is past the end, it has %s", offset, plural(s.Size(), "byte"))
	}
	if length > room {
		return nil, fmt.Errorf("%s from offset %d reach past the end, it has %s", plural(length, "byte"), offset, plural(s.Size(), "byte"))
	}
	skip := offset % granularity
	view, err := s.Map(offset-skip, skip+length, access)
	if err != nil {
		return nil, err
	}
	return &window{view: view, skip: skip, length: length}, nil
}

// ReadAt reads bytes of the window. It is safe against a section that shrinks or goes while it runs.
func (w *window) ReadAt(p []byte, off int64) (int, error) { return w.view.ReadAt(p, w.skip+off) }

// WriteAt writes bytes of the window.
func (w *window) WriteAt(p []byte, off int64) (int, error) { return w.view.WriteAt(p, w.skip+off) }

// Close unmaps the view.
func (w *window) Close() error { return w.view.Close() }
