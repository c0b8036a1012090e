//go:build linux

package lifetime

import (
	"errors"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/sections"
)

type (
	request = sections.Request[struct{}]
	reply   = sections.Reply[struct{}]
	actor   = sections.Actor[struct{}, struct{}]
)

// stage is what an actor holds.
type stage struct {
	*sections.Stage[struct{}, struct{}]
	ends
	locked []int // descriptors that keep locks
}

// act is the actor's program.
func act() {
	s := &stage{Stage: sections.NewStage[struct{}, struct{}]()}
	actors.Serve(s.perform)
}

// perform does one command.
func (s *stage) perform(r request) (reply, error) {
	switch r.Op {
	case "stamp":
		return s.stamp(r)
	case "spawn":
		child := exec.Command("sleep", "1000")
		err := child.Start()
		if err != nil {
			return reply{}, err
		}
		return reply{Number: int64(child.Process.Pid)}, nil
	case "leave first thread":
		return reply{}, actors.LeaveFirstThread()
	case "fork":
		return s.fork(r)
	case "trace":
		return reply{}, seize(int(r.Number))
	case "attack":
		return s.attack(r)
	case "hoard":
		return s.hoard(r)
	case "flow":
		return s.flow(r)
	case "chaos":
		return reply{}, riot(r)
	}
	return s.Perform(r)
}

// stamp maps the section and puts its own number into the first eight bytes if none is there yet. It answers the number
// that then stands there, which tells one section from another; and whether all other bytes of the page are zero.
func (s *stage) stamp(r request) (reply, error) {
	v, err := s.Sections[r.Handle].Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return reply{}, err
	}
	defer v.Close()
	p, err := namedshm.At[atomic.Int64](v, 0)
	if err != nil {
		return reply{}, err
	}
	p.CompareAndSwap(0, r.Number)
	answer := reply{Number: p.Load()}
	for _, b := range v.Bytes()[8:] {
		if b != 0 {
			return answer, errors.New("the memory is not zero")
		}
	}
	return answer, nil
}

// newStamp is a number that no other section has.
var lastStamp atomic.Int64

func newStamp() int64 { return time.Now().UnixNano()<<8 + lastStamp.Add(1)&0xff }
