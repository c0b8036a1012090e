package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plainprefix"
	"github.com/namedshm/namedshm/wine"
)

const (
	wineNative = "Windows program under Wine answers, beside a native one"
	wineBridge = "Windows program under Wine answers, beside a bridge that copies every 16ms"
)

// echoVariable makes this program answer in the section of that name.
const echoVariable = "NAMEDSHM_BENCH_ECHO"

// words are what two processes store to and load from.
type words struct{ ping, pong atomic.Uint64 }

func wordsIn(s *namedshm.Section) *words {
	return must(namedshm.At[words](must(s.Map(0, 0, namedshm.ReadWrite)), 0))
}

// echo answers until the process is ended.
func echo(name string) {
	w := wordsIn(must(namedshm.Open(name, namedshm.ReadWrite)))
	fmt.Println("answering")
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		w.pong.Store(w.ping.Load())
	}
}

// trip stores a number in one place and waits until it is back in another.
func trip(to *words, from *atomic.Uint64, number uint64) {
	to.ping.Store(number)
	for from.Load() != number {
	}
}

// measureWine compares how long a number takes to a Windows program and back: by the same pages, and, for the way back,
// by a bridge such as people make do with, which copies the section at the pace of a frame.
func (w *workshop) measureWine() (results, error) {
	found, err := w.windowsEcho()
	if err != nil {
		c := contest{}
		err = c.leaveOut("Wine", err)
		return c.left, err
	}
	return found, nil
}

func (w *workshop) windowsEcho() (results, error) {
	prefix, err := w.prefix()
	if err != nil {
		return nil, err
	}
	defer plainprefix.Remove(prefix)
	windows, err := w.startWindows(prefix)
	if err != nil {
		return nil, err
	}
	defer windows.end()
	p, err := wine.Find(prefix)
	if err != nil {
		return nil, err
	}
	s, err := p.Open(context.Background(), "Echo", namedshm.ReadWrite)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	name := uniqueName()
	held := must(namedshm.Create(name, 4096, namedshm.ReadWrite))
	defer held.Close()
	self := must(os.Executable())
	native := exec.Command(self)
	native.Env = append(os.Environ(), echoVariable+"="+name)
	peer, err := newEcho(native)
	if err != nil {
		return nil, err
	}
	defer peer.end()
	return raceEchoes(wordsIn(held), wordsIn(s.Section), peer, windows)
}

// raceEchoes measures in turns. A process that has not answered is stopped meanwhile: it would use up a processor.
func raceEchoes(near, far *words, peer, windows *echoer) (results, error) {
	const turns, stretches, trips = 20, 50, 20
	number := uint64(0)
	measure := func(w *words, from *atomic.Uint64, stretches, trips int) time.Duration {
		took := make([]time.Duration, stretches)
		for i := range took {
			start := time.Now()
			for range trips {
				number++
				trip(w, from, number)
			}
			took[i] = time.Since(start) / time.Duration(trips)
		}
		return median(took)
	}
	var natives, own, bridged []time.Duration
	for range turns {
		windows.stop()
		peer.goOn()
		natives = append(natives, measure(near, &near.pong, stretches, trips))
		peer.stop()
		windows.goOn()
		own = append(own, measure(far, &far.pong, stretches, trips))
	}
	var copied atomic.Uint64
	over := make(chan struct{})
	defer close(over)
	go func() {
		for tick := time.NewTicker(16 * time.Millisecond); ; {
			select {
			case <-tick.C:
				copied.Store(far.pong.Load())
			case <-over:
				tick.Stop()
				return
			}
		}
	}()
	for range turns {
		bridged = append(bridged, measure(far, &copied, 1, 3))
	}
	return results{inPairs(wineNative, natives, own, 1), inPairs(wineBridge, bridged, own, 1)}, nil
}

// prefix is a prefix for this measurement alone.
func (w *workshop) prefix() (string, error) {
	plain, err := plainprefix.Make()
	if err != nil {
		return "", err
	}
	directory, err := os.MkdirTemp(w.dir, "prefix-")
	if err != nil {
		return "", err
	}
	return directory, plainprefix.Clone(plain, directory)
}

func (w *workshop) startWindows(prefix string) (*echoer, error) {
	program := filepath.Join(w.dir, "winecho.exe")
	if out, err := exec.Command("x86_64-w64-mingw32-gcc", "-O2", "-o", program,
		filepath.Join(w.dir, "testdata", "winecho.c")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	loader, err := plainprefix.Loader()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(loader, program, "Echo")
	cmd.Env = plainprefix.Environ(prefix)
	return newEcho(cmd)
}

// echoer is a process that answers.
type echoer struct {
	cmd *exec.Cmd
	in  io.Closer
}

func newEcho(cmd *exec.Cmd) (*echoer, error) {
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	e := &echoer{cmd: cmd, in: in}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		e.end()
		return nil, fmt.Errorf("%v says %q: %w", cmd.Args, line, err)
	}
	return e, nil
}

func (e *echoer) stop() { e.cmd.Process.Signal(syscall.SIGSTOP) }
func (e *echoer) goOn() { e.cmd.Process.Signal(syscall.SIGCONT) }

func (e *echoer) end() {
	e.cmd.Process.Kill()
	e.in.Close()
	e.cmd.Wait()
}
