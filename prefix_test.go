package namedshm_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// makes is how an object of each kind is made and opened by name, with access of any sort.
var makes = map[string]struct {
	create, open func(name string) (io.Closer, error)
}{
	"section": {
		func(name string) (io.Closer, error) { return namedshm.Create(name, 1, namedshm.ReadWrite) },
		func(name string) (io.Closer, error) { return namedshm.Open(name, namedshm.Read) },
	},
	"event": {
		func(name string) (io.Closer, error) { return namedshm.CreateEvent(name, namedshm.AutoReset, false) },
		func(name string) (io.Closer, error) { return namedshm.OpenEvent(name, namedshm.AllRights) },
	},
	"mutex": {
		func(name string) (io.Closer, error) { return namedshm.CreateMutex(name, false) },
		func(name string) (io.Closer, error) { return namedshm.OpenMutex(name, namedshm.AllRights) },
	},
	"semaphore": {
		func(name string) (io.Closer, error) { return namedshm.CreateSemaphore(name, 0, 1) },
		func(name string) (io.Closer, error) { return namedshm.OpenSemaphore(name, namedshm.AllRights) },
	},
}

// TestPrefixesNest: a prefix may stand behind another, for objects of every kind: from Global on all is the machine's.
func TestPrefixesNest(t *testing.T) {
	_, prefixes := isolate(t)
	for kind, of := range makes {
		for _, prefix := range prefixes {
			name := strings.TrimPrefix(ownName(t, prefix)+kind, prefix)
			want := map[string]bool{ // whether the name behind it is the one that was made
				`Local\`: true, `Local\Local\`: true, `Local\Local\Local\`: true,
				`Global\`: false, `Global\Global\`: false, `Global\Local\`: false, `Local\Global\`: false,
				`Global\Local\Global\`: false,
			}
			made, err := of.create(prefix + name)
			if err != nil {
				t.Fatal(err)
			}
			for way, local := range want {
				found := local == (prefix == `Local\`)
				opened, err := of.open(way + name)
				if err == nil {
					opened.Close()
				}
				if found && err != nil || !found && !errors.Is(err, namedshm.ErrFileNotFound) {
					t.Errorf("%s made as %s, opened as %s: %v", kind, prefix+name, way+name, err)
				}
				if !found {
					continue
				}
				if again, err := of.create(way + name); !errors.Is(err, namedshm.ErrAlreadyExists) {
					t.Errorf("%s made as %s, made as %s: %v, %v", kind, prefix+name, way+name, again, err)
				}
			}
			if err := made.Close(); err != nil {
				t.Error(err)
			}
		}
		for way, code := range map[string]error{
			`Local\Global`: namedshm.ErrInvalidHandle, `Global\Local`: namedshm.ErrInvalidHandle,
			`Local\Local\`: namedshm.ErrInvalidName, `Local\Local\a\b`: namedshm.ErrPathNotFound,
		} {
			if _, err := of.create(way); !errors.Is(err, code) {
				t.Errorf("%s %s: %v, want %v", kind, way, err, code)
			}
		}
	}
}
