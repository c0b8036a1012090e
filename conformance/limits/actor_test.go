//go:build linux

package limits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// request is one command to an actor: a line of JSON.
type request struct {
	Op      string
	Name    string             `json:",omitempty"`
	Size    int64              `json:",omitempty"`
	Sparse  bool               `json:",omitempty"`
	Now     bool               `json:",omitempty"` // all pages at once
	Access  uint32             `json:",omitempty"` // 0 means read and write
	Space   namedshm.Namespace `json:",omitempty"`
	Handle  int                `json:",omitempty"`
	Offset  int64              `json:",omitempty"`
	Length  int64              `json:",omitempty"`
	Text    string             `json:",omitempty"`
	Number  int64              `json:",omitempty"`
	Maximum int64              `json:",omitempty"`
}

// reply is an actor's answer: a line of JSON.
type reply struct {
	Error  string            `json:",omitempty"`
	Code   namedshm.Code     `json:",omitempty"`
	Handle int               `json:",omitempty"`
	Number int64             `json:",omitempty"`
	Text   string            `json:",omitempty"`
	Took   time.Duration     `json:",omitempty"`
	Each   map[string]string `json:",omitempty"`
}

// stage is what an actor holds.
type stage struct {
	sections []*namedshm.Section
	views    []*namedshm.View
}

// act is the actor's program.
func act() {
	s := &stage{sections: []*namedshm.Section{nil}, views: []*namedshm.View{nil}}
	actors.Serve(func(command []byte) any {
		var r request
		if err := json.Unmarshal(command, &r); err != nil {
			panic(err)
		}
		begin := time.Now()
		answer, err := s.perform(r)
		answer.Took = time.Since(begin)
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
	case "create", "open", "close":
		return s.handle(r)
	case "map", "unmap", "read", "write", "fill":
		return s.view(r)
	case "stat":
		info, err := namedshm.Stat(r.Name)
		return reply{Number: int64(info.Handles), Text: fmt.Sprint(info.Resident)}, err
	case "names":
		names, err := namedshm.Names(r.Space)
		return reply{Number: int64(len(names))}, err
	case "list":
		found, err := namedshm.List(r.Space)
		return reply{Number: int64(len(found))}, err
	case "bury":
		found, err := namedshm.Bury(r.Space)
		return reply{Number: int64(len(found))}, err
	case "many":
		return s.many(r)
	case "handles":
		return s.manyHandles(r)
	case "some":
		return some(r)
	case "drop":
		return s.drop()
	case "limit":
		return reply{}, unix.Setrlimit(int(r.Number), &unix.Rlimit{Cur: uint64(r.Size), Max: uint64(max(r.Maximum, r.Size))})
	case "shell":
		out, err := exec.Command("sh", "-c", r.Text).CombinedOutput()
		return reply{Text: string(out)}, err
	case "battery":
		return battery(r)
	case "await":
		return await(r)
	case "count":
		found, err := os.ReadDir("/proc/self/fd")
		return reply{Number: int64(len(found))}, err
	}
	return reply{}, fmt.Errorf("unknown command %q", r.Op)
}

func (r *request) access() namedshm.Access {
	if r.Access == 0 {
		return namedshm.ReadWrite
	}
	return namedshm.Access(r.Access)
}

func (r *request) create() (*namedshm.Section, error) {
	var options []namedshm.Option
	switch {
	case r.Sparse:
		options = append(options, namedshm.NoCommit())
	case r.Now:
		options = append(options, namedshm.CommitNow())
	}
	return namedshm.Create(r.Name, r.Size, r.access(), options...)
}

// handle does the commands that make and close handles.
func (s *stage) handle(r request) (reply, error) {
	if r.Size == 0 {
		r.Size = 4096
	}
	var section *namedshm.Section
	var err error
	switch r.Op {
	case "create":
		section, err = r.create()
	case "open":
		section, err = namedshm.Open(r.Name, r.access())
	case "close":
		return reply{}, s.sections[r.Handle].Close()
	}
	if err != nil {
		return reply{}, err
	}
	s.sections = append(s.sections, section)
	return reply{Handle: len(s.sections) - 1}, nil
}

// view does the commands that make, use and close views.
func (s *stage) view(r request) (reply, error) {
	if r.Op == "map" {
		v, err := s.sections[r.Handle].Map(r.Offset, r.Length, r.access())
		if err != nil {
			return reply{}, err
		}
		s.views = append(s.views, v)
		return reply{Handle: len(s.views) - 1}, nil
	}
	v := s.views[r.Handle]
	switch r.Op {
	case "unmap":
		return reply{}, v.Close()
	case "read":
		b := make([]byte, r.Number)
		_, err := v.ReadAt(b, r.Offset)
		return reply{Text: string(b)}, err
	case "fill":
		for b := v.Bytes(); len(b) > 0; b = b[min(len(b), 4096):] {
			b[0] = 1
		}
		return reply{}, nil
	}
	_, err := v.WriteAt([]byte(r.Text), r.Offset)
	return reply{}, err
}

// many makes Number objects, the first of which has the number Offset, or as many as there can be: the answer says how
// many, and why not more.
func (s *stage) many(r request) (answer reply, err error) {
	for ; answer.Number < r.Number; answer.Number++ {
		section, err := namedshm.Create(fmt.Sprintf("%s%d", r.Name, r.Offset+answer.Number), 4096, namedshm.ReadWrite)
		if err != nil {
			return answer, err
		}
		s.sections = append(s.sections, section)
	}
	return answer, nil
}

// manyHandles opens one object Number times, or as often as can be.
func (s *stage) manyHandles(r request) (answer reply, err error) {
	for ; answer.Number < r.Number; answer.Number++ {
		section, err := namedshm.Open(r.Name, r.access())
		if err != nil {
			return answer, err
		}
		s.sections = append(s.sections, section)
	}
	return answer, nil
}

// drop closes all handles.
func (s *stage) drop() (answer reply, err error) {
	for _, section := range s.sections[1:] {
		err = errors.Join(err, section.Close())
	}
	answer.Number = int64(len(s.sections) - 1)
	s.sections = s.sections[:1]
	return answer, err
}

// some opens some of the objects that many made.
func some(r request) (reply, error) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		section, err := namedshm.Open(fmt.Sprintf("%s%d", r.Name, random.Int64N(r.Number)), namedshm.Read)
		if err == nil {
			err = section.Close()
		}
		if err != nil {
			return reply{}, err
		}
	}
	return reply{}, nil
}

// battery is one of every kind of call on new names that begin with Name. The answer has for each call what it said.
func battery(r request) (reply, error) {
	each := map[string]string{}
	say := func(what string, err error) {
		each[what] = fmt.Sprint(err)
		var e *namedshm.Error
		if err != nil && !errors.As(err, &e) {
			each[what] = "NO ERROR OF THIS LIBRARY: " + err.Error()
		}
	}
	closing := func(c interface{ Close() error }, err error) error {
		if err != nil {
			return err
		}
		return c.Close()
	}
	section, err := namedshm.Create(r.Name+"Section", 65536, namedshm.ReadWrite)
	say("create", err)
	if err == nil {
		v, err := section.Map(0, 0, namedshm.ReadWrite)
		if err == nil {
			err = closing(v, v.Flush())
		}
		say("map", err)
		opened, err := namedshm.Open(r.Name+"Section", namedshm.ReadWrite)
		say("open", closing(opened, err))
		say("close", section.Close())
	}
	absent, err := namedshm.Open(r.Name+"Absent", namedshm.Read)
	say("open nothing", closing(absent, err))
	unnamed, err := namedshm.Create("", 65536, namedshm.ReadWrite)
	say("create without a name", closing(unnamed, err))
	either, _, err := namedshm.OpenOrCreate(r.Name+"Either", 65536, namedshm.ReadWrite)
	say("open or create", closing(either, err))
	event, err := namedshm.CreateEvent(r.Name+"Event", namedshm.ManualReset, true)
	say("create an event", closing(event, err))
	mutex, err := namedshm.CreateMutex(r.Name+"Mutex", true)
	if err == nil {
		err = mutex.Unlock()
	}
	say("create a mutex", closing(mutex, err))
	space := namedshm.LocalNamespace
	if r.Name[0] == 'G' {
		space = namedshm.GlobalNamespace
	}
	_, err = namedshm.List(space)
	say("list", err)
	_, err = namedshm.Names(space)
	say("names", err)
	_, err = namedshm.Bury(space)
	say("bury", err)
	return reply{Each: each}, nil
}

// asked is a context that tells when somebody waits for its end.
type asked struct {
	context.Context
	once *sync.Once
	seen chan struct{}
}

func (a asked) Done() <-chan struct{} {
	a.once.Do(func() { close(a.seen) })
	return a.Context.Done()
}

// await waits for a name that it makes itself, when the wait has begun.
func await(r request) (reply, error) {
	if fd, err := unix.InotifyInit1(unix.IN_CLOEXEC); err == nil {
		unix.Close(fd)
		return reply{}, errors.New("there is inotify")
	}
	bound, cancel := context.WithTimeout(context.Background(), actors.Prompt/2)
	defer cancel()
	ctx := asked{bound, new(sync.Once), make(chan struct{})}
	opened := make(chan error, 1)
	go func() {
		section, err := namedshm.WaitOpen(ctx, r.Name, namedshm.Read)
		if err == nil {
			err = section.Close()
		}
		opened <- err
	}()
	<-ctx.seen
	section, err := namedshm.Create(r.Name, 4096, namedshm.ReadWrite)
	if err != nil {
		return reply{}, err
	}
	err = <-opened
	return reply{}, errors.Join(err, section.Close())
}
