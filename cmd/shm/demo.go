package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// demoCmd shows the whole idea with two real processes.
type demoCmd struct {
	Global bool `help:"Use the Global namespace, which requires a privilege."`
	Kill   bool `help:"Kill the first process while it holds the section and the event, instead of letting it end."`
}

// Help has the details.
func (*demoCmd) Help() string {
	return `Starts two processes. The first creates a section of 256 bytes and an event, writes a message and sets the event. The
second waits for the event, opens the section by name and shows the message; nobody has to press a key in between. Then
both end, and the names and the memory are gone. Each step is shown with the call that made it, in Go and (in brackets)
in Win32.

Examples:

    shm demo
    shm demo --kill`
}

// demoMessage is what one process writes for the other.
const demoMessage = "Message from first process."

// demoSize is how many bytes the first process asks for.
const demoSize = 256

// demoTime bounds the demo: whatever goes wrong, it ends.
const demoTime = 30 * time.Second

// step is something that a process did, for display.
type step struct {
	Process string `json:"process"`
	PID     int    `json:"pid"`
	Go      string `json:"go,omitempty"`
	Win32   string `json:"win32,omitempty"`
	Result  string `json:"result"`
	Error   string `json:"error,omitempty"`
}

// Run runs the demonstration.
func (c *demoCmd) Run(a *app) error {
	prefix := namedshm.Local
	if c.Global {
		prefix = namedshm.Global
	}
	d := &demo{app: a, cmd: c, name: prefix.String() + "namedshm-demo-" + strconv.Itoa(os.Getpid())}
	defer d.end()
	for _, act := range []func() error{d.firstMakes, d.secondWaits, d.firstWrites, d.secondReads, d.bothHold, d.bothEnd,
		d.allIsGone} {
		if err := act(); err != nil {
			return err
		}
	}
	if a.asJSON {
		return a.json(map[string]string{"demo": "ok"})
	}
	return a.printf("\ndemo: ok\n")
}

// demo is the parent: it has the processes do one step at a time.
type demo struct {
	app           *app
	cmd           *demoCmd
	name          string
	first, second *actor
	memory        memory
}

// say heads an act.
func (d *demo) say(format string, args ...any) error {
	if d.app.asJSON {
		return nil
	}
	return d.app.printf("\n"+format+"\n", args...)
}

// tell prints a step.
func (d *demo) tell(s step) error {
	if d.app.asJSON {
		return d.app.json(s)
	}
	var lines []string
	if s.Go != "" {
		lines = append(lines, s.Go)
	}
	if s.Win32 != "" {
		lines = append(lines, "["+s.Win32+"]")
	}
	for i, line := range strings.Split(s.Result, "\n") {
		lines = append(lines, []string{"→ ", "  "}[min(i, 1)]+line)
	}
	for _, line := range lines {
		if err := d.app.printf("  %-6s  %s\n", s.Process, line); err != nil {
			return err
		}
		s.Process = ""
	}
	return nil
}

// self is a step of the parent's own.
func (d *demo) self(goCall, win32, format string, args ...any) error {
	return d.tell(step{Process: "demo", PID: os.Getpid(), Go: goCall, Win32: win32, Result: fmt.Sprintf(format, args...)})
}

// run has an actor do steps, and prints each.
func (d *demo) run(who *actor, verbs ...string) error {
	for _, verb := range verbs {
		s, err := who.do(verb)
		if err != nil {
			return err
		}
		if err := d.tell(s); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) firstMakes() (err error) {
	if d.first, err = start("first", d.name); err != nil {
		return err
	}
	if err := d.say("The first process (%d) creates a section and an event, and maps the section.",
		d.first.pid()); err != nil {
		return err
	}
	return d.run(d.first, "create", "create event", "map")
}

func (d *demo) secondWaits() (err error) {
	if d.second, err = start("second", d.name); err != nil {
		return err
	}
	if err := d.say("The second process (%d) opens the event by name and starts waiting for it.",
		d.second.pid()); err != nil {
		return err
	}
	if err := d.run(d.second, "open event"); err != nil {
		return err
	}
	return d.second.tell("wait") // its answer comes when the event is set
}

func (d *demo) firstWrites() error {
	if err := d.say("The first process writes. Then it sets the event."); err != nil {
		return err
	}
	return d.run(d.first, "write", "set")
}

func (d *demo) secondReads() error {
	if err := d.say("That ends the wait of the second process. It opens the section by name and reads."); err != nil {
		return err
	}
	waited, err := d.second.answer()
	if err != nil {
		return err
	}
	if err := d.tell(waited); err != nil {
		return err
	}
	return d.run(d.second, "open", "map", "read")
}

func (d *demo) bothHold() error {
	info, err := inspect.Stat(d.name)
	if err != nil {
		return err
	}
	if err := d.say("Both now hold the section and the event."); err != nil {
		return err
	}
	result := plural(info.Size, "byte")
	if info.Resident >= 0 {
		result += ", " + strconv.FormatInt(info.Resident, 10) + " of which are in memory"
	}
	for _, h := range info.Holders {
		result += fmt.Sprintf("\nprocess %d has %s", h.PID, holderCounts(&info, h))
	}
	if err := d.self(fmt.Sprintf("inspect.Stat(`%s`)", d.name), "NtQueryDirectoryObject, NtQuerySection, …", "%s",
		result); err != nil {
		return err
	}
	event, err := inspect.Stat(eventOf(d.name))
	if err != nil {
		return err
	}
	result = "an event"
	if event.State != nil {
		result += ", " + stateText(&event)
	}
	if err := d.self(fmt.Sprintf("inspect.Stat(`%s`)", eventOf(d.name)), "", "%s", result); err != nil {
		return err
	}
	d.memory = memoryOf(d.first.pid(), d.name, info.Size)
	if d.memory == nil {
		return nil
	}
	return d.self("", "", "%s", d.memory.before())
}

func (d *demo) bothEnd() error {
	if err := d.say("The second process closes both and ends."); err != nil {
		return err
	}
	if err := d.run(d.second, "unmap", "close", "close event"); err != nil {
		return err
	}
	if err := d.second.quit(); err != nil {
		return err
	}
	if d.cmd.Kill {
		if err := d.say("The first process is killed. It gets no chance to clean anything up."); err != nil {
			return err
		}
		d.first.kill()
		return d.self("os.Process.Kill()", "TerminateProcess(process, 1)", "process %d is dead", d.first.pid())
	}
	if err := d.say("The first process closes both and ends. Its handles were the last."); err != nil {
		return err
	}
	if err := d.run(d.first, "unmap", "close", "close event"); err != nil {
		return err
	}
	return d.first.quit()
}

func (d *demo) allIsGone() error {
	if err := d.say("Nobody holds them any more: the names and the memory are gone."); err != nil {
		return err
	}
	s, err := namedshm.Open(d.name, namedshm.Read)
	if err := d.absent(s, err, d.name, "namedshm.Open(`%s`, namedshm.Read)",
		`OpenFileMapping(FILE_MAP_READ, FALSE, %s)`); err != nil {
		return err
	}
	e, err := namedshm.OpenEvent(eventOf(d.name), namedshm.Synchronize)
	err = d.absent(e, err, eventOf(d.name), "namedshm.OpenEvent(`%s`, namedshm.Synchronize)",
		`OpenEvent(SYNCHRONIZE, FALSE, %s)`)
	if err != nil || d.memory == nil {
		return err
	}
	after, err := d.memory.after()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return d.self("", "", "%s", after)
}

// absent checks that an open has failed because nothing has the name.
func (d *demo) absent(opened io.Closer, err error, name, goCall, win32 string) error {
	if err == nil {
		opened.Close()
		return fmt.Errorf("demo: %s is still there", name)
	}
	var refused *namedshm.Error
	if !errors.As(err, &refused) || refused.Code != namedshm.ErrFileNotFound {
		return err
	}
	return d.self(fmt.Sprintf(goCall, name), fmt.Sprintf(win32, cString(name)), "%v", refused.Code)
}

// end leaves no process behind, whatever happened.
func (d *demo) end() {
	for _, who := range []*actor{d.first, d.second} {
		if who != nil {
			who.kill()
		}
	}
}

// memory is what the system itself shows of a section's memory, where it does.
type memory interface {
	before() string         // while processes hold it
	after() (string, error) // when none does; an error if something is left
}

// eventOf is the name of the event that goes with the demo's section.
func eventOf(name string) string { return name + "-written" }

// cString is a name as a C program would spell it.
func cString(name string) string { return `L"` + strings.ReplaceAll(name, `\`, `\\`) + `"` }

// actor is one of the two processes, as its parent sees it: it reads one verb per line and answers with one step per
// line.
type actor struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Scanner
	timer   *time.Timer
	ended   bool
}

// start starts this program again as one of the two processes.
func start(role, name string) (*actor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, "demo-process", role, name)
	c.Args[0] = os.Args[0] // what this program was called by
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(demoTime, func() { c.Process.Kill() })
	return &actor{command: c, stdin: stdin, answers: bufio.NewScanner(stdout), timer: timer}, nil
}

func (p *actor) pid() int { return p.command.Process.Pid }

// do has the process do one thing and waits for it.
func (p *actor) do(verb string) (step, error) {
	if err := p.tell(verb); err != nil {
		return step{}, err
	}
	return p.answer()
}

// tell has the process begin one thing.
func (p *actor) tell(verb string) error {
	if _, err := io.WriteString(p.stdin, verb+"\n"); err != nil {
		return fmt.Errorf("demo: process %d is gone: %w", p.pid(), err)
	}
	return nil
}

// answer waits until it is done.
func (p *actor) answer() (s step, err error) {
	if !p.answers.Scan() {
		return s, fmt.Errorf("demo: process %d ended without an answer", p.pid())
	}
	if err := json.Unmarshal(p.answers.Bytes(), &s); err != nil {
		return s, fmt.Errorf("demo: process %d: %w", p.pid(), err)
	}
	if s.Error != "" {
		return s, errors.New(s.Error)
	}
	return s, nil
}

// quit lets the process end by itself and waits until it is gone.
func (p *actor) quit() error {
	p.ended = true
	p.stdin.Close()
	defer p.timer.Stop()
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("demo: process %d: %w", p.pid(), err)
	}
	return nil
}

// kill ends the process and waits until it is gone. It does nothing to one that has ended.
func (p *actor) kill() {
	if p.ended {
		return
	}
	p.ended = true
	p.command.Process.Kill()
	p.command.Wait()
	p.timer.Stop()
}
