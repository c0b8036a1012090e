//go:build linux

package hostile

import (
	"fmt"
	"os"
	"testing"
	"unicode/utf16"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/win32"
)

// deleted makes a file that goes with its handle, and closes that.
func deleted(r request) (reply, error) {
	path := utf16.Encode([]rune(r.Name + "\x00"))
	h, err := win32.CreateFile(&path[0], win32.GENERIC_READ|win32.GENERIC_WRITE, 0, nil, win32.CREATE_NEW,
		win32.FILE_FLAG_DELETE_ON_CLOSE, 0)
	if err != nil {
		return reply{}, err
	}
	actors.BeginMark()
	defer actors.EndMark()
	return reply{}, win32.CloseHandle(h)
}

// TestDeleteRaced: root's file that goes with its handle lies in a stranger's directory, who puts a link in the place
// of that before any one of the system calls that remove the file. Nothing is removed where the link leads.
func TestDeleteRaced(t *testing.T) {
	s := newSetting(t)
	root, thief, v := s.as(nil), s.as(stranger), s.treasure()
	home := s.Root + "/home"
	for n := 1; ; n++ {
		s.clear()
		if got := thief.Must(request{Op: "plant", Text: "an empty directory", Name: home}); got.Text != "" {
			t.Fatal(got.Text)
		}
		tr := actors.Trace(t, root.Process)
		root.Ask(request{Op: "deleted", Name: home + "/key"})
		call, last := tr.StopBefore(n)
		when := fmt.Sprintf("before call %d, %s", n, call)
		if got := thief.Must(request{Op: "move", Text: home, Name: s.Root + "/away"}); got.Text != "" {
			t.Fatalf("%s: %s", when, got.Text)
		}
		thief.Must(request{Op: "plant", Text: "a link to a directory", Name: home, Own: asked{Treasure: v.path}})
		tr.LetGo()
		root.Succeeded(request{Op: "deleted"}, root.Answer())
		v.untouched(t, when)
		if last {
			if _, err := os.Lstat(s.Root + "/away/key"); err == nil {
				t.Error("the file is still there, though nobody came between")
			}
			return
		}
	}
}
