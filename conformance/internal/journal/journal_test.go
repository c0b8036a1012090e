//go:build linux

package journal

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

// TestJournal: what two append is read in its order, and every record divides a page.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	var both [2]*Journal
	for i := range both {
		var err error
		if both[i], err = Open(path); err != nil {
			t.Fatal(err)
		}
	}
	both[0].Append([]byte("one"))
	both[1].Append([]byte("two"))
	both[0].Append(bytes.Repeat([]byte("3"), Len))
	got, err := Read(path, func(record []byte) string { return string(bytes.TrimRight(record, "\x00")) })
	if want := []string{"one", "two", string(bytes.Repeat([]byte("3"), Len))}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if 4096%Len != 0 {
		t.Errorf("%d bytes do not divide a page", Len)
	}
}
