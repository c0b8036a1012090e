//go:build linux

package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	Share  string             `json:",omitempty"` // "", "read", "write": with Group, else with everybody
	Group  string             `json:",omitempty"`
	Space  namedshm.Namespace `json:",omitempty"`
	Handle int                `json:",omitempty"`
	Number int64              `json:",omitempty"`
	Text   string             `json:",omitempty"`
	Object object             `json:",omitzero"`
	Fuzz   fuzzing            `json:",omitzero"`
}

// reply is an actor's answer: a line of JSON.
type reply struct {
	Error      string        `json:",omitempty"`
	Code       namedshm.Code `json:",omitempty"`
	Handle     int           `json:",omitempty"`
	Number     int64         `json:",omitempty"`
	Text       string        `json:",omitempty"`
	List       []string      `json:",omitempty"`
	Address    uint64        `json:",omitempty"`
	Descriptor int           `json:",omitempty"`
	Segment    int           `json:",omitempty"`
}

// stage is what an actor holds.
type stage struct {
	sections []*namedshm.Section
	views    []*namedshm.View
	mutexes  []*namedshm.Mutex
	kept     []int // descriptors
}

// act is the actor's program.
func act() {
	s := &stage{sections: []*namedshm.Section{nil}, views: []*namedshm.View{nil}}
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
	case "map", "unmap", "read", "write":
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
	case "count":
		return count()
	case "reveal":
		return reveal()
	case "attack":
		return s.attack(r)
	case "keep":
		return s.keep(r)
	case "fork":
		return s.fork(r)
	case "recycle":
		return s.recycle(r)
	case "wander":
		return wander(r)
	case "fuzz":
		return fuzzEntry(r)
	case "link":
		if err := os.Link(r.Text, r.Name); err != nil {
			return reply{Text: err.Error()}, nil
		}
		return reply{}, nil
	case "scrawl":
		return s.scrawl(r)
	case "misbehave":
		return s.misbehave(r)
	case "mutex":
		m, err := namedshm.CreateMutex(r.Name, false)
		s.mutexes = append(s.mutexes, m)
		return reply{}, err
	case "locked":
		return locked(r)
	}
	return reply{}, fmt.Errorf("unknown command %q", r.Op)
}

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
func (s *stage) handle(r request) (reply, error) {
	if r.Size == 0 {
		r.Size = 4096
	}
	ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt/4)
	defer cancel()
	var section *namedshm.Section
	var err error
	switch r.Op {
	case "create":
		options := r.options()
		if r.Text == "read-only" {
			options = append(options, namedshm.WithProtection(namedshm.PageReadOnly))
		}
		section, err = namedshm.Create(r.Name, r.Size, r.access(), options...)
	case "openorcreate":
		section, _, err = namedshm.OpenOrCreate(r.Name, r.Size, r.access(), r.options()...)
	case "open":
		section, err = namedshm.Open(r.Name, r.access())
	case "waitopen":
		section, err = namedshm.WaitOpen(ctx, r.Name, r.access())
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
		v, err := s.sections[r.Handle].Map(0, 0, r.access())
		if err != nil {
			return reply{}, err
		}
		s.views = append(s.views, v)
		var address uint64
		fmt.Sscanf(fmt.Sprintf("%p", v.Bytes()), "0x%x", &address)
		return reply{Handle: len(s.views) - 1, Address: address}, nil
	}
	v := s.views[r.Handle]
	switch r.Op {
	case "unmap":
		return reply{}, v.Close()
	case "read":
		b := make([]byte, r.Number)
		_, err := v.ReadAt(b, 0)
		return reply{Text: string(b)}, err
	}
	_, err := v.WriteAt([]byte(r.Text), 0)
	return reply{}, err
}

// count tells how many descriptors and mappings of shared memory this process has: what is lost shows there.
func count() (reply, error) {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return reply{}, err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	mappings := bytes.Count(maps, []byte("/SYSV")) + bytes.Count(maps, []byte("/memfd:"))
	return reply{Number: int64(len(descriptors)), Text: strconv.Itoa(mappings)}, err
}

// reveal tells an attacker what he might have found out: the descriptor of this process's last memfd, and the id of its
// last segment; -1 for none.
func reveal() (reply, error) {
	answer := reply{Descriptor: -1, Segment: -1}
	for fd := range 1024 {
		if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil && strings.HasPrefix(link, "/memfd:") {
			answer.Descriptor = fd
		}
	}
	table, err := os.ReadFile("/proc/sysvipc/shm")
	for _, s := range actors.ParseSegments(string(table)) {
		if s.Creator == os.Getpid() {
			answer.Segment = s.ID
		}
	}
	return answer, err
}

// locked opens a mutex, locks it and lets it go.
func locked(r request) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	m, err := namedshm.OpenMutex(r.Name, namedshm.Synchronize|namedshm.ModifyState)
	if err != nil {
		return reply{}, err
	}
	defer m.Close()
	if _, err := m.Lock(ctx); err != nil {
		return reply{}, err
	}
	return reply{}, m.Unlock()
}

// soon is a bound for a call that gives up after a second by design.
const soon = 5 * time.Second
