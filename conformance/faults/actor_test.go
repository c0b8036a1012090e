//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
	"github.com/namedshm/namedshm/win32"
)

// request is one command to an actor: a line of JSON.
type request struct {
	Op      string
	Kind    string `json:",omitempty"` // section, auto, manual, mutex, semaphore; over and the others of files
	Name    string `json:",omitempty"`
	Size    int64  `json:",omitempty"` // 0 stands for a page, or for all of a file
	Offset  int64  `json:",omitempty"`
	Access  uint32 `json:",omitempty"` // 0 means read and write
	Share   bool   `json:",omitempty"` // with everybody
	Group   string `json:",omitempty"` // or with this group
	Commit  string `json:",omitempty"` // now, never
	Space   namedshm.Namespace
	Handle  int   `json:",omitempty"` // which handle or view; numbers as they were answered
	Handles []int `json:",omitempty"`
	Number  int64 `json:",omitempty"`
	Given   bool  `json:",omitempty"` // a new object is signaled, or its creator's
	// Path is that of the user's file that the section is of, and file the user's own descriptor.
	Path string `json:",omitempty"`
	file *os.File
	// Marked puts marks around the library's system calls that a tracer finds.
	Marked bool `json:",omitempty"`
}

// reply is an actor's answer: a line of JSON.
type reply struct {
	Error     *failure `json:",omitempty"`
	Handle    int      `json:",omitempty"`
	Created   bool     `json:",omitempty"`
	Acquired  bool     `json:",omitempty"`
	Abandoned bool     `json:",omitempty"`
	Number    int64    `json:",omitempty"`
	List      []string `json:",omitempty"`
}

// failure is an error, taken apart.
type failure struct {
	Text   string
	Ours   bool // it is a *namedshm.Error
	Bare   bool // it is a number of package win32's, which leads to nothing
	Op     string
	Name   string
	Code   namedshm.Code
	Symbol string
	Errno  unix.Errno // the system call's, if the error leads to one
}

func (r reply) String() string {
	b, _ := json.Marshal(r)
	return string(b)
}

// code is the error's, 0 for none.
func (r reply) code() namedshm.Code {
	if r.Error == nil {
		return 0
	}
	return r.Error.Code
}

// stage is what an actor holds: handles and views, and files of its own.
type stage struct {
	held  []any
	files map[string]*os.File
}

// act is the actor's program.
func act() {
	s := &stage{held: []any{nil}, files: map[string]*os.File{}}
	maps.Copy(operations, fileOperations)
	actors.Serve(s.perform)
}

// Note takes an error apart.
func (r *reply) Note(err error) {
	if err == nil {
		return
	}
	r.Error = &failure{Text: err.Error()}
	var e *namedshm.Error
	if errors.As(err, &e) {
		r.Error.Ours, r.Error.Op, r.Error.Name, r.Error.Code, r.Error.Symbol = true, e.Op, e.Name, e.Code, e.Code.Symbol()
	}
	var number win32.Errno
	if errors.As(err, &number) {
		code := namedshm.Code(number)
		r.Error.Bare, r.Error.Code, r.Error.Symbol = true, code, code.Symbol()
	}
	errors.As(err, &r.Error.Errno)
}

// perform does one command.
func (s *stage) perform(r request) (answer reply, err error) {
	call, ok := operations[r.Op]
	if !ok {
		return answer, fmt.Errorf("unknown command %q", r.Op)
	}
	if r.Size == 0 && !r.hasFile() {
		r.Size = 4096
	}
	if r.Access == 0 {
		r.Access = uint32(namedshm.ReadWrite)
	}
	if r.Path != "" {
		if r.file, err = s.file(r.Path); err != nil {
			return answer, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt)
	defer cancel()
	if r.Marked {
		actors.BeginMark()
	}
	made, err := call(ctx, s, &r, &answer)
	if r.Marked {
		actors.EndMark()
	}
	if err == nil && made != nil {
		s.held = append(s.held, made)
		answer.Handle = len(s.held) - 1
	}
	return answer, err
}

// operation is something that an actor can do. What makes a handle or a view returns it.
type operation func(ctx context.Context, s *stage, r *request, answer *reply) (made any, err error)

// operations are all of them; those on files stand with their scenes.
var operations = map[string]operation{
	"create": func(_ context.Context, _ *stage, r *request, _ *reply) (any, error) { return create(r) },
	"openorcreate": func(_ context.Context, _ *stage, r *request, answer *reply) (made any, err error) {
		made, answer.Created, err = openOrCreate(r)
		return made, err
	},
	"open": func(_ context.Context, _ *stage, r *request, _ *reply) (any, error) { return open(r) },
	"waitopen": func(ctx context.Context, _ *stage, r *request, _ *reply) (any, error) {
		return namedshm.WaitOpen(ctx, r.Name, namedshm.Access(r.Access))
	},
	"close": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		return nil, s.held[r.Handle].(interface{ Close() error }).Close()
	},
	"map": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		if o, ok := s.held[r.Handle].(over); ok {
			return o.view(namedshm.Access(r.Access))
		}
		return s.held[r.Handle].(*namedshm.Section).Map(r.Offset, 0, namedshm.Access(r.Access))
	},
	"stamp": stamp,
	"list": func(_ context.Context, _ *stage, r *request, answer *reply) (any, error) {
		found, err := inspect.List(r.Space)
		for _, i := range found {
			answer.List = append(answer.List, i.Name)
		}
		return nil, err
	},
	"names": func(_ context.Context, _ *stage, r *request, answer *reply) (_ any, err error) {
		answer.List, err = inspect.Names(r.Space)
		return nil, err
	},
	"stat": func(_ context.Context, _ *stage, r *request, answer *reply) (any, error) {
		info, err := inspect.Stat(r.Name)
		answer.List = []string{info.Name}
		if info.State != nil {
			answer.Number = int64(info.State.Waiters)
		}
		return nil, err
	},
	"bury": func(_ context.Context, _ *stage, r *request, answer *reply) (any, error) {
		found, err := upkeep.Sweep(r.Space)
		for _, b := range found {
			answer.List = append(answer.List, fmt.Sprintf("%s: %s (%t) %s", b.Name, b.What, b.Swept, b.Reason))
		}
		return nil, err
	},
	"setup": func(context.Context, *stage, *request, *reply) (any, error) {
		_, err := upkeep.SetupGlobal("")
		return nil, err
	},
	"set":   func(_ context.Context, s *stage, r *request, _ *reply) (any, error) { return nil, s.event(r).Set() },
	"reset": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) { return nil, s.event(r).Reset() },
	"pulse": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) { return nil, s.event(r).Pulse() },
	"unlock": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		return nil, s.held[r.Handle].(*namedshm.Mutex).Unlock()
	},
	"release": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		_, err := s.held[r.Handle].(*namedshm.Semaphore).Release(1)
		return nil, err
	},
	"wait": wait,
	"try":  try,
	"any": func(ctx context.Context, s *stage, r *request, answer *reply) (any, error) {
		outcome, err := namedshm.WaitAny(ctx, s.waitables(r)...)
		answer.Number, answer.Abandoned, answer.Acquired = int64(outcome.Index), outcome.Abandoned, err == nil
		return nil, err
	},
	"all": func(ctx context.Context, s *stage, r *request, answer *reply) (any, error) {
		outcome, err := namedshm.WaitAll(ctx, s.waitables(r)...)
		answer.Abandoned, answer.Acquired = outcome.Abandoned, err == nil
		return nil, err
	},
}

func (s *stage) event(r *request) *namedshm.Event { return s.held[r.Handle].(*namedshm.Event) }

func (s *stage) waitables(r *request) (all []namedshm.Waitable) {
	for _, h := range r.Handles {
		all = append(all, s.held[h].(namedshm.Waitable))
	}
	return all
}

// sharing is a creator's choices for what can be waited for.
func (r *request) sharing() (options []namedshm.WaitableOption) {
	if r.Share {
		options = append(options, namedshm.ShareRights(namedshm.Everyone(), namedshm.AllRights))
	}
	if r.Group != "" {
		options = append(options, namedshm.ShareRights(namedshm.Group(r.Group), namedshm.AllRights))
	}
	return options
}

// options are a creator's choices for a section.
func (r *request) options() (options []namedshm.SectionOption) {
	if r.Share {
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
	}
	if r.Group != "" {
		options = append(options, namedshm.ShareAccess(namedshm.Group(r.Group), namedshm.ReadWrite))
	}
	switch r.Commit {
	case "now":
		options = append(options, namedshm.CommitNow())
	case "never":
		options = append(options, namedshm.NoCommit())
	}
	return options
}

func (r *request) reset() namedshm.ResetMode {
	if r.Kind == "manual" {
		return namedshm.ManualReset
	}
	return namedshm.AutoReset
}

// count is what a new semaphore begins with.
func (r *request) count() int {
	if r.Given {
		return 1
	}
	return 0
}

const mostCount = 1 << 20

func create(r *request) (any, error) {
	switch r.Kind {
	case "mutex":
		return namedshm.CreateMutex(r.Name, r.Given, r.sharing()...)
	case "semaphore":
		return namedshm.CreateSemaphore(r.Name, r.count(), mostCount, r.sharing()...)
	case "auto", "manual":
		return namedshm.CreateEvent(r.Name, r.reset(), r.Given, r.sharing()...)
	case overPath, overDescriptor, adopted:
		return createNew(r)
	}
	return namedshm.Create(r.Name, r.Size, namedshm.Access(r.Access), r.options()...)
}

func openOrCreate(r *request) (any, bool, error) {
	switch r.Kind {
	case "mutex":
		return namedshm.OpenOrCreateMutex(r.Name, r.Given, r.sharing()...)
	case "semaphore":
		return namedshm.OpenOrCreateSemaphore(r.Name, r.count(), mostCount, r.sharing()...)
	case "auto", "manual":
		return namedshm.OpenOrCreateEvent(r.Name, r.reset(), r.Given, r.sharing()...)
	case overPath, overDescriptor, adopted:
		return createOver(r)
	}
	return namedshm.OpenOrCreate(r.Name, r.Size, namedshm.Access(r.Access), r.options()...)
}

func open(r *request) (any, error) {
	switch r.Kind {
	case "mutex":
		return namedshm.OpenMutex(r.Name, namedshm.AllRights)
	case "semaphore":
		return namedshm.OpenSemaphore(r.Name, namedshm.AllRights)
	case "auto", "manual":
		return namedshm.OpenEvent(r.Name, namedshm.AllRights)
	case overPath, overDescriptor:
		return openOver(r)
	}
	return namedshm.Open(r.Name, namedshm.Access(r.Access))
}

// wait is the wait of each kind.
func wait(ctx context.Context, s *stage, r *request, answer *reply) (_ any, err error) {
	switch w := s.held[r.Handle].(type) {
	case *namedshm.Mutex:
		answer.Abandoned, err = w.Lock(ctx)
	case *namedshm.Semaphore:
		err = w.Wait(ctx)
	case *namedshm.Event:
		err = w.Wait(ctx)
	}
	answer.Acquired = err == nil
	return nil, err
}

func try(_ context.Context, s *stage, r *request, answer *reply) (_ any, err error) {
	switch w := s.held[r.Handle].(type) {
	case *namedshm.Mutex:
		answer.Acquired, answer.Abandoned, err = w.TryLock()
	case *namedshm.Semaphore:
		answer.Acquired, err = w.TryWait()
	case *namedshm.Event:
		answer.Acquired, err = w.TryWait()
	}
	return nil, err
}

// stamp maps the section and puts its own number into the first eight bytes if none is there yet. It answers the number
// that then stands there, which tells one section from another; that all other bytes of the page are zero is checked.
func stamp(ctx context.Context, s *stage, r *request, answer *reply) (any, error) {
	if r.hasFile() {
		return stampFile(ctx, s, r, answer)
	}
	v, err := s.held[r.Handle].(*namedshm.Section).Map(0, 4096, namedshm.ReadWrite)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	p, err := namedshm.At[atomic.Int64](v, 0)
	if err != nil {
		return nil, err
	}
	p.CompareAndSwap(0, r.Number)
	answer.Number = p.Load()
	for _, b := range v.Bytes()[8:] {
		if b != 0 {
			return nil, errors.New("the memory is not zero")
		}
	}
	return nil, nil
}

// lastStamp and newStamp make a number that no other section has.
var lastStamp atomic.Int64

func newStamp() int64 { return time.Now().UnixNano()<<8 + lastStamp.Add(1)&0xff }
