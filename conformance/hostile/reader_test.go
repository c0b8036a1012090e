//go:build linux

package hostile

import (
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// strike makes the attacks on a victim, each as a test of its own. None may succeed.
func strike(t *testing.T, v *victim, attacker, visitor *actor, skip func(*attack) bool) {
	t.Helper()
	before := v.Must(request{Op: "count"})
	tried := 0
	for i := range attacks {
		if skip(&attacks[i]) {
			continue
		}
		tried++
		t.Run(attacks[i].name, func(t *testing.T) {
			got := attacker.Must(request{Op: "attack", Text: attacks[i].name, Own: asked{Object: v.object}})
			if got.Text == "" {
				t.Errorf("it succeeded")
			}
			v.T = t
			v.unharmed(visitor, before)
		})
	}
	v.T = t
	if tried < 20 {
		t.Errorf("only %d attacks were made", tried)
	}
}

// TestReaderStaysReader: who may read a Global object gets nothing else by any way, and neither does one who is root in
// a user namespace that he has made.
func TestReaderStaysReader(t *testing.T) {
	for title, start := range map[string]func(s *setting) *actor{
		"a stranger":                             func(s *setting) *actor { return s.as(stranger) },
		"a stranger, root in a namespace of his": func(s *setting) *actor { return s.asRootOf(stranger) },
	} {
		t.Run(title, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(nil), world, "read", "")
			strike(t, v, start(s), s.as(owner), func(*attack) bool { return false })
			v.Kill()
			s.nothingLeft(s.as(nil))
		})
	}
}

// TestStrangerStaysOutside: a Local object is out of reach for another user, whatever he knows of it.
func TestStrangerStaysOutside(t *testing.T) {
	for title, start := range map[string]func(s *setting) *actor{
		"a stranger":                             func(s *setting) *actor { return s.as(stranger) },
		"a stranger, root in a namespace of his": func(s *setting) *actor { return s.asRootOf(stranger) },
	} {
		t.Run(title, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(owner), local, "", "")
			if v.Descriptor < 0 {
				t.Fatal("the victim has no memfd")
			}
			strike(t, v, start(s), s.as(owner), (*attack).needsSegment)
			v.Kill()
			s.nothingLeft(s.as(owner))
		})
	}
}

// TestTheAttacksWork: each of these attacks succeeds where it must: of root, on an object that root may write. One that
// never did would show nothing.
func TestTheAttacksWork(t *testing.T) {
	for i := range attacks {
		t.Run(attacks[i].name, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(nil), world, "read", "")
			if attacks[i].name == "opening the victim's descriptors for writing" {
				v = s.holding(s.as(owner), local, "", "") // a segment has no descriptor, but the entry is open for reading
			}
			v.Write = true
			if got := s.as(nil).Must(request{Op: "attack", Text: attacks[i].name,
				Own: asked{Object: v.object}}); got.Text != "" {
				t.Errorf("root fails: %s", got.Text)
			}
			if got := v.Must(request{Op: "read", Handle: v.view, Number: int64(len(precious))}).Text; got != precious {
				t.Errorf("the victim reads %q", got)
			}
		})
	}
}

// TestAttackersAreWhoTheySay: root in a namespace of his own is nobody outside of it.
func TestAttackersAreWhoTheySay(t *testing.T) {
	s := newSetting(t)
	for _, c := range []struct {
		a    *actor
		want *actors.User
	}{{s.as(stranger), stranger}, {s.asRootOf(stranger), stranger}} {
		if uid := ownerOf(t, c.a.PID); uid != c.want.UID {
			t.Errorf("the attacker is user %d, want %d", uid, c.want.UID)
		}
	}
}
