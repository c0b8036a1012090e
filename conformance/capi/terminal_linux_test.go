package capi

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program on a terminal of its own.
type terminal struct {
	t       *testing.T
	command *exec.Cmd
	keys    *os.File // the side of the keyboard and the screen
	line    *os.File // the program's side

	lock   sync.Mutex
	screen strings.Builder
	ended  chan error
}

// onTerminal starts a program on a new terminal.
func onTerminal(t *testing.T, c *exec.Cmd) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	q := &terminal{t: t, command: c, keys: keys, line: line, ended: make(chan error, 1)}
	c.Stdin, c.Stdout, c.Stderr = line, line, line
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// Whoever started the tests may ignore SIGINT, and what is ignored is inherited; what is caught is not.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	defer signal.Stop(interrupts)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go q.read()
	go func() { q.ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Kill()
		line.Close()
		keys.Close()
	})
	return q
}

func (q *terminal) read() {
	b := make([]byte, 4096)
	for {
		n, err := q.keys.Read(b)
		q.lock.Lock()
		q.screen.Write(b[:n])
		q.lock.Unlock()
		if err != nil {
			return
		}
	}
}

func (q *terminal) shown() string {
	q.lock.Lock()
	defer q.lock.Unlock()
	return q.screen.String()
}

// await waits until something is so.
func (q *terminal) await(what string, so func() bool) {
	q.t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			q.t.Fatalf("waited in vain for %s; the terminal shows\n%s", what, q.shown())
		}
	}
}

func (q *terminal) awaitText(text string) {
	q.t.Helper()
	q.await(fmt.Sprintf("%q", text), func() bool { return strings.Contains(q.shown(), text) })
}

// local is the terminal's local modes.
func (q *terminal) local() uint32 {
	q.t.Helper()
	settings, err := unix.IoctlGetTermios(int(q.line.Fd()), unix.TCGETS)
	if err != nil {
		q.t.Fatal(err)
	}
	return settings.Lflag
}

// awaitKeyWanted waits until the program waits for a key.
func (q *terminal) awaitKeyWanted() {
	q.t.Helper()
	q.await("a wish for a key", func() bool { return q.local()&(unix.ICANON|unix.ECHO) == 0 })
}

func (q *terminal) press(key string) {
	q.t.Helper()
	if _, err := q.keys.WriteString(key); err != nil {
		q.t.Fatal(err)
	}
}

// end waits until the program has ended.
func (q *terminal) end() *os.ProcessState {
	q.t.Helper()
	select {
	case <-q.ended:
	case <-time.After(patience):
		q.t.Fatalf("it does not end; the terminal shows\n%s", q.shown())
	}
	return q.command.ProcessState
}

// endWell waits until the program has ended, which must have gone well and have left the terminal as it was.
func (q *terminal) endWell() {
	q.t.Helper()
	if state := q.end(); !state.Success() {
		q.t.Fatalf("%v; the terminal shows\n%s", state, q.shown())
	}
	if q.local()&unix.ICANON == 0 || q.local()&unix.ECHO == 0 {
		q.t.Error("the terminal is left in the mode for single keys")
	}
}
