//go:build linux

package lifetime

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestKilledHolder: after kill -9 of the last holder the next Open says not-found at once, and Create gives zeroes.
func TestKilledHolder(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		for _, first := range []string{"open", "create", "openorcreate", "stat"} {
			holder, other := w.start(t), w.start(t)
			h := holder.Must(request{Op: "create", Name: name}).Handle
			v := holder.Must(request{Op: "map", Handle: h}).Handle
			holder.Must(request{Op: "write", Handle: v, Text: strings.Repeat("x", 4096)})
			holder.Kill()
			if first == "open" || first == "stat" {
				other.Refused(request{Op: first, Name: name}, namedshm.ErrFileNotFound)
				first = "create"
			}
			made := other.Must(request{Op: first, Name: name})
			if !made.Created {
				t.Errorf("%s found the dead object", first)
			}
			other.Must(request{Op: "stamp", Handle: made.Handle, Number: newStamp()}) // fails unless all is zero
			other.Must(request{Op: "close", Handle: made.Handle})
			w.nothingLeft(other)
			other.Leave()
		}
	})
}

// TestKilledHoldersMemory: the memory of a killed holder is gone as soon as the process is reaped, before anybody calls
// the library again.
func TestKilledHoldersMemory(t *testing.T) {
	needNative(t, "the memory of crashed holders goes with the next call")
	const (
		size = 512 << 20
		// Other processes live, and share memory too. If they take or give back more than this meanwhile, the
		// measurement says nothing, and is made again; a leak would show every time.
		tolerance = 8 << 20
		tries     = 40
	)
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		for try := 1; ; try++ {
			holder := w.start(t)
			before := sharedMemory(t)
			h := holder.Must(request{Op: "create", Name: name, Size: size}).Handle
			v := holder.Must(request{Op: "map", Handle: h}).Handle
			holder.Must(request{Op: "fill", Handle: v})
			held := sharedMemory(t)
			holder.Kill()
			after := sharedMemory(t)
			t.Logf("Shmem before %d MiB, held %d MiB, after kill -9 %d MiB", before>>20, held>>20, after>>20)
			if held-before > size-tolerance && after-before < tolerance {
				break
			}
			if try == tries {
				t.Fatalf("Shmem went from %d to %d bytes with an object of %d, and to %d after its holder was killed", before, held,
					size, after)
			}
		}
		w.start(t).Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
	})
}

// sharedMemory is the machine's shared memory in use, in bytes.
func sharedMemory(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Shmem:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("/proc/meminfo does not tell Shmem")
	return 0
}
