package namedshm_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestBadHandlesAreToldApart: ERROR_INVALID_HANDLE has a sentence of its own for each thing that it says of a handle or
// a name, and none of the others'.
func TestBadHandlesAreToldApart(t *testing.T) {
	isolate(t)
	name := ownName(t, "")
	s := mustCreate(t, name, 1, namedshm.ReadWrite)
	v := mustMap(t, s, namedshm.ReadWrite)
	e, err := namedshm.CreateEvent(name+"-event", namedshm.AutoReset, false)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	shut, err := namedshm.Open(name, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	for _, closed := range []interface{ Close() error }{v, shut} {
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	number := " (ERROR_INVALID_HANDLE, 6)"
	for want, failing := range map[string]func() error{
		`create Global: the name "Global" is reserved: it stands for a namespace` + number: func() error {
			return failed(namedshm.Create("Global", 1, namedshm.Read))
		},
		`open Local\Session: the name "Session" is reserved: it stands for a namespace` + number: func() error {
			return failed(namedshm.OpenMutex(`Local\Session`, namedshm.Synchronize))
		},
		"create " + name + "-event: the object of this name is of another kind: event" + number: func() error {
			return failed(namedshm.Create(name+"-event", 1, namedshm.Read))
		},
		"open " + name + ": the object of this name is of another kind: section" + number: func() error {
			return failed(namedshm.OpenSemaphore(name, namedshm.Synchronize))
		},
		"open " + name + `\x: Local\` + name + " is an object, not a directory" + number: func() error {
			return failed(namedshm.Open(name+`\x`, namedshm.Read))
		},
		"open: the name is empty" + number: func() error {
			return failed(namedshm.Open("", namedshm.Read))
		},
		"wait: one of the objects is nil" + number: func() error {
			return failed(namedshm.WaitAny(t.Context(), e, nil))
		},
		"map " + name + ": the handle is closed" + number: func() error {
			return failed(shut.Map(0, 0, namedshm.Read))
		},
		"close " + name + ": the handle is closed" + number: shut.Close,
		"read " + name + ": the view is closed" + number: func() error {
			return failed(v.ReadAt(make([]byte, 1), 0))
		},
		"view " + name + ": the view is closed" + number: func() error {
			return failed(namedshm.At[uint32](v, 0))
		},
		"unmap " + name + ": the address is not in any view (ERROR_INVALID_ADDRESS, 487): the view is closed": v.Close,
	} {
		err := failing()
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if strings.HasSuffix(want, number) && !errors.Is(err, namedshm.ErrInvalidHandle) ||
			errors.Is(err, os.ErrClosed) != strings.Contains(want, "is closed") {
			t.Errorf("%v: taken for something else", err)
		}
	}
}

// failed is the error of a call.
func failed[T any](_ T, err error) error { return err }
