//go:build linux

package limits

import (
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/sections"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

const (
	local = `Local\Object`
	world = `Global\Object`
	read  = uint32(namedshm.Read)
)

// setting is one test's root directory, and the actors in it.
type setting struct {
	*actors.World
	t *testing.T
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	actors.NeedRoot(t, "it takes namespaces and limits")
	if actors.OnFileBacking() {
		t.Skip("the file backing has other limits")
	}
	return &setting{actors.NewWorld(t), t}
}

// actor is a process that does what it is told. What it is told here can take a while.
type actor struct {
	*sections.Actor[asked, told]
}

func (s *setting) actor(p *actors.Process) *actor {
	return &actor{&sections.Actor[asked, told]{Process: p, T: s.t, Patience: 2 * time.Minute}}
}

func (s *setting) start(environment ...string) *actor {
	s.t.Helper()
	return s.actor(s.Start(s.t, nil, environment...))
}

// within starts an actor in new namespaces, where root has run a script first.
func (s *setting) within(flags uintptr, script string) *actor {
	s.t.Helper()
	return s.actor(s.StartWith(s.t, actors.Script(script, flags), nil))
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (s *setting) nothingLeft() {
	s.t.Helper()
	sections.NothingLeft(s.World, s.start().Actor)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
