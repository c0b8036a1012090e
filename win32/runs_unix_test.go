//go:build unix && !aix

package win32

import (
	"math/rand"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestRunsAreAnArray: runs agree with an array of the same values, and are no more than necessary.
func TestRunsAreAnArray(t *testing.T) {
	seed, err := strconv.ParseInt(os.Getenv("NAMEDSHM_SEED"), 10, 64)
	if err != nil {
		seed = time.Now().UnixNano()
	}
	t.Logf("NAMEDSHM_SEED=%d", seed)
	random := rand.New(rand.NewSource(seed))
	const size, changes = 24, 20000
	var array [size]uint32
	var r runs
	for range changes {
		from, to, value := random.Intn(size), random.Intn(size+1), uint32(random.Intn(3))
		r.set(uintptr(from), uintptr(to), value)
		for i := from; i < to; i++ {
			array[i] = value
		}
		needed, before := 0, uint32(0)
		for i, want := range array {
			value, end := r.at(uintptr(i))
			if value != want {
				t.Fatalf("after %d to %d became %d: %v say %d of %d, want %d", from, to, value, r, value, i, want)
			}
			if end <= uintptr(i) || end < size && array[end] == want || end > uintptr(i)+1 && i+1 < size && array[i+1] != want {
				t.Fatalf("%v say that the value at %d ends at %d: %v", r, i, end, array)
			}
			if want != before {
				needed++
			}
			before = want
		}
		if before != 0 {
			needed++ // its end
		}
		if len(r) != needed {
			t.Fatalf("%v are %d runs, want %d", r, len(r), needed)
		}
	}
}
