//go:build linux

package limits

import (
	"context"
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
	"github.com/namedshm/namedshm/conformance/internal/sections"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

type (
	request = sections.Request[asked]
	reply   = sections.Reply[told]
)

// asked is what the commands of this suite need to be told besides.
type asked struct {
	Maximum int64 `json:",omitempty"`
}

// told is what they answer besides.
type told struct {
	Took time.Duration     `json:",omitempty"`
	Each map[string]string `json:",omitempty"`
}

// stage is what an actor holds.
type stage struct{ *sections.Stage[asked, told] }

// act is the actor's program.
func act() {
	s := &stage{sections.NewStage[asked, told]()}
	actors.Serve(func(r request) (reply, error) {
		begin := time.Now()
		answer, err := s.perform(r)
		answer.Own.Took = time.Since(begin)
		return answer, err
	})
}

// perform does one command. Where there are many names, to count them is enough.
func (s *stage) perform(r request) (reply, error) {
	switch r.Op {
	case "names":
		names, err := inspect.Names(r.Space)
		return reply{Number: int64(len(names))}, err
	case "list":
		found, err := inspect.List(r.Space)
		return reply{Number: int64(len(found))}, err
	case "bury":
		found, err := upkeep.Sweep(r.Space)
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
		return reply{}, unix.Setrlimit(int(r.Number),
			&unix.Rlimit{Cur: uint64(r.Size), Max: uint64(max(r.Own.Maximum, r.Size))})
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
	return s.Perform(r)
}

// many makes Number objects, the first of which has the number Offset, or as many as there can be: the answer says how
// many, and why not more.
func (s *stage) many(r request) (answer reply, err error) {
	for ; answer.Number < r.Number; answer.Number++ {
		section, err := namedshm.Create(fmt.Sprintf("%s%d", r.Name, r.Offset+answer.Number), 4096, namedshm.ReadWrite)
		if err != nil {
			return answer, err
		}
		s.Sections = append(s.Sections, section)
	}
	return answer, nil
}

// manyHandles opens one object Number times, or as often as can be.
func (s *stage) manyHandles(r request) (answer reply, err error) {
	for ; answer.Number < r.Number; answer.Number++ {
		section, err := namedshm.Open(r.Name, namedshm.ReadWrite)
		if err != nil {
			return answer, err
		}
		s.Sections = append(s.Sections, section)
	}
	return answer, nil
}

// drop closes all handles.
func (s *stage) drop() (answer reply, err error) {
	for _, section := range s.Sections[1:] {
		err = errors.Join(err, section.Close())
	}
	answer.Number = int64(len(s.Sections) - 1)
	s.Sections = s.Sections[:1]
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
	space := namedshm.Local
	if r.Name[0] == 'G' {
		space = namedshm.Global
	}
	_, err = inspect.List(space)
	say("list", err)
	_, err = inspect.Names(space)
	say("names", err)
	_, err = upkeep.Sweep(space)
	say("bury", err)
	return reply{Own: told{Each: each}}, nil
}

// watched is a context that tells when somebody waits for its end.
type watched struct {
	context.Context
	once *sync.Once
	seen chan struct{}
}

func (w watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.seen) })
	return w.Context.Done()
}

// await waits for a name that it makes itself, when the wait has begun.
func await(r request) (reply, error) {
	if fd, err := unix.InotifyInit1(unix.IN_CLOEXEC); err == nil {
		unix.Close(fd)
		return reply{}, errors.New("there is inotify")
	}
	bound, cancel := context.WithTimeout(context.Background(), actors.Prompt/2)
	defer cancel()
	ctx := watched{bound, new(sync.Once), make(chan struct{})}
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
