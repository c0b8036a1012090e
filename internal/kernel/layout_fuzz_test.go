//go:build unix && !aix

package kernel

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// seal gives an entry's bytes a matching checksum, so that decoding gets past it.
func seal(file []byte) {
	if len(file) < headerLen {
		return
	}
	le := binary.LittleEndian
	length := int64(le.Uint32(file[80:]))
	name := ""
	if at := int64(nameAt(int(length))); at+length <= int64(len(file)) {
		name = string(file[at : at+length])
	}
	le.PutUint32(file[checkedLen:], checksum(file, name))
}

// FuzzHeader: no bytes make decoding panic, and no entry is believed that this version would not have written like
// that: written again, what was read gives the same bytes.
func FuzzHeader(f *testing.F) {
	for _, name := range []string{"Counter", strings.Repeat("n", inlineNameMax+1)} {
		h := sampleHeader(name)
		f.Add(h.encode(), false)
		f.Add(h.encode(), true)
	}
	f.Add([]byte("namedshm"), false)
	f.Fuzz(func(t *testing.T, file []byte, sealed bool) {
		if sealed {
			file = bytes.Clone(file)
			seal(file)
		}
		h, err := readBack(file)
		if err != nil {
			return
		}
		encoded := h.encode()
		if again, err := readBack(encoded); err != nil || again != h {
			t.Errorf("%+v reads back as %+v, %v", h, again, err)
		}
		if !bytes.Equal(encoded[:headerLen], file[:headerLen]) {
			t.Errorf("an entry is believed that nobody writes:\n% x\n% x", file[:headerLen], encoded[:headerLen])
		}
		first := make([]byte, longNameAt)
		copy(first, file)
		for i := range slotCount {
			if d, ok := doorAt(first, i); ok && (d.pid <= 0 || d.descriptor < 0) {
				t.Errorf("slot %d leads to %+v", i, d)
			}
		}
	})
}
