//go:build linux

package lifetime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

// request is one command to an actor: a line of JSON.
type request struct {
	Op     string
	Name   string             `json:",omitempty"`
	Size   int64              `json:",omitempty"`
	Access uint32             `json:",omitempty"` // 0 means read and write
	Share  string             `json:",omitempty"` // "", "read", "write": with whom, with Group of a group, else of everybody
	Group  string             `json:",omitempty"`
	Space  namedshm.Namespace `json:",omitempty"`
	Handle int                `json:",omitempty"` // which handle or view; numbers as they were answered
	Offset int64              `json:",omitempty"`
	Text   string             `json:",omitempty"`
	Number int64              `json:",omitempty"`
	// Marked puts marks around the library's system calls that a tracer finds.
	Marked bool `json:",omitempty"`
}

// reply is an actor's answer: a line of JSON.
type reply struct {
	Error   string        `json:",omitempty"`
	Code    namedshm.Code `json:",omitempty"`
	Handle  int           `json:",omitempty"`
	Created bool          `json:",omitempty"`
	Number  int64         `json:",omitempty"`
	Text    string        `json:",omitempty"`
	List    []string      `json:",omitempty"`
}

func (r reply) String() string {
	if r.Error != "" {
		return r.Error
	}
	return fmt.Sprintf("success (handle %d, created %v, number %d, text %q, list %q)", r.Handle, r.Created, r.Number, r.Text, r.List)
}

// stage is what an actor holds.
type stage struct {
	handles []*namedshm.Section
	views   []*namedshm.View
	locked  []int // descriptors that keep locks
}

// act is the actor's program.
func act() {
	s := &stage{handles: []*namedshm.Section{nil}, views: []*namedshm.View{nil}}
	actors.Serve(func(command []byte) any {
		var r request
		if err := json.Unmarshal(command, &r); err != nil {
			panic(err)
		}
		answer, err := s.perform(r)
		if err != nil {
			answer.Error = err.Error()
			var e *namedshm.Error
			if errors.As(err, &e) {
				answer.Code = e.Code
			}
		}
		return answer
	})
}

// perform does one command.
func (s *stage) perform(r request) (reply, error) {
	switch r.Op {
	case "create", "openorcreate", "open", "waitopen", "close":
		return s.handle(r)
	case "map", "unmap", "read", "write", "fill", "stamp":
		return s.view(r)
	case "stat":
		_, err := namedshm.Stat(r.Name)
		return reply{}, err
	case "list":
		found, err := namedshm.List(r.Space)
		var names []string
		for _, i := range found {
			names = append(names, i.Name)
		}
		return reply{List: names}, err
	case "bury":
		found, err := namedshm.Bury(r.Space)
		var lines []string
		for _, b := range found {
			lines = append(lines, fmt.Sprintf("%s: %s (%v) %s", b.Name, b.What, b.Buried, b.Reason))
		}
		return reply{List: lines}, err
	case "setup":
		_, err := inspect.SetupGlobal(r.Group)
		return reply{}, err
	case "spawn":
		child := exec.Command("sleep", "1000")
		err := child.Start()
		if err != nil {
			return reply{}, err
		}
		return reply{Number: int64(child.Process.Pid)}, nil
	case "attack":
		return s.attack(r)
	case "hoard":
		return s.hoard(r)
	case "chaos":
		return reply{}, riot(r)
	}
	return reply{}, fmt.Errorf("unknown command %q", r.Op)
}

// options are a creator's choices.
func (r *request) options() []namedshm.Option {
	access := namedshm.Read
	switch r.Share {
	case "":
		return nil
	case "write":
		access = namedshm.ReadWrite
	}
	if r.Group != "" {
		return []namedshm.Option{namedshm.ShareWith(namedshm.Group(r.Group, access))}
	}
	return []namedshm.Option{namedshm.ShareWith(namedshm.Everyone(access))}
}

func (r *request) access() namedshm.Access {
	if r.Access == 0 {
		return namedshm.ReadWrite
	}
	return namedshm.Access(r.Access)
}

// handle does the commands that make and close handles.
func (s *stage) handle(r request) (answer reply, err error) {
	var section *namedshm.Section
	if r.Size == 0 {
		r.Size = 4096
	}
	options := r.options()
	ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt)
	defer cancel()
	if r.Marked {
		actors.BeginMark()
	}
	switch r.Op {
	case "create":
		section, err = namedshm.Create(r.Name, r.Size, r.access(), options...)
		answer.Created = err == nil
	case "openorcreate":
		section, answer.Created, err = namedshm.OpenOrCreate(r.Name, r.Size, r.access(), options...)
	case "open":
		section, err = namedshm.Open(r.Name, r.access())
	case "waitopen":
		section, err = namedshm.WaitOpen(ctx, r.Name, r.access())
	case "close":
		err = s.handles[r.Handle].Close()
	}
	if r.Marked {
		actors.EndMark()
	}
	if section != nil {
		s.handles = append(s.handles, section)
		answer.Handle = len(s.handles) - 1
	}
	return answer, err
}

// view does the commands that make, use and close views.
func (s *stage) view(r request) (reply, error) {
	switch r.Op {
	case "map":
		v, err := s.handles[r.Handle].Map(r.Offset, 0, r.access())
		if err != nil {
			return reply{}, err
		}
		s.views = append(s.views, v)
		return reply{Handle: len(s.views) - 1}, nil
	case "stamp":
		return s.stamp(r)
	}
	v := s.views[r.Handle]
	switch r.Op {
	case "unmap":
		return reply{}, v.Close()
	case "read":
		b := make([]byte, r.Number)
		_, err := v.ReadAt(b, r.Offset)
		return reply{Text: string(b)}, err
	case "write":
		_, err := v.WriteAt([]byte(r.Text), r.Offset)
		return reply{}, err
	}
	memory := v.Bytes()
	for at := 0; at < len(memory); at += 4096 {
		memory[at] = 1
	}
	return reply{}, nil
}

// stamp maps the section and puts its own number into the first eight bytes if none is there yet. It answers the number
// that then stands there, which tells one section from another; and whether all other bytes of the page are zero.
func (s *stage) stamp(r request) (reply, error) {
	v, err := s.handles[r.Handle].Map(0, 0, namedshm.ReadWrite)
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
