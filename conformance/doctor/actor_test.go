//go:build linux

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

// request is one command to an actor: a line of JSON.
type request struct {
	Op       string
	Name     string        `json:",omitempty"`
	Rules    []actors.Rule `json:",omitempty"`
	Landlock uint64        `json:",omitempty"`
	Space    namedshm.Namespace
	Group    string `json:",omitempty"`
	Script   string `json:",omitempty"`
}

// String is what a test calls the command when it complains.
func (r request) String() string { return r.Op + " " + r.Name }

// reply is an actor's answer: a line of JSON.
type reply struct {
	actors.Failure
	Checks []inspect.Check `json:",omitempty"`
	Left   []string        `json:",omitempty"` // files and segments that were not there before
	Number int             `json:",omitempty"`
	Text   string          `json:",omitempty"`
}

type actor struct {
	*actors.Actor[request, reply]
}

// stage is what an actor holds, by name.
type stage struct {
	sections map[string]*namedshm.Section
	events   map[string]*namedshm.Event
}

func act() {
	s := &stage{map[string]*namedshm.Section{}, map[string]*namedshm.Event{}}
	actors.Serve(s.perform)
}

// perform does one command.
func (s *stage) perform(r request) (answer reply, err error) {
	switch r.Op {
	case "forbid":
		return answer, actors.Forbid(r.Rules)
	case "landlock":
		return answer, landlock(r.Landlock)
	case "doctor":
		before := things()
		actors.BeginMark()
		answer.Checks = inspect.Machine()
		actors.EndMark()
		for thing := range things() {
			if !before[thing] {
				answer.Left = append(answer.Left, thing)
			}
		}
		return answer, nil
	case "setup":
		_, err := upkeep.SetupGlobal(r.Group)
		return answer, err
	case "run":
		out, err := exec.Command("sh", "-c", r.Script).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return answer, err
	case "create":
		return answer, s.create(r.Name)
	case "show":
		return answer, s.show(r.Name)
	case "look":
		return answer, look(r.Name)
	case "open":
		answer.Text, err = s.open(r.Name)
		return answer, err
	case "close":
		return answer, errors.Join(s.sections[r.Name].Close(), s.events[r.Name].Close())
	case "set":
		return answer, s.events[r.Name].Set()
	case "wait":
		ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt/2)
		defer cancel()
		return answer, s.events[r.Name].Wait(ctx)
	case "await":
		return await(r.Name)
	case "intrude":
		return intrude()
	case "list":
		names, err := inspect.Names(r.Space)
		return reply{Text: strings.Join(names, " ")}, err
	case "obstacle":
		info, err := inspect.Stat(r.Name)
		return reply{Text: info.Obstacle}, err
	case "bury":
		_, err := upkeep.Sweep(r.Space)
		return answer, err
	}
	return answer, fmt.Errorf("unknown command %q", r.Op)
}

// create makes a section with a text in it, and an event.
func (s *stage) create(name string) error {
	section, err := namedshm.Create(name, 4096, namedshm.ReadWrite)
	if err != nil {
		return err
	}
	v, err := section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return err
	}
	defer v.Close()
	if _, err := v.WriteAt([]byte("seen"), 0); err != nil {
		return err
	}
	s.sections[name] = section
	s.events[name], err = namedshm.CreateEvent(name+"-event", namedshm.ManualReset, false)
	return err
}

// show makes a section and an event that everybody may read.
func (s *stage) show(name string) (err error) {
	forAll := namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read)
	if s.sections[name], err = namedshm.Create(name, 4096, namedshm.ReadWrite, forAll); err != nil {
		return err
	}
	s.events[name], err = namedshm.CreateEvent(name+"-event", namedshm.ManualReset, true,
		namedshm.ShareRights(namedshm.Everyone(), namedshm.Synchronize))
	return err
}

// look opens both for no more than that, reads the section and waits for the event.
func look(name string) error {
	section, err := namedshm.Open(name, namedshm.Read)
	if err != nil {
		return err
	}
	defer section.Close()
	v, err := section.Map(0, 0, namedshm.Read)
	if err != nil {
		return err
	}
	defer v.Close()
	if _, err := v.ReadAt(make([]byte, 1), 0); err != nil {
		return err
	}
	event, err := namedshm.OpenEvent(name+"-event", namedshm.Synchronize)
	if err != nil {
		return err
	}
	defer event.Close()
	return event.Wait(context.Background())
}

// open opens both, and reads the text.
func (s *stage) open(name string) (string, error) {
	section, err := namedshm.Open(name, namedshm.ReadWrite)
	if err != nil {
		return "", err
	}
	v, err := section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return "", err
	}
	defer v.Close()
	text := make([]byte, 4)
	if _, err := v.ReadAt(text, 0); err != nil {
		return "", err
	}
	s.sections[name] = section
	s.events[name], err = namedshm.OpenEvent(name+"-event", namedshm.Synchronize|namedshm.ModifyState)
	return string(text), err
}

// things are the files of the world, and the segments that this process made.
func things() map[string]bool {
	found := map[string]bool{}
	root := os.Getenv("NAMEDSHM_ROOT")
	filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		found[strings.TrimPrefix(path, root)] = true
		return nil
	})
	table, _ := os.ReadFile("/proc/sysvipc/shm")
	for _, s := range actors.ParseSegments(string(table)) {
		if s.Creator == os.Getpid() {
			found[fmt.Sprint("segment ", s.ID)] = true
		}
	}
	return found
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

// intrude opens and locks all directories of rehearsals that it can, and keeps them so. It says how many there are, and
// how many of them it has.
func intrude() (answer reply, err error) {
	found, err := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-doctor-*")
	for _, path := range found {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil && unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil {
			answer.Left = append(answer.Left, path)
		}
		answer.Number++
	}
	return answer, err
}

// await waits for a name that it makes itself when the wait has begun, and says how many descriptors of inotify it has
// then.
func await(name string) (answer reply, err error) {
	bound, cancel := context.WithTimeout(context.Background(), actors.Prompt/2)
	defer cancel()
	ctx := watched{bound, new(sync.Once), make(chan struct{})}
	opened := make(chan error, 1)
	go func() {
		section, err := namedshm.WaitOpen(ctx, name, namedshm.Read)
		if err == nil {
			err = section.Close()
		}
		opened <- err
	}()
	<-ctx.seen
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == "anon_inode:inotify" {
			answer.Number++
		}
	}
	section, err := namedshm.Create(name, 4096, namedshm.ReadWrite)
	if err != nil {
		return answer, err
	}
	err = <-opened
	return answer, errors.Join(err, section.Close())
}

// landlock puts this process into a sandbox of its own, in which what access says can be done to no file.
func landlock(access uint64) error {
	rules := unix.LandlockRulesetAttr{Handled_access_fs: access}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)),
		unsafe.Sizeof(rules.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	defer unix.Close(int(fd))
	// A sandbox is its thread's, and that of what the thread starts: this one runs all the commands.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return nil
}
