package kernel

import (
	"context"
	"math"
	"os"
	"testing"
)

// wideVariable says that Local\Wide and Global\Wide are there, of 5 GiB each, made by a process of 64 bits.
const wideVariable = "NAMEDSHM_TEST_WIDE"

// TestMoreThanCanBeMapped: what is larger than the address space is refused. Of a Local section that another process has
// made a process of 32 bits can map parts.
func TestMoreThanCanBeMapped(t *testing.T) {
	if math.MaxInt > math.MaxInt32 {
		t.Skip("here all that a section can be can be mapped; conformance/limits runs this for 32 bits")
	}
	prefixes := []string{`Local\`}
	if os.Geteuid() == 0 {
		prefixes = append(prefixes, `Global\`)
	}
	if os.Getenv(wideVariable) == "" {
		ownRoot(t)
	}
	for _, prefix := range append(prefixes, "") {
		for _, size := range []int64{1<<31 - 1, 1 << 31, 3 << 30, 1<<32 - 1, 1 << 32, 1<<32 + 4096, 1 << 40} {
			name := prefix + "New"
			if prefix == "" {
				name = ""
			}
			s, _, err := CreateSection(context.Background(), name, Spec{Size: size, Protection: PageReadWrite, Commit: CommitNever}, Read|Write, MustBeNew)
			if codeOf(err) != NotEnoughMemory {
				t.Errorf("%q of %d bytes: %v", name, size, err)
			}
			if err == nil {
				s.Close()
			}
		}
	}
	if os.Getenv(wideVariable) == "" {
		return
	}
	if _, err := OpenSection(context.Background(), `Global\Wide`, Read); len(prefixes) > 1 && codeOf(err) != NotEnoughMemory {
		t.Errorf("a Global section of 5 GiB: %v", err)
	}
	s, err := OpenSection(context.Background(), `Local\Wide`, Read|Write)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, length := range []int64{0, 1 << 31, 1 << 32, 1<<32 + 4096, 5 << 30} {
		if _, err := s.Map(0, length, Read); codeOf(err) != NotEnoughMemory {
			t.Errorf("a view of %d bytes: %v", length, err)
		}
	}
	v, err := s.Map(5<<30-Granularity, 0, Read|Write)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	copy(v.Bytes()[Granularity-8:], "from 32.")
}
