//go:build unix && !aix

package kernel

import (
	"strings"
	"testing"
)

// FuzzFileName: the file of a name is in the directory, is hidden from nobody, and can be read back unless it is a
// hash.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"Counter", ".", "..", "a/b", "a%2Fb", "~x", strings.Repeat("é", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		file := fileName(name)
		if name == "" || name[0] == '\\' { // not a user's
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
