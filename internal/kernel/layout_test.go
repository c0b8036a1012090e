//go:build unix && !aix

package kernel

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// readBack decodes an entry's bytes as openEntry does.
func readBack(file []byte) (h header, err error) {
	first := make([]byte, longNameAt)
	copy(first, file)
	err = h.decode(first, func(b []byte, off int64) (int, error) {
		n, err := bytes.NewReader(file).ReadAt(b, off)
		if err == io.EOF {
			err = nil
		}
		return n, err
	})
	return h, err
}

func sampleHeader(name string) header {
	return header{
		kind: KindSection, size: 12288, protection: PageReadWrite, backing: backingMemfd, token: token{1, 2, 3},
		identity: [3]uint64{4, 5, 6}, created: 7, mode: 0o600, name: name,
	}
}

func TestHeaderSurvivesItsEntry(t *testing.T) {
	for _, length := range []int{0, 1, inlineNameMax, inlineNameMax + 1, maxNameBytes} {
		h := sampleHeader(strings.Repeat("n", length))
		got, err := readBack(h.encode())
		if err != nil || got != h {
			t.Errorf("a name of %d bytes: %v %+.80v", length, err, got)
		}
	}
}

// TestDamageIsSeen flips every bit of the checked part, and cuts the entry at every length.
func TestDamageIsSeen(t *testing.T) {
	h := sampleHeader("Counter")
	whole := h.encode()
	for i := range checkedLen + 4 {
		for bit := range 8 {
			damaged := bytes.Clone(whole)
			damaged[i] ^= 1 << bit
			if _, err := readBack(damaged); err == nil {
				t.Errorf("bit %d of byte %d is flipped, and nobody sees it", bit, i)
			}
		}
	}
	for n := range headerLen + len(h.name) {
		if _, err := readBack(whole[:n]); err == nil {
			t.Errorf("the entry is cut to %d bytes, and nobody sees it", n)
		}
	}
}

func TestOtherVersionIsTold(t *testing.T) {
	h := sampleHeader("Counter")
	b := h.encode()
	b[8]++
	if _, err := readBack(b); !errors.Is(err, errOtherVersion) {
		t.Errorf("%v", err)
	}
}
