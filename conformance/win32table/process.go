package win32table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/namedshm/namedshm/internal/wtf8"
)

// Answer is what a call came to.
type Answer struct {
	Value   uint64
	Error   uint32
	Touched bool // whether the call wrote the last error
	Out     []string
}

// Number is one of the numbers that came by a pointer.
func (a Answer) Number(i int) uint64 {
	if i >= len(a.Out) {
		return 0
	}
	n, _ := strconv.ParseUint(a.Out[i], 10, 64)
	return n
}

// Bytes is the bytes that came.
func (a Answer) Bytes() []byte {
	if len(a.Out) == 0 {
		return nil
	}
	var b []byte
	fmt.Sscanf(strings.TrimPrefix(a.Out[0], "x:"), "%x", &b)
	return b
}

// Process is a process that makes calls.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex
	waiting map[int]chan string
	ended   error
}

// start starts a process.
func start(cmd *exec.Cmd) (*Process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, in: in, waiting: map[int]chan string{}}
	go p.listen(out)
	return p, nil
}

// listen hands each answer to whoever waits for it.
func (p *Process) listen(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			p.mu.Lock()
			p.ended = errEnded
			for thread, c := range p.waiting {
				close(c)
				delete(p.waiting, thread)
			}
			p.mu.Unlock()
			return
		}
		number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		thread, _ := strconv.Atoi(number)
		p.mu.Lock()
		c := p.waiting[thread]
		delete(p.waiting, thread)
		p.mu.Unlock()
		if c != nil {
			c <- rest
		}
	}
}

// begin has a thread make a call, and returns what waits for its end.
func (p *Process) begin(thread int, function string, arguments ...any) (func() (Answer, error), error) {
	line := fmt.Sprint(thread, " ", function)
	for _, a := range arguments {
		line += fmt.Sprint(" ", a)
	}
	c := make(chan string, 1)
	p.mu.Lock()
	err := p.ended
	if err == nil {
		p.waiting[thread] = c
	}
	p.mu.Unlock()
	if err == nil {
		_, err = io.WriteString(p.in, line+"\n")
	}
	if err != nil {
		return nil, fmt.Errorf("%.200s: %w", line, err)
	}
	return func() (Answer, error) {
		text, ok := <-c
		if !ok {
			return Answer{}, fmt.Errorf("%.200s: %w", line, errEnded)
		}
		a, err := parseAnswer(text)
		if err != nil {
			err = fmt.Errorf("%.200s: %w", line, err)
		}
		return a, err
	}, nil
}

// call has a thread make a call, and returns its answer.
func (p *Process) call(thread int, function string, arguments ...any) (Answer, error) {
	end, err := p.begin(thread, function, arguments...)
	if err != nil {
		return Answer{}, err
	}
	return end()
}

var (
	errUnknown = errors.New("the process knows no such function")
	errEnded   = errors.New("the process has ended")
)

// running reports that the process has not ended.
func (p *Process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended == nil
}

func parseAnswer(text string) (a Answer, err error) {
	f := strings.Fields(text)
	if len(f) == 1 && f[0] == "?" {
		return a, errUnknown
	}
	if len(f) < 2 {
		return a, fmt.Errorf("%q is no answer", text)
	}
	if a.Value, err = strconv.ParseUint(f[0], 10, 64); err != nil {
		return a, err
	}
	if f[1] != "-" {
		n, err := strconv.ParseUint(f[1], 10, 32)
		if err != nil {
			return a, err
		}
		a.Error, a.Touched = uint32(n), true
	}
	a.Out = f[2:]
	return a, nil
}

// kill ends the process as SIGKILL and TerminateProcess do, and returns when the system has taken it away.
func (p *Process) kill() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	p.cmd.Wait()
	return err
}

// leave has the process end by itself, with whatever it holds.
func (p *Process) leave() error {
	if _, err := io.WriteString(p.in, "0 exit\n"); err != nil {
		return err
	}
	p.cmd.Wait()
	return nil
}

// wide is a name for a W function.
func wide(name string) string {
	var b strings.Builder
	b.WriteString("w:")
	for _, unit := range wtf8.Encode(name) {
		fmt.Fprintf(&b, "%04x", unit)
	}
	return b.String()
}

// ansi is a name for an A function.
func ansi(name string) string { return fmt.Sprintf("a:%x", name) }
