package gotable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// world is what one run of one row has to do with.
type world struct {
	spec.Run

	first   *namedshm.Section // the handle that the row's beginning leaves open, if another one is made later
	section *namedshm.Section // the handle that the row is about
	protect namedshm.Protection
	view    *namedshm.View // the view that the row is about
	other   *namedshm.View // a second one
	stale   []byte         // what a closed view's memory was
	wrote   []byte         // what was written last

	made    namedshm.Waitable     // the creator's handle of an event, a mutex or a semaphore
	object  namedshm.Waitable     // the handle that the row is about
	lists   [][]namedshm.Waitable // what a wait for several is for; where there are several lists, one wait for each
	waiters int                   // how many wait for the event
	way     way                   // how the row's wait is made

	child   *child
	cleanup []func()
}

func (w *world) close() {
	for i := len(w.cleanup) - 1; i >= 0; i-- {
		w.cleanup[i]()
	}
}

// keep closes a handle or view at the end of the row, if the row has not.
func (w *world) keep(c io.Closer) { w.cleanup = append(w.cleanup, func() { c.Close() }) }

// create makes a section as CreateFileMapping does, with the rights that Windows grants for the protection.
func (w *world) create(name string, size int64, p namedshm.Protection,
	options ...namedshm.SectionOption) (*namedshm.Section, bool, error) {
	_, access := grantedTo(w.Rows, p)
	s, created, err := namedshm.OpenOrCreate(name, size, access, append(options, namedshm.WithProtection(p))...)
	if err != nil {
		return nil, false, err
	}
	w.keep(s)
	return s, !created, nil
}

// begin makes the section that a row begins with.
func (w *world) begin(size int64, p namedshm.Protection, options ...namedshm.SectionOption) error {
	s, existed, err := w.create(w.Name(), size, p, options...)
	if err == nil && existed {
		err = errors.New("the test's own name is taken")
	}
	w.first, w.section, w.protect = s, s, p
	return err
}

// beginView makes the section and view that a row begins with.
func (w *world) beginView(size int64, access namedshm.Access) (err error) {
	if err := w.begin(size, namedshm.PageReadWrite); err != nil {
		return err
	}
	w.view, err = w.mapWhole(w.section, access)
	return err
}

func (w *world) mapWhole(s *namedshm.Section, access namedshm.Access) (*namedshm.View, error) {
	return w.mapRange(s, 0, 0, access)
}

func (w *world) mapRange(s *namedshm.Section, offset, length int64, access namedshm.Access) (*namedshm.View, error) {
	v, err := s.Map(offset, length, access)
	if err != nil {
		return nil, err
	}
	w.keep(v)
	return v, nil
}

func (w *world) open(name string, access namedshm.Access) (*namedshm.Section, error) {
	s, err := namedshm.Open(name, access)
	if err != nil {
		return nil, err
	}
	w.keep(s)
	return s, nil
}

// write puts text where the row's bytes are, and remembers it.
func (w *world) write(v *namedshm.View, text string) error {
	w.wrote = []byte(text)
	_, err := v.WriteAt(w.wrote, 0)
	return err
}

// read is the first n bytes of a view.
func read(v *namedshm.View, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := v.ReadAt(b, 0)
	return b, err
}

// sees reports whether a view begins with what was written last.
func (w *world) sees(v *namedshm.View) (bool, error) {
	b, err := read(v, len(w.wrote))
	return bytes.Equal(b, w.wrote), err
}

var sink byte

func peek(b []byte, i int) (faulted bool) { return spec.Faults(func() { sink += b[i] }) }

func poke(b []byte, i int, value byte) (faulted bool) { return spec.Faults(func() { b[i] = value }) }

// address is where a view's memory lies.
func address(v *namedshm.View) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(fmt.Sprintf("%p", v.Bytes()), "0x"), 16, 64)
	return n
}

// child is a real process that holds handles and views, and does what it is told line by line.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const actorVariable = "NAMEDSHM_TABLE_ACTOR"

func (w *world) startChild() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c := &child{cmd: exec.Command(program)}
	// The race detector lets a program sleep for a second when it ends.
	c.cmd.Env = append(os.Environ(), actorVariable+"=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return err
	}
	w.child = c
	w.cleanup = append(w.cleanup, func() { c.kill() })
	return nil
}

// kill ends the child as SIGKILL and TerminateProcess do, and returns when the system has taken it away.
func (c *child) kill() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	err := c.cmd.Process.Kill()
	c.cmd.Wait()
	return err
}

// leave has the child end by itself, with whatever it holds, and returns when the system has taken it away.
func (c *child) leave() error {
	if _, err := fmt.Fprintln(c.in, "exit"); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// ask has the child do one thing, and returns what it answers.
func (c *child) ask(command string) (answer string, err error) {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return "", err
	}
	if answer, err = c.out.ReadString('\n'); err != nil {
		return "", fmt.Errorf("the child died of %q: %w", command, err)
	}
	return strings.TrimSuffix(answer, "\n"), nil
}

// does has the child do things, one after the other.
func (c *child) does(commands ...string) error {
	for _, command := range commands {
		switch answer, err := c.ask(command); {
		case err != nil:
			return err
		case answer != "ok":
			return fmt.Errorf("the child cannot %q: %s", command, answer)
		}
	}
	return nil
}

var commandPattern = regexp.MustCompile(`^(\w+)(?: (\S+))?(?: (.*))?$`)

// act is the child's side. It ends with its input, that is with its parent.
func act() {
	var a actor
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := a.do(commandPattern.FindStringSubmatch(lines.Text())); err != nil {
			fmt.Println(answerTo(err))
			continue
		}
		fmt.Println("ok")
	}
}

// actor is what the child holds.
type actor struct {
	section *namedshm.Section
	view    *namedshm.View
	object  namedshm.Waitable
}

func (a *actor) do(m []string) (err error) {
	switch m[1] {
	case "create":
		a.section, err = namedshm.Create(m[2], 4096, namedshm.ReadWrite)
	case "open":
		a.section, err = namedshm.Open(m[2], namedshm.ReadWrite)
	case "map":
		var access namedshm.Access
		if access, err = parseAccess(m[2]); err == nil {
			a.view, err = a.section.Map(0, 0, access)
		}
	case "write":
		_, err = a.view.WriteAt([]byte(m[2]), 0)
	case "close":
		err = a.section.Close()
	case "mutex":
		a.object, err = namedshm.OpenMutex(m[2], namedshm.AllRights)
	case "semaphore":
		a.object, err = namedshm.OpenSemaphore(m[2], namedshm.AllRights)
	case "take":
		var taken bool
		if taken, _, err = try(a.object); err == nil && !taken {
			err = errors.New("somebody else has it")
		}
	case "exit":
		os.Exit(0)
	case "renounce":
		err = spec.DropPrivilege()
	case "attempt":
		err = attempt(m[2], m[3])
	default:
		err = errors.New("no such command")
	}
	return err
}
