//go:build linux

package limits

import (
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
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

// actor is a process that does what it is told.
type actor struct {
	*actors.Process
	t *testing.T
}

func (s *setting) start(environment ...string) *actor {
	s.t.Helper()
	return &actor{s.Start(s.t, nil, environment...), s.t}
}

// within starts an actor in new namespaces, where root has run a script first.
func (s *setting) within(flags uintptr, script string) *actor {
	s.t.Helper()
	return &actor{s.StartWith(s.t, actors.Script(script, flags), nil), s.t}
}

// do sends a command and waits for its answer.
func (a *actor) do(r request) (answer reply) {
	a.t.Helper()
	a.Ask(r)
	a.AnswerWithin(2*time.Minute, &answer)
	return answer
}

// must is do for what has to succeed.
func (a *actor) must(r request) reply {
	a.t.Helper()
	got := a.do(r)
	if got.Error != "" {
		a.t.Fatalf("%s %s: %s", r.Op, r.Name, got.Error)
	}
	return got
}

// refused is do for what has to fail with this code, and an error that says all these words.
func (a *actor) refused(r request, code namedshm.Code, words ...string) reply {
	a.t.Helper()
	got := a.do(r)
	if got.Code != code {
		a.t.Fatalf("%s %s: want %v, got %+v", r.Op, r.Name, code, got)
	}
	for _, word := range words {
		if !strings.Contains(got.Error, word) {
			a.t.Errorf("%s %s: the error does not say %q: %s", r.Op, r.Name, word, got.Error)
		}
	}
	return got
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (s *setting) nothingLeft() {
	s.t.Helper()
	by := s.start()
	s.NothingLeft(s.t, false, func() {
		s.t.Helper()
		by.must(request{Op: "bury", Space: namedshm.LocalNamespace})
		by.must(request{Op: "bury", Space: namedshm.GlobalNamespace})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
