package kernel

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// wideVariable says that Local\Wide and Global\Wide exist, of 5 GiB each, made by a 64-bit process.
const wideVariable = "NAMEDSHM_TEST_WIDE"

// TestMoreThanCanBeMapped: a 32-bit process makes and opens sections that are larger than its address space, and maps
// parts of them, as it does in Windows. Global sections are whole attachments, and so are refused.
func TestMoreThanCanBeMapped(t *testing.T) {
	if math.MaxInt > math.MaxInt32 {
		t.Skip("here all that a section can be can be mapped; conformance/limits runs this for 32 bits")
	}
	prefixes := []string{"", `Local\`}
	if os.Geteuid() == 0 {
		prefixes = append(prefixes, `Global\`)
	}
	if os.Getenv(wideVariable) == "" {
		ownRoot(t)
	}
	for _, prefix := range prefixes {
		for _, size := range []int64{1<<31 - 1, 1 << 31, 3 << 30, 1<<32 - 1, 1 << 32, 1<<32 + 4096, 1 << 40} {
			makeWide(t, prefix, size)
		}
	}
	if os.Getenv(wideVariable) == "" {
		return
	}
	if _, err := OpenSection(context.Background(), `Global\Wide`, Read); len(prefixes) > 2 &&
		fault.CodeOf(err) != fault.NotEnoughMemory {
		t.Errorf("a Global section of 5 GiB: %v", err)
	}
	s, err := OpenSection(context.Background(), `Local\Wide`, Read|Write)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, length := range []int64{0, 1 << 31, 1 << 32, 1<<32 + 4096, 5 << 30} {
		if _, err := s.Map(0, length, Read); fault.CodeOf(err) != fault.NotEnoughMemory {
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

// makeWide makes a section that is wider than what this process can map, and maps its end.
func makeWide(t *testing.T, prefix string, size int64) {
	t.Helper()
	name := prefix
	if prefix != "" {
		name += "New"
	}
	s, _, err := CreateSection(context.Background(), name,
		Spec{Size: size, Protection: PageReadWrite, Commit: CommitNever}, Read|Write, MustBeNew)
	if prefix == `Global\` {
		if fault.CodeOf(err) != fault.NotEnoughMemory {
			t.Errorf("%q of %d bytes: %v", name, size, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%q of %d bytes: %v", name, size, err)
		return
	}
	defer s.Close()
	if got := s.Size(); got != roundToPages(size) {
		t.Errorf("%q of %d bytes has %d", name, size, got)
	}
	if _, err := s.Map(0, 0, Read); fault.CodeOf(err) != fault.NotEnoughMemory {
		t.Errorf("a view of all %d bytes of %q: %v", size, name, err)
	}
	end := (roundToPages(size) - 1) &^ (Granularity - 1)
	v, err := s.Map(end, 0, Read|Write)
	if err != nil {
		t.Errorf("the end of %q of %d bytes: %v", name, size, err)
		return
	}
	defer v.Close()
	if last := len(v.Bytes()) - 1; v.Bytes()[last] != 0 {
		t.Errorf("%q of %d bytes ends with %d", name, size, v.Bytes()[last])
	} else {
		v.Bytes()[last] = 1
	}
}
