//go:build linux

package lifetime

import (
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// Users and groups that no machine has. None of them has a privilege.
var (
	stranger  = user{uid: 64101, gid: 64101}
	neighbour = user{uid: 64102, gid: 64102}
	member    = user{uid: 64103, gid: 64103, groups: []uint32{64110}}
	fellow    = user{uid: 64104, gid: 64104, groups: []uint32{64110}}
)

const club = "64110" // the group of member and fellow

const read = uint32(namedshm.Read)

// TestLocalIsPrivate: a Local name of one user means nothing to another, who may have the same name for an object of
// his own.
func TestLocalIsPrivate(t *testing.T) {
	needRoot(t, "it takes other users")
	w := newWorld(t)
	const name = `Local\Object`
	owner, other := w.startAs(t, stranger), w.startAs(t, neighbour)
	h := owner.Must(request{Op: "create", Name: name, Share: "write"}).Handle
	owner.Must(request{Op: "stamp", Handle: h, Number: 1})
	for _, op := range []string{"open", "stat"} {
		other.Refused(request{Op: op, Name: name}, namedshm.ErrFileNotFound)
	}
	if found := other.Must(request{Op: "list", Space: namedshm.Local}).List; len(found) != 0 {
		t.Errorf("another user's objects are listed: %q", found)
	}
	own := other.Must(request{Op: "create", Name: name})
	if got := other.Must(request{Op: "stamp", Handle: own.Handle, Number: 2}).Number; got != 2 {
		t.Errorf("two users share a Local object")
	}
	root := w.start(t)
	root.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
}

// TestGlobalAudience: who may open a Global object, and for what.
func TestGlobalAudience(t *testing.T) {
	needRoot(t, "it takes other users")
	const name = `Global\Object`
	for title, c := range map[string]struct {
		share, group    string
		member, outside uint32 // what a member of the group and a stranger may have; 0 for nothing
	}{
		"owner":          {"", "", 0, 0},
		"all read":       {"read", "", read, read},
		"all write":      {"write", "", uint32(namedshm.ReadWrite), uint32(namedshm.ReadWrite)},
		"a group reads":  {"read", club, read, 0},
		"a group writes": {"write", club, uint32(namedshm.ReadWrite), 0},
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			owner := w.start(t)
			h := owner.Must(request{Op: "create", Name: name, Share: c.share, Group: c.group}).Handle
			view := owner.Must(request{Op: "map", Handle: h}).Handle
			owner.Must(request{Op: "write", Handle: view, Text: "intact"})
			for _, who := range []struct {
				user user
				may  uint32
			}{{member, c.member}, {stranger, c.outside}} {
				a := w.startAs(t, who.user)
				want := "intact"
				if who.may == 0 {
					a.Refused(request{Op: "open", Name: name, Access: read}, namedshm.ErrAccessDenied)
				} else {
					opened := a.Must(request{Op: "open", Name: name, Access: read}).Handle
					seen := a.Must(request{Op: "map", Handle: opened, Access: read}).Handle
					if got := a.Must(request{Op: "read", Handle: seen, Number: 6}).Text; got != want {
						t.Errorf("user %d reads %q", who.user.uid, got)
					}
					a.Refused(request{Op: "map", Handle: opened}, namedshm.ErrAccessDenied)
				}
				if who.may != uint32(namedshm.ReadWrite) {
					a.Refused(request{Op: "open", Name: name}, namedshm.ErrAccessDenied)
					a.Refused(request{Op: "openorcreate", Name: name}, namedshm.ErrAccessDenied)
				} else {
					opened := a.Must(request{Op: "open", Name: name}).Handle
					mine := a.Must(request{Op: "map", Handle: opened}).Handle
					a.Must(request{Op: "write", Handle: mine, Text: "change"})
					want = "change"
				}
				if got := owner.Must(request{Op: "read", Handle: view, Number: 6}).Text; got != want {
					t.Errorf("after user %d the owner reads %q, want %q", who.user.uid, got, want)
				}
				owner.Must(request{Op: "write", Handle: view, Text: "intact"})
			}
		})
	}
}

// TestReaderCannotWrite: who may read a Global object cannot write it, whatever he tries.
func TestReaderCannotWrite(t *testing.T) {
	needRoot(t, "it takes other users")
	w := newWorld(t)
	const name = `Global\Object`
	owner, reader := w.start(t), w.startAs(t, stranger)
	h := owner.Must(request{Op: "create", Name: name, Share: "read"}).Handle
	view := owner.Must(request{Op: "map", Handle: h}).Handle
	owner.Must(request{Op: "write", Handle: view, Text: "intact"})
	opened := reader.Must(request{Op: "open", Name: name, Access: read}).Handle
	seen := reader.Must(request{Op: "map", Handle: opened, Access: read}).Handle
	got := reader.Must(request{Op: "attack", Handle: seen, Number: int64(owner.PID)})
	if len(got.List) != 0 {
		t.Errorf("a reader succeeded in %q", got.List)
	}
	if got.Number < 100 {
		t.Errorf("only %d ways were tried", got.Number)
	}
	t.Logf("%d ways were tried", got.Number)
	if text := owner.Must(request{Op: "read", Handle: view, Number: 6}).Text; text != "intact" {
		t.Errorf("the memory reads %q", text)
	}
	w.start(t).Must(request{Op: "open", Name: name})

	// The same ways are open to who may write: they are no way at all that always fails.
	writer := w.start(t)
	opened = writer.Must(request{Op: "open", Name: name}).Handle
	seen = writer.Must(request{Op: "map", Handle: opened}).Handle
	got = writer.Must(request{Op: "attack", Handle: seen, Number: int64(owner.PID)})
	if len(got.List) < 8 {
		t.Errorf("root succeeded only in %q", got.List)
	}
}

// TestGlobalPrivilege: only who may write the Global directory makes Global names; root can let a group do so.
func TestGlobalPrivilege(t *testing.T) {
	needRoot(t, "it takes other users")
	w := newWorld(t)
	const name = `Global\Object`
	refused := func(u user) {
		t.Helper()
		a := w.startAs(t, u)
		for _, op := range []string{"create", "openorcreate"} {
			got := a.Refused(request{Op: op, Name: name}, namedshm.ErrAccessDenied)
			if !strings.Contains(got.Error, "shm setup --group") || !strings.Contains(got.Error, w.Root) {
				t.Errorf("user %d is not told what to do: %s", u.uid, got)
			}
		}
		a.Refused(request{Op: "setup", Group: club}, namedshm.Code(1314)) // ERROR_PRIVILEGE_NOT_HELD
	}
	refused(stranger) // no directory
	root := w.start(t)
	h := root.Must(request{Op: "create", Name: name}).Handle
	root.Must(request{Op: "close", Handle: h})
	refused(stranger) // root's directory
	refused(member)
	root.Must(request{Op: "setup", Group: club})
	refused(stranger) // a group's directory

	a, b := w.startAs(t, member), w.startAs(t, fellow)
	made := a.Must(request{Op: "create", Name: name, Share: "write", Group: club}).Handle
	stamp := a.Must(request{Op: "stamp", Handle: made, Number: newStamp()}).Number
	opened := b.Must(request{Op: "open", Name: name}).Handle
	if got := b.Must(request{Op: "stamp", Handle: opened, Number: newStamp()}).Number; got != stamp {
		t.Errorf("two members hold two sections")
	}
	w.startAs(t, stranger).Refused(request{Op: "open", Name: name}, namedshm.ErrAccessDenied)
	a.Kill()
	b.Must(request{Op: "close", Handle: opened}) // buries what another member made
	b.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)

	// A dead name of one member is free for the other.
	c := w.startAs(t, member)
	private := request{Op: "create", Name: name}
	if onFileBacking() {
		// There the entry is the memory itself: who may not open it cannot find out that it is dead.
		private.Share, private.Group = "write", club
	}
	c.Must(private)
	c.Kill()
	b.Must(request{Op: "create", Name: name})
	b.Leave()
	w.nothingLeft(root)
}

// TestHoardedLocks: a reader who keeps every lock that he can get keeps no dead name alive, and hinders nobody.
func TestHoardedLocks(t *testing.T) {
	needRoot(t, "it takes other users")
	needNative(t, "there a reader's lock is a holder's")
	w := newWorld(t)
	const name = `Global\Object`
	owner, hoarder, other := w.start(t), w.startAs(t, stranger), w.start(t)
	h := owner.Must(request{Op: "create", Name: name, Share: "read"}).Handle
	if got := hoarder.Must(request{Op: "hoard"}).Number; got != 1 {
		t.Fatalf("%d entries were locked", got)
	}
	opened := other.Must(request{Op: "open", Name: name}).Handle
	other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
	owner.Must(request{Op: "close", Handle: h})
	other.Must(request{Op: "open", Name: name})
	other.Must(request{Op: "close", Handle: opened})
	other.Must(request{Op: "close", Handle: opened + 1})
	other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)

	// The same when the last holder is killed.
	owner.Must(request{Op: "create", Name: name, Share: "read"})
	if got := hoarder.Must(request{Op: "hoard"}).Number; got != 1 {
		t.Fatalf("%d entries were locked", got)
	}
	owner.Kill()
	hoarder.Refused(request{Op: "open", Name: name, Access: read}, namedshm.ErrFileNotFound)
	other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
	if found := other.Must(request{Op: "list", Space: namedshm.Global}).List; len(found) != 0 {
		t.Errorf("dead names are listed: %q", found)
	}
	other.Must(request{Op: "create", Name: name})
	other.Leave()
	w.nothingLeft(w.start(t))
}
