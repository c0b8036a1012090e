//go:build linux

package riot

import (
	"math/rand/v2"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/upkeep"
)

// A parting is two processes that close the last two handles of a name at the same moment. One of them must see that it
// is the last, and remove the entry: nobody crashed, so nothing may be left. A riot does not show that, since whoever
// comes next removes what is dead.

// partingNames is how many names there are in one parting: few enough to be quick, enough to stop a process in the
// middle of closing one of them.
const partingNames = 8

// hold opens or makes all of the names.
func hold(names []string) (held []*namedshm.Section, err error) {
	for _, name := range names {
		s, _, err := namedshm.OpenOrCreate(name, sectionSize, namedshm.ReadWrite)
		if err != nil {
			return held, err
		}
		held = append(held, s)
	}
	return held, nil
}

// part closes what hold has opened.
func part(held []*namedshm.Section) error {
	for _, s := range held {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Part has a number of partings, and returns what they left: files in the directories. In each, one process is stopped
// where a system call begins or ends while it closes its handles, the other one closes its own, and then the first goes
// on.
func (p *Plan) Part(host actors.Host, times int) []string {
	host.Helper()
	random := rand.New(rand.NewPCG(p.Seed, 1))
	names := p.names(partingNames)
	slow, quick := p.World.Start(host, nil, p.Environment...), p.World.Start(host, nil, p.Environment...)
	for range times {
		do(host, slow, order{Do: "hold", Names: names})
		do(host, quick, order{Do: "hold", Names: names})
		tracer := actors.Trace(host, slow)
		slow.Ask(order{Do: "part"})
		tracer.StopAt("", 1+random.IntN(5*partingNames), 5*partingNames)
		do(host, quick, order{Do: "part"})
		tracer.LetGo()
		finish(host, slow)
		if left := p.World.Leftovers(host); left != nil {
			return left
		}
	}
	return nil
}

// Overtake has a process that opens a name stopped where it is about to take the memory, while the last holder closes
// and a third process opens the name or makes it. Whoever has no memory yet must not count as a holder. It returns what
// the third is told, if that is an error.
func (p *Plan) Overtake(host actors.Host) []string {
	host.Helper()
	names := p.names(1)
	last, slow, third := p.World.Start(host, nil, p.Environment...), p.World.Start(host, nil, p.Environment...),
		p.World.Start(host, nil, p.Environment...)
	for _, a := range []*actors.Process{last, slow, third} { // what they do the first time only is not among the calls
		do(host, a, order{Do: "hold", Names: names})
		do(host, a, order{Do: "part"})
	}
	do(host, last, order{Do: "hold", Names: names})
	tracer := actors.Trace(host, slow)
	slow.Ask(order{Do: "hold", Names: names})
	if !tracer.StopAt("pidfd_getfd", 1, 200) {
		host.Fatalf("an open takes no memory from its holder")
	}
	do(host, last, order{Do: "part"})
	third.Ask(order{Do: "hold", Names: names})
	var told answer
	third.Answer(&told)
	tracer.LetGo()
	finish(host, slow)
	if told.Error != "" {
		return []string{told.Error}
	}
	return nil
}

// do has a process do what has to succeed.
func do(host actors.Host, p *actors.Process, o order) answer {
	host.Helper()
	p.Ask(o)
	return finish(host, p)
}

func finish(host actors.Host, p *actors.Process) (a answer) {
	host.Helper()
	if p.Answer(&a); a.Error != "" {
		host.Fatalf("process %d: %s", p.PID, a.Error)
	}
	return a
}

// NothingLeft buries what the dead have left, and fails the host if anything is there afterwards: an entry, or a System
// V segment. It returns how much it buried.
func (p *Plan) NothingLeft(host actors.Host) (buried int) {
	host.Helper()
	by := p.World.Start(host, nil, p.Environment...)
	p.World.NothingLeft(host, actors.OnFileBacking(), func() { buried += do(host, by, order{Do: "bury"}).Buried })
	return buried
}

// bury removes what is dead in both namespaces.
func bury() (buried int, err error) {
	for _, n := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		found, err := upkeep.Sweep(n)
		if err != nil {
			return buried, err
		}
		for _, b := range found {
			if b.Swept {
				buried++
			}
		}
	}
	return buried, nil
}
