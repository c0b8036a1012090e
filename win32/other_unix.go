//go:build unix && !aix

package win32

import (
	"io"

	"github.com/namedshm/namedshm/internal/inside"
)

func init() { inside.Handles = otherHandles{} }

// otherHandles makes handles of what this package knows nothing of but that it can be closed. Nothing can be waited for
// by them, and a duplicate is one more handle of the same.
type otherHandles struct{}

func (otherHandles) Open(c io.Closer) (uintptr, error) {
	t := newTarget(kindOther, "")
	t.other = c
	handle, err := open(t, 0, false)
	return uintptr(handle), err
}

func (otherHandles) At(handle uintptr) io.Closer {
	e := find(Handle(handle))
	if e == nil {
		return nil
	}
	return e.target.other
}
