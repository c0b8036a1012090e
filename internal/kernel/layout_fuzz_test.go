//go:build unix && !aix

package kernel

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// seal gives an entry's bytes the checksum that belongs to them, for the damage behind it to be met.
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

// FuzzHeader: no bytes make decoding panic, and no entry is believed that this version would not have written so: what
// was read, written anew, is what was there.
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

// FuzzFileName: the file of a name lies in the directory, hides from nobody, and unless it is a hash can be read back.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"Counter", ".", "..", "a/b", "a%2Fb", "~x", strings.Repeat("é", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		file := fileName(name)
		if name == "" {
			return
		}
		if file == "" || file[0] == '.' || strings.ContainsAny(file, "/\x00\n") || len(file) > 200 {
			t.Errorf("%.60q has the file %q", name, file)
		}
		if file[0] != '~' && objectName(file) != name {
			t.Errorf("%.60q has the file %q, which reads back as %q", name, file, objectName(file))
		}
		if strings.HasPrefix(name, "~") && file == name {
			t.Errorf("%.60q has the file of a hash", name)
		}
	})
}
