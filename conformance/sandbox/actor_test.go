//go:build linux

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	Tenant int             `json:",omitempty"`
	Inner  json.RawMessage `json:",omitempty"`
}

// told is what they answer besides: that nothing more.
type told struct{}

// read is the access to what is only read.
const read = uint32(namedshm.Read)

// stage is what an actor holds.
type stage struct {
	*sections.Stage[asked, told]
	tenants []*tenant
	mutexes map[string]*namedshm.Mutex
	events  map[string]*namedshm.Event
	locks   []*os.File
}

// tenant is an actor that lives with its landlord: a child of his.
type tenant struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *json.Decoder
}

func (t *tenant) answer() (answer reply, err error) {
	err = t.out.Decode(&answer)
	return answer, err
}

// stop is SIGSTOP, and waiting until the process stands still.
func (t *tenant) stop() error {
	if err := t.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		return err
	}
	return poll("stop", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
		return strings.HasPrefix(string(b[strings.LastIndexByte(string(b), ')')+1:]), " T")
	})
}

// watches waits until the process has something watched with inotify.
func (t *tenant) watches() error {
	return poll("watch", func() bool {
		found := false
		infos, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", t.cmd.Process.Pid))
		for _, info := range infos {
			b, _ := os.ReadFile(info)
			found = found || strings.Contains(string(b), "\ninotify ")
		}
		return found
	})
}

// poll waits for what another process does.
func poll(what string, done func() bool) error {
	for deadline := time.Now().Add(actors.Prompt); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not %s", what)
		}
	}
	return nil
}

// act is the actor's program.
func act() {
	s := &stage{Stage: sections.NewStage[asked, told](), mutexes: map[string]*namedshm.Mutex{},
		events: map[string]*namedshm.Event{}}
	actors.Serve(s.perform)
}

// perform does one command.
func (s *stage) perform(r request) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt)
	defer cancel()
	switch r.Op {
	case "hire":
		return s.hire()
	case "ask":
		return reply{}, s.tenants[r.Own.Tenant].in.Encode(r.Own.Inner)
	case "answer":
		return s.tenants[r.Own.Tenant].answer()
	case "tell":
		if err := s.tenants[r.Own.Tenant].in.Encode(r.Own.Inner); err != nil {
			return reply{}, err
		}
		return s.tenants[r.Own.Tenant].answer()
	case "slay":
		t := s.tenants[r.Own.Tenant]
		t.cmd.Process.Kill()
		t.cmd.Wait()
		return reply{}, nil
	case "stop":
		return reply{}, s.tenants[r.Own.Tenant].stop()
	case "resume":
		return reply{}, s.tenants[r.Own.Tenant].cmd.Process.Signal(unix.SIGCONT)
	case "watches":
		return reply{}, s.tenants[r.Own.Tenant].watches()
	case "numbers":
		return numbers()
	case "directories":
		found, err := names()
		return reply{List: found}, err
	case "forbid":
		return reply{}, actors.Forbid([]actors.Rule{{Call: r.Text, Errno: unix.Errno(r.Number)}})
	case "sign":
		return reply{}, sign(r.Text)
	case "crowd":
		return reply{}, crowd(r.Name, int(r.Number))
	case "elsewhere":
		return elsewhere()
	case "churn":
		return reply{}, churn(r.Name, int(r.Number))
	case "descriptors":
		open, err := os.ReadDir("/proc/self/fd")
		return reply{Number: int64(len(open))}, err
	case "limit":
		return reply{}, limit(r.Number)
	case "await":
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		_, err := namedshm.WaitOpen(ctx, r.Name, namedshm.Read)
		return reply{}, err
	case "hoard":
		return reply{}, s.hoard(r.Text)
	}
	if strings.HasPrefix(r.Op, "mutex ") || strings.HasPrefix(r.Op, "event ") {
		return s.waitable(ctx, r)
	}
	return s.Perform(r)
}

func (s *stage) waitable(ctx context.Context, r request) (answer reply, err error) {
	switch r.Op {
	case "mutex create":
		s.mutexes[r.Name], err = namedshm.CreateMutex(r.Name, true)
	case "mutex open":
		s.mutexes[r.Name], err = namedshm.OpenMutex(r.Name, namedshm.Synchronize|namedshm.ModifyState)
	case "mutex lock":
		var abandoned bool
		abandoned, err = s.mutexes[r.Name].Lock(ctx)
		answer.Text = fmt.Sprint(abandoned)
	case "event create":
		s.events[r.Name], err = namedshm.CreateEvent(r.Name, namedshm.ManualReset, false,
			namedshm.ShareRights(namedshm.Everyone(), namedshm.Synchronize))
	case "event open":
		s.events[r.Name], err = namedshm.OpenEvent(r.Name, namedshm.Synchronize)
	case "event set":
		err = s.events[r.Name].Set()
	case "event wait":
		err = s.events[r.Name].Wait(ctx)
	}
	return answer, err
}

// hire starts another actor beside this one.
func (s *stage) hire() (reply, error) {
	cmd := exec.Command("/proc/self/exe")
	in, err := cmd.StdinPipe()
	if err != nil {
		return reply{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return reply{}, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return reply{}, err
	}
	t := &tenant{cmd, json.NewEncoder(in), json.NewDecoder(out)}
	var hello struct{ Thread int }
	if err := t.out.Decode(&hello); err != nil {
		return reply{}, err
	}
	s.tenants = append(s.tenants, t)
	return reply{Number: int64(len(s.tenants) - 1)}, nil
}

// numbers are those that a Local directory's name is made of: user, PID namespace, user namespace.
func numbers() (answer reply, err error) {
	answer.List = []string{fmt.Sprint(os.Geteuid())}
	for _, kind := range []string{"pid", "user"} {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return answer, err
		}
		answer.List = append(answer.List, strings.Trim(strings.TrimPrefix(link, kind), ":[]"))
	}
	return answer, nil
}

// elsewhere buries what is dead in other namespaces.
func elsewhere() (answer reply, err error) {
	found, err := upkeep.SweepElsewhere()
	for _, b := range found {
		if b.Swept {
			answer.Number++
		}
		answer.List = append(answer.List, fmt.Sprintf("%s: %s (%v) %s", b.Name, b.What, b.Swept, b.Reason))
	}
	return answer, err
}

// churn makes an object, or opens it, and lets it go again, many times.
func churn(name string, times int) error {
	for range times {
		s, _, err := namedshm.OpenOrCreate(name, 4096, namedshm.ReadWrite)
		if err != nil {
			return err
		}
		v, err := s.Map(0, 0, namedshm.ReadWrite)
		if err != nil {
			return err
		}
		if err := errors.Join(v.Close(), s.Close()); err != nil {
			return err
		}
	}
	return nil
}

// crowd is churn in several goroutines at once, with a name each.
func crowd(name string, times int) error {
	failures := make(chan error)
	const members = 4
	for i := range members {
		go func() { failures <- churn(fmt.Sprintf("%s%d", name, i), times) }()
	}
	var err error
	for range members {
		err = errors.Join(err, <-failures)
	}
	return err
}

// limit lets this process write no longer files than that; -1 is as before.
func limit(length int64) error {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(uint64(length), was.Max), Max: was.Max})
}

// hoard takes a shared lock on a file, as anybody may who can read it.
func (s *stage) hoard(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	s.locks = append(s.locks, f)
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Start: 1 << 40, Len: 1})
}

// landlord is an actor in a house that has others live there.
type landlord struct{ *actor }

// lodger is one of them, as a test sees it.
type lodger struct {
	landlord *landlord
	number   int
}

// let has somebody move in.
func (l *landlord) let() *lodger {
	l.T.Helper()
	return &lodger{l, int(l.Must(request{Op: "hire"}).Number)}
}

func (p *lodger) wrap(op string, r *request) request {
	p.landlord.T.Helper()
	outer := request{Op: op, Own: asked{Tenant: p.number}}
	if r != nil {
		line, err := json.Marshal(r)
		must(p.landlord.T, err)
		outer.Own.Inner = line
	}
	return outer
}

func (p *lodger) do(r request) reply {
	p.landlord.T.Helper()
	return p.landlord.Do(p.wrap("tell", &r))
}

func (p *lodger) must(r request) reply {
	p.landlord.T.Helper()
	return p.landlord.Must(p.wrap("tell", &r))
}

func (p *lodger) ask(r request) { p.landlord.Must(p.wrap("ask", &r)) }

func (p *lodger) answer() reply { return p.landlord.Must(p.wrap("answer", nil)) }

// refused wants an error with this code, which says all these words.
func (p *lodger) refused(r request, code namedshm.Code, words ...string) {
	p.landlord.T.Helper()
	p.landlord.Refused(p.wrap("tell", &r), code, words...)
}

func (p *lodger) stop()   { p.landlord.Must(p.wrap("stop", nil)) }
func (p *lodger) resume() { p.landlord.Must(p.wrap("resume", nil)) }

// waitFor has it wait for a name. It does when this returns.
func (p *lodger) waitFor(name string) {
	p.ask(request{Op: "waitopen", Name: name})
	p.landlord.Must(p.wrap("watches", nil))
}

// kill is kill -9, and waiting until the process is reaped.
func (p *lodger) kill() { p.landlord.Must(p.wrap("slay", nil)) }
