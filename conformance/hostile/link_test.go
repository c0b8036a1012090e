//go:build linux

package hostile

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// TestHardLinks: another name for an entry's file is no other name of the object; nor does a link that somebody kept
// bring an object back.
func TestHardLinks(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, s *setting, name string) {
		v := s.holding(s.as(nil), name, "", "")
		other := s.as(nil)
		before := v.Must(request{Op: "count"})
		second := filepath.Join(filepath.Dir(v.Entry), "Second")
		kept := filepath.Join(s.Root, "kept")
		must(t, os.Link(v.Entry, second))
		must(t, os.Link(v.Entry, kept))
		alias := namespaceOf(name).String() + "Second"
		for _, op := range []string{"open", "create", "openorcreate", "stat"} {
			other.Refused(request{Op: op, Name: alias}, namedshm.ErrFileCorrupt)
		}
		other.Must(request{Op: "bury", Space: namespaceOf(name)})
		if _, err := os.Lstat(second); err != nil {
			t.Errorf("what is no entry of that name was not left alone: %v", err)
		}
		v.unharmed(other, before)
		v.Kill()
		// The link that was kept leads to the dead entry, and is put into its place again and again.
		for range 3 {
			os.Remove(v.Entry)
			must(t, os.Link(kept, v.Entry))
			other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
			if _, err := os.Lstat(v.Entry); err == nil {
				t.Error("the dead entry was not buried")
			}
		}
		must(t, os.Remove(second))
		again := s.holding(s.as(nil), name, "", "")
		// And over the living: the name is taken away, as anybody can who may write the directory. Who has it keeps it.
		must(t, os.Link(kept, kept+"-2"))
		must(t, os.Rename(kept+"-2", v.Entry))
		other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		again.unharmed(nil, again.Must(request{Op: "count"}))
		again.Kill()
		s.nothingLeft(other)
	})
}

// TestLinksOfAnother: a stranger cannot link what is not his into a place where it means something, and what he links
// to from his own directory's place is not followed.
func TestLinksOfAnother(t *testing.T) {
	s := newSetting(t)
	v := s.holding(s.as(owner), local, "", "")
	before := v.Must(request{Op: "count"})
	home := filepath.Dir(v.Entry)
	attacker := s.as(stranger)
	if got := attacker.Must(request{Op: "link", Text: v.Entry, Name: filepath.Join(s.Root, "loot")}); got.Text == "" {
		t.Error("a stranger links another's entry")
	}
	// In the place of the directory that another user will make lies a link to the victim's.
	path := s.homeOf(home, owner.UID, member.UID)
	must(t, os.Symlink(home, path))
	must(t, unix.Lchown(path, stranger.UID, stranger.GID))
	for _, op := range []string{"create", "open", "stat", "list", "bury"} {
		got := s.as(member).Do(request{Op: op, Name: local, Space: namedshm.Local})
		if got.Code != namedshm.ErrAccessDenied {
			t.Errorf("%s through a link: %+v", op, got)
		}
	}
	v.unharmed(s.as(owner), before)
	// The same call works on what is the caller's own.
	own := filepath.Join(s.Root, "own")
	must(t, os.WriteFile(own, nil, 0o600))
	must(t, os.Chown(own, stranger.UID, stranger.GID))
	if got := attacker.Must(request{Op: "link", Text: own, Name: own + "-2"}); got.Text != "" {
		t.Errorf("nobody can link anything: %s", got.Text)
	}
}

// homeOf is the Local directory of another user.
func (s *setting) homeOf(directory string, from, to int) string {
	base := filepath.Base(directory)
	prefix, other := "namedshm-u"+itoa(from)+"-", "namedshm-u"+itoa(to)+"-"
	return filepath.Join(s.Root, other+base[len(prefix):])
}
