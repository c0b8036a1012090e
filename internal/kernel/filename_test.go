//go:build unix && !aix

package kernel

import (
	"strings"
	"testing"
)

// TestFileNames: different names have different files, none is hidden or leaves the directory, and short ones can be
// read back from a listing.
func TestFileNames(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"Counter", "counter", ".", "..", ".burial", "~x", "a/b", "a%2Fb", "a b", "é", "e\u0301", "a\nb", "%", "%25",
		strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("y", 201), strings.Repeat("é", 100),
		strings.Repeat("x", maxNameUnits), "~" + strings.Repeat("0", 64), strings.Repeat(".", 300),
	} {
		file := fileName(name)
		if before, ok := seen[file]; ok {
			t.Errorf("%.30q and %.30q share the file %q", before, name, file)
		}
		seen[file] = name
		if file[0] == '.' || strings.ContainsAny(file, "/\x00\n") || len(file) > 200 {
			t.Errorf("%.30q has the file %q", name, file)
		}
		if file[0] != '~' && objectName(file) != name {
			t.Errorf("%.30q has the file %q, which reads back as %q", name, file, objectName(file))
		}
	}
}
