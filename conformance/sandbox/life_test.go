//go:build linux

package sandbox

import (
	"os"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestLocalNames: in a sandbox that does not map the host's root Local names are what they are on the host: made,
// opened, waited for, and gone with who held them.
func TestLocalNames(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		maker, visitor := l.let(), l.let()
		made := maker.must(request{Op: "create", Name: "Object"}).Handle
		m := maker.must(request{Op: "map", Handle: made}).Handle
		maker.must(request{Op: "write", Handle: m, Text: "from in here"})
		opened := visitor.must(request{Op: "open", Name: `Local\Object`}).Handle
		m = visitor.must(request{Op: "map", Handle: opened}).Handle
		if got := visitor.must(request{Op: "read", Handle: m, Number: 12}).Text; got != "from in here" {
			t.Errorf("the visitor reads %q", got)
		}
		visitor.refused(request{Op: "create", Name: "Object"}, namedshm.ErrAlreadyExists)

		visitor.ask(request{Op: "waitopen", Name: "Later"})
		maker.must(request{Op: "create", Name: "Later"})
		if got := visitor.answer(); got.Error != "" {
			t.Errorf("who waited for the name: %s", got.Error)
		}
		visitor.must(request{Op: "close", Handle: 2})

		maker.must(request{Op: "mutex create", Name: "Mutex"})
		visitor.must(request{Op: "mutex open", Name: "Mutex"})
		maker.kill()
		if got := visitor.must(request{Op: "mutex lock", Name: "Mutex"}).Text; got != "true" {
			t.Errorf("the mutex of the killed process: abandoned %s", got)
		}
		visitor.refused(request{Op: "open", Name: "Later"}, namedshm.ErrFileNotFound)
		visitor.must(request{Op: "unmap", Handle: m})
		visitor.must(request{Op: "close", Handle: opened})
		visitor.refused(request{Op: "open", Name: "Object"}, namedshm.ErrFileNotFound)
		again := visitor.must(request{Op: "create", Name: "Object"}).Handle
		m = visitor.must(request{Op: "map", Handle: again}).Handle
		if got := visitor.must(request{Op: "read", Handle: m, Number: 4}).Text; got != "\x00\x00\x00\x00" {
			t.Errorf("the new memory has %q", got)
		}
	})
}

// TestGlobalNames: the host's are opened with the access that its root gave, waited for, and gone when they are gone
// there. They are not made here, and who tries is told who could.
func TestGlobalNames(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		root := s.host(nil)
		l := s.in(h)
		in := l.let()
		in.refused(request{Op: "create", Name: holding}, namedshm.ErrAccessDenied, "the host's root")
		in.refused(request{Op: "open", Name: holding}, namedshm.ErrFileNotFound)
		in.refused(request{Op: "setup"}, namedshm.Code(1314), "the host's root")
		in.ask(request{Op: "waitopen", Name: holding, Access: read})
		made := root.Must(request{Op: "create", Name: holding, Share: "read"}).Handle
		m := root.Must(request{Op: "map", Handle: made}).Handle
		root.Must(request{Op: "write", Handle: m, Text: "from the host"})
		opened := in.answer().Handle
		view := in.must(request{Op: "map", Handle: opened, Access: read}).Handle
		if got := in.must(request{Op: "read", Handle: view, Number: 13}).Text; got != "from the host" {
			t.Errorf("it reads %q", got)
		}
		in.refused(request{Op: "open", Name: holding}, namedshm.ErrAccessDenied)
		in.refused(request{Op: "openorcreate", Name: `Global\Other`}, namedshm.ErrAccessDenied, "the host's root")
		root.Must(request{Op: "create", Name: `Global\Private`})
		in.refused(request{Op: "open", Name: `Global\Private`, Access: read}, namedshm.ErrAccessDenied)

		root.Must(request{Op: "event create", Name: `Global\Event`})
		in.must(request{Op: "event open", Name: `Global\Event`})
		in.ask(request{Op: "event wait", Name: `Global\Event`})
		root.Must(request{Op: "event set", Name: `Global\Event`})
		if got := in.answer(); got.Error != "" {
			t.Errorf("the wait: %s", got.Error)
		}

		root.Kill()
		in.must(request{Op: "unmap", Handle: view})
		in.must(request{Op: "close", Handle: opened})
		in.refused(request{Op: "open", Name: holding, Access: read}, namedshm.ErrFileNotFound)
	})
}

// TestDirectoryIsBeingMade: whoever waits here for a Global name waits on when the host's root has made the directory,
// and has not yet put its sign on it.
func TestDirectoryIsBeingMade(t *testing.T) {
	for range 8 {
		s := newSetting(t)
		root := s.host(nil)
		in := s.in(bubble(member)).let()
		in.refused(request{Op: "open", Name: holding}, namedshm.ErrFileNotFound)
		in.ask(request{Op: "waitopen", Name: holding, Access: read})
		must(t, os.Mkdir(globalDirectory(t), 0o755))
		root.Must(request{Op: "create", Name: holding, Share: "read"})
		if got := in.answer(); got.Error != "" {
			t.Fatalf("the wait: %s", got.Error)
		}
		root.Leave()
		s.clear()
	}
}

// TestMembersOnBothSides: a member of the group that may make Global names keeps that right in a sandbox, which shows
// the group and everybody else as nobody. What is made in there is alive out here, and the other way round, whatever
// numbers its maker has in either: nobody buries the other's.
func TestMembersOnBothSides(t *testing.T) {
	s := newSetting(t)
	root := s.host(nil)
	root.Must(request{Op: "setup", Group: club})
	out := s.host(member)
	for _, h := range []house{bubble(member), rootWithGroups(member)} {
		t.Run(h.title, func(t *testing.T) {
			s.t = t
			inner := s.in(h).let()
			inner.must(request{Op: "create", Name: `Global\Inner`, Share: "read"})
			outer := out.Must(request{Op: "create", Name: `Global\Outer`, Share: "read"}).Handle
			for _, other := range []*actor{root, out} {
				h := other.Must(request{Op: "open", Name: `Global\Inner`, Access: read}).Handle
				other.Must(request{Op: "bury", Space: namedshm.Global})
				other.Must(request{Op: "close", Handle: h})
			}
			opened := inner.must(request{Op: "open", Name: `Global\Outer`, Access: read}).Handle
			inner.must(request{Op: "bury", Space: namedshm.Global})
			inner.must(request{Op: "close", Handle: opened})
			out.Must(request{Op: "stat", Name: `Global\Outer`})
			out.Must(request{Op: "close", Handle: outer})
			root.Must(request{Op: "stat", Name: `Global\Inner`})
			inner.kill()
			root.Refused(request{Op: "open", Name: `Global\Inner`, Access: read}, namedshm.ErrFileNotFound)
		})
	}
}
