//go:build linux

package waiting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/journal"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/upkeep"
)

// request is one command to an actor: a line of JSON.
type request struct {
	Op       string
	Kind     string `json:",omitempty"` // event, mutex, semaphore
	Name     string `json:",omitempty"`
	Manual   bool   `json:",omitempty"`
	Signaled bool   `json:",omitempty"`
	Owned    bool   `json:",omitempty"`
	Initial  int    `json:",omitempty"`
	Maximum  int    `json:",omitempty"` // 0 stands for a large one
	Share    string `json:",omitempty"` // "", "read", "write": what everybody may
	Rights   uint32 `json:",omitempty"` // 0 stands for all
	Handle   int    `json:",omitempty"` // as it was answered
	Handles  []int  `json:",omitempty"`
	Number   int    `json:",omitempty"`
	// of a wait: 0 for as long as a command may take, below 0 for a context that is done
	Timeout time.Duration `json:",omitempty"`
	Cancel  bool          `json:",omitempty"` // the context is cancelled, and has no deadline
	Text    string        `json:",omitempty"`
	Seed    uint64        `json:",omitempty"`
	Riot    *riotOrder    `json:",omitempty"`
	Load    *loadOrder    `json:",omitempty"`
	// Marked puts marks around the library's system calls that a tracer finds.
	Marked bool `json:",omitempty"`
}

// String is what a test calls the command when it complains.
func (r request) String() string { return r.Op + " " + r.Name }

// reply is an actor's answer: a line of JSON.
type reply struct {
	actors.Failure
	Timeout   bool           `json:",omitempty"` // the error is the deadline's
	Canceled  bool           `json:",omitempty"`
	Handle    int            `json:",omitempty"`
	Acquired  bool           `json:",omitempty"`
	Abandoned bool           `json:",omitempty"`
	Index     int            `json:",omitempty"`
	Number    int            `json:",omitempty"`
	Began     int64          `json:",omitempty"` // when the call began and when it had returned, on the clock of all
	Ended     int64          `json:",omitempty"`
	State     *inspect.State `json:",omitempty"`
	List      []string       `json:",omitempty"`
	Counts    map[string]int `json:",omitempty"`
	Tokens    []int          `json:",omitempty"`
}

func (r reply) String() string {
	b, _ := json.Marshal(r)
	return string(b)
}

// stage is what an actor holds.
type stage struct {
	handles []namedshm.Waitable
	crowds  []*crowd
	locked  []int // descriptors that keep locks
}

// act is the actor's program.
func act() {
	s := &stage{handles: []namedshm.Waitable{nil}}
	actors.Serve(s.perform)
}

// Note writes an error down, and whether it is the context's.
func (r *reply) Note(err error) {
	r.Failure.Note(err)
	r.Timeout, r.Canceled = errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled)
}

// perform does one command.
func (s *stage) perform(r request) (answer reply, err error) {
	switch r.Op {
	case "create", "open", "openorcreate":
		return s.open(r)
	case "state":
		info, err := inspect.Stat(r.Name)
		return reply{State: info.State}, err
	case "bury":
		_, err := upkeep.Sweep(namedshm.Namespace(r.Number))
		return reply{}, err
	case "spin":
		kernel.SetWaitSpin(time.Duration(r.Number))
		return reply{}, nil
	case "leave first thread":
		return reply{}, actors.LeaveFirstThread()
	case "crowd":
		return s.gather(r)
	case "through":
		return s.crowds[r.Handle].count()
	case "hoard":
		return s.hoard()
	case "riot":
		return reply{}, riot(r.Riot)
	case "final":
		return reply{}, lastLook(r.Riot)
	}
	if command, ok := loadCommands[r.Op]; ok {
		return command(s, r)
	}
	return s.use(r)
}

// open makes and opens objects.
func (s *stage) open(r request) (answer reply, err error) {
	var w namedshm.Waitable
	if r.Marked {
		actors.BeginMark()
	}
	if r.Op == "open" {
		w, err = openObject(r)
	} else {
		w, err = createObject(r)
	}
	if r.Marked {
		actors.EndMark()
	}
	if err == nil {
		s.handles = append(s.handles, w)
		answer.Handle = len(s.handles) - 1
	}
	return answer, err
}

func createObject(r request) (w namedshm.Waitable, err error) {
	var options []namedshm.WaitableOption
	switch r.Share {
	case "read":
		options = append(options, namedshm.ShareRights(namedshm.Everyone(), namedshm.Synchronize))
	case "write":
		options = append(options, namedshm.ShareRights(namedshm.Everyone(), namedshm.AllRights))
	}
	if r.Maximum == 0 {
		r.Maximum = 1 << 30
	}
	switch r.Kind {
	case "event":
		reset := namedshm.AutoReset
		if r.Manual {
			reset = namedshm.ManualReset
		}
		w, _, err = namedshm.OpenOrCreateEvent(r.Name, reset, r.Signaled, options...)
	case "mutex":
		w, _, err = namedshm.OpenOrCreateMutex(r.Name, r.Owned, options...)
	case "semaphore":
		w, _, err = namedshm.OpenOrCreateSemaphore(r.Name, r.Initial, r.Maximum, options...)
	default:
		err = fmt.Errorf("unknown kind %q", r.Kind)
	}
	return w, err
}

func openObject(r request) (namedshm.Waitable, error) {
	rights := namedshm.AllRights
	if r.Rights != 0 {
		rights = namedshm.Rights(r.Rights)
	}
	switch r.Kind {
	case "event":
		return namedshm.OpenEvent(r.Name, rights)
	case "mutex":
		return namedshm.OpenMutex(r.Name, rights)
	}
	return namedshm.OpenSemaphore(r.Name, rights)
}

// use does the commands that need a handle.
func (s *stage) use(r request) (answer reply, err error) {
	var objects []namedshm.Waitable
	for _, h := range r.Handles {
		objects = append(objects, s.handles[h])
	}
	var w namedshm.Waitable
	if r.Handle != 0 {
		w = s.handles[r.Handle]
	}
	ctx, cancel := r.context()
	defer cancel()
	if r.Cancel {
		time.AfterFunc(r.Timeout, cancel)
	}
	answer.Began = journal.Now()
	if r.Marked {
		actors.BeginMark()
	}
	switch r.Op {
	case "any", "all":
		var outcome namedshm.Outcome
		if r.Op == "any" {
			outcome, err = namedshm.WaitAny(ctx, objects...)
		} else {
			outcome, err = namedshm.WaitAll(ctx, objects...)
		}
		answer.Index, answer.Abandoned = outcome.Index, outcome.Abandoned
	default:
		err = callOne(ctx, r, w, &answer)
	}
	if r.Marked {
		actors.EndMark()
	}
	answer.Ended = journal.Now()
	return answer, err
}

// context is the one that a wait is given.
func (r *request) context() (context.Context, context.CancelFunc) {
	switch {
	case r.Cancel:
		return context.WithCancel(context.Background())
	case r.Timeout < 0:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx, cancel
	case r.Timeout > 0:
		return context.WithTimeout(context.Background(), r.Timeout)
	}
	return context.WithTimeout(context.Background(), actors.Prompt)
}

// callOne does the commands that need one handle.
func callOne(ctx context.Context, r request, w namedshm.Waitable, answer *reply) (err error) {
	switch r.Op {
	case "set":
		return w.(*namedshm.Event).Set()
	case "reset":
		return w.(*namedshm.Event).Reset()
	case "pulse":
		return w.(*namedshm.Event).Pulse()
	case "unlock":
		return w.(*namedshm.Mutex).Unlock()
	case "close":
		return w.Close()
	case "release":
		answer.Number, err = w.(*namedshm.Semaphore).Release(r.Number)
		return err
	case "wait":
		answer.Abandoned, err = waitFor(ctx, w)
		answer.Acquired = err == nil
		return err
	case "try":
		answer.Acquired, answer.Abandoned, err = try(w)
		return err
	}
	return fmt.Errorf("unknown command %q", r.Op)
}

// waitFor is the wait of each kind.
func waitFor(ctx context.Context, w namedshm.Waitable) (abandoned bool, err error) {
	switch w := w.(type) {
	case *namedshm.Event:
		return false, w.Wait(ctx)
	case *namedshm.Semaphore:
		return false, w.Wait(ctx)
	}
	return w.(*namedshm.Mutex).Lock(ctx)
}

func try(w namedshm.Waitable) (acquired, abandoned bool, err error) {
	switch w := w.(type) {
	case *namedshm.Event:
		acquired, err = w.TryWait()
		return acquired, false, err
	case *namedshm.Semaphore:
		acquired, err = w.TryWait()
		return acquired, false, err
	}
	return w.(*namedshm.Mutex).TryLock()
}

// crowd is a number of goroutines that wait for one handle.
type crowd struct {
	through atomic.Int64
	failed  atomic.Pointer[error]
}

// gather has Number goroutines wait for the object, until it lets each of them through.
func (s *stage) gather(r request) (reply, error) {
	w, c := s.handles[r.Handle], &crowd{}
	for range r.Number {
		go func() {
			ctx, cancel := r.context()
			defer cancel()
			if _, err := waitFor(ctx, w); err != nil {
				c.failed.Store(&err)
				return
			}
			c.through.Add(1)
		}()
	}
	s.crowds = append(s.crowds, c)
	return reply{Handle: len(s.crowds) - 1}, nil
}

// count is how many are through.
func (c *crowd) count() (reply, error) {
	if err := c.failed.Load(); err != nil {
		return reply{}, *err
	}
	return reply{Number: int(c.through.Load())}, nil
}
