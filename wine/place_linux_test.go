package wine

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPlacedImageGoes: the helper's file is removed although the server's directory has been closed before, as after a
// launch that failed, and although the file cannot be written.
func TestPlacedImageGoes(t *testing.T) {
	for _, closed := range []bool{false, true} {
		dir := t.TempDir()
		home, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		image, err := placeBeside(home)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(image.path); err != nil {
			t.Error(err)
		}
		if closed {
			home.Close()
		}
		image.remove()
		home.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("closed before: %v; it left %v, %v", closed, left, err)
		}
	}
	if os.Geteuid() != 0 {
		return // only root can mount what is full
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := os.WriteFile(dir+"/fill", make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	home, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	if _, err := placeBeside(home); err == nil {
		t.Error("a full file system takes it")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("it left %v", left)
	}
}
