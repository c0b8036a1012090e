//go:build linux

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/sections"
	"github.com/namedshm/namedshm/upkeep"
)

type (
	request = sections.Request[asked]
	reply   = sections.Reply[told]
	actor   = sections.Actor[asked, told]
)

// asked is what the commands of this suite need to be told besides.
type asked struct {
	Object object  `json:",omitzero"`
	Fuzz   fuzzing `json:",omitzero"`
	// Treasure is what is root's alone, for links to lead to.
	Treasure string `json:",omitempty"`
}

// told is what they answer besides.
type told struct {
	Address    uint64 `json:",omitempty"`
	Descriptor int    `json:",omitempty"`
	Segment    int    `json:",omitempty"`
}

// stage is what an actor holds.
type stage struct {
	*sections.Stage[asked, told]
	mutexes []*namedshm.Mutex
	kept    []int // descriptors
}

// act is the actor's program.
func act() {
	s := &stage{Stage: sections.NewStage[asked, told]()}
	actors.Serve(s.perform)
}

// perform does one command.
func (s *stage) perform(r request) (reply, error) {
	switch r.Op {
	case "map":
		answer, err := s.Perform(r)
		if err == nil {
			fmt.Sscanf(fmt.Sprintf("%p", s.Views[answer.Handle].Bytes()), "0x%x", &answer.Own.Address)
		}
		return answer, err
	case "count":
		return count()
	case "reveal":
		own, err := reveal()
		return reply{Own: own}, err
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
	case "plant":
		return plant(r)
	case "move":
		os.RemoveAll(r.Name)
		if err := os.Rename(r.Text, r.Name); err != nil {
			return reply{Text: err.Error()}, nil
		}
		return reply{}, nil
	case "deleted":
		return deleted(r)
	case "mount":
		return s.mountAs(r)
	case "unmount":
		return reply{}, unix.Unmount(r.Name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	case "forbid":
		return reply{}, actors.Forbid([]actors.Rule{{Call: r.Text, Errno: unix.EPERM}})
	case "doctor":
		return globalLine()
	case "elsewhere":
		_, err := upkeep.SweepElsewhere()
		return reply{}, err
	case "flicker":
		return flicker(r)
	}
	return s.Perform(r)
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
func reveal() (told, error) {
	answer := told{Descriptor: -1, Segment: -1}
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
