//go:build linux

package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/sections"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

// Users that no machine has. None of them has a privilege.
var (
	stranger = &actors.User{UID: 64101, GID: 64101}
	owner    = &actors.User{UID: 64102, GID: 64102}
	member   = &actors.User{UID: 64103, GID: 64103, Groups: []uint32{64110}}
	fellow   = &actors.User{UID: 64104, GID: 64104, Groups: []uint32{64110}}
)

const (
	club  = "64110" // the group of member and fellow
	read  = uint32(namedshm.Read)
	local = `Local\Object`
	world = `Global\Object`
)

// setting is one test's root directory, and the actors in it.
type setting struct {
	*actors.World
	t *testing.T
}

// newSetting skips the test where it cannot run: without root, and on the backing that makes other promises.
func newSetting(t *testing.T) *setting {
	t.Helper()
	actors.NeedRoot(t, "it takes other users and namespaces")
	if actors.OnFileBacking() {
		t.Skip("the file backing trusts its writers, and has neither doors nor segments")
	}
	return &setting{actors.NewWorld(t), t}
}

// as starts an actor as a user; nil is root.
func (s *setting) as(user *actors.User, environment ...string) *actor {
	s.t.Helper()
	return &actor{Process: s.Start(s.t, user, environment...), T: s.t}
}

// within starts an actor in new namespaces, where root has run a script first.
func (s *setting) within(flags uintptr, script string, environment ...string) *actor {
	s.t.Helper()
	return &actor{Process: s.StartWith(s.t, actors.Script(script, flags), nil, environment...), T: s.t}
}

// asRootOf starts an actor that is root in a user namespace of its own, and the user outside of it.
func (s *setting) asRootOf(user *actors.User) *actor {
	s.t.Helper()
	return &actor{Process: s.StartWith(s.t, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: user.UID, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: user.GID, Size: 1}}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true}
	}, nil), T: s.t}
}

// entry is the path of an object's entry.
func (s *setting) entry(name string) string {
	s.t.Helper()
	pattern := "namedshm-u*"
	if strings.HasPrefix(name, `Global\`) {
		pattern = "namedshm-global*"
	}
	found, err := filepath.Glob(filepath.Join(s.Root, pattern, name[strings.IndexByte(name, '\\')+1:]))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("the entries of %s are %q, %v", name, found, err)
	}
	return found[0]
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (s *setting) nothingLeft(by *actor) {
	s.t.Helper()
	sections.NothingLeft(s.World, by)
}

// victim is an actor that holds an object with something precious in it.
type victim struct {
	*actor
	name string
	view int
	object
}

// object is what an attacker knows of a victim's: what everybody can find out, and more.
type object struct {
	PID        int
	Address    uint64 // of the victim's view
	Descriptor int    // of the memory; -1 for a segment
	Segment    int    // -1 where there is none
	Entry      string
	Write      bool // the attacker was allowed to write
}

const precious = "precious"

// holding makes an actor a victim.
func (s *setting) holding(a *actor, name, share, group string) *victim {
	s.t.Helper()
	h := a.Must(request{Op: "create", Name: name, Size: 4 * 65536, Share: share, Group: group})
	m := a.Must(request{Op: "map", Handle: h.Handle})
	v := &victim{actor: a, name: name, view: m.Handle, object: object{
		PID: a.PID, Address: m.Own.Address, Descriptor: -1, Segment: -1, Entry: s.entry(name),
	}}
	own := a.Must(request{Op: "reveal"}).Own
	v.Descriptor, v.Segment = own.Descriptor, own.Segment
	a.Must(request{Op: "write", Handle: v.view, Text: precious})
	return v
}

// unharmed wants the victim to be alive, to leak nothing, and to have its bytes; and others to be able to come.
func (v *victim) unharmed(visitor *actor, before reply) {
	v.T.Helper()
	if got := v.Must(request{Op: "read", Handle: v.view, Number: int64(len(precious))}).Text; got != precious {
		v.T.Errorf("the victim reads %q", got)
	}
	if after := v.Must(request{Op: "count"}); after.Number != before.Number || after.Text != before.Text {
		v.T.Errorf("the victim has %d descriptors and %s mappings, before it had %d and %s", after.Number, after.Text,
			before.Number, before.Text)
	}
	if visitor == nil {
		return
	}
	h := visitor.Must(request{Op: "open", Name: v.name, Access: read}).Handle
	m := visitor.Must(request{Op: "map", Handle: h, Access: read}).Handle
	if got := visitor.Must(request{Op: "read", Handle: m, Number: int64(len(precious))}).Text; got != precious {
		v.T.Errorf("a visitor reads %q", got)
	}
	visitor.Must(request{Op: "unmap", Handle: m})
	visitor.Must(request{Op: "close", Handle: h})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	must(t, os.RemoveAll(path))
}
