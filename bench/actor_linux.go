package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/namedshm/namedshm"
)

// actorVariable makes this program hold sections: "<first> <count>".
const actorVariable = "NAMEDSHM_BENCH_ACTOR"

// oneVariable, set, makes it hold that many handles to the first section instead.
const oneVariable = "NAMEDSHM_BENCH_ACTOR_ONE"

// becomeActor plays the other process, if this is one.
func becomeActor() bool {
	if name := os.Getenv(readerVariable); name != "" {
		s := must(namedshm.Open(name, namedshm.Read))
		v := must(s.Map(0, 0, namedshm.Read))
		_ = v.Bytes()[0]
		check(v.Close())
		check(s.Close())
		return true
	}
	if name := os.Getenv(echoVariable); name != "" {
		echo(name)
	}
	if job := os.Getenv(sideVariable); job != "" {
		playSide(job)
		return true
	}
	if job := os.Getenv(streamVariable); job != "" {
		playStream(job)
		return true
	}
	if job := os.Getenv(onlookerVariable); job != "" {
		lookOn(job)
		return true
	}
	if job := os.Getenv(idlerVariable); job != "" {
		idle(job)
		return true
	}
	job := os.Getenv(actorVariable)
	if job == "" {
		return false
	}
	var first, count int
	must(fmt.Sscan(job, &first, &count))
	for i := first; i < first+count; i++ {
		defer holdSection(i).Close()
	}
	fmt.Println("holding")
	io.Copy(io.Discard, os.Stdin) // until the parent ends
	return true
}

func holdSection(i int) *namedshm.Section {
	if os.Getenv(oneVariable) == "" {
		return must(namedshm.Create(heldName(i), size, namedshm.ReadWrite))
	}
	s, _, err := namedshm.OpenOrCreate(heldName(0), size, namedshm.ReadWrite)
	return must(s, err)
}

func heldName(i int) string { return "held-" + strconv.Itoa(i) }

// holders are processes that hold sections by name, because a handle outlives no process, and because one process
// may not have enough descriptors.
type holders []func()

func (h holders) end() {
	for _, end := range h {
		end()
	}
}

// hold creates count sections in as many processes as necessary.
func hold(first, count int) (holders, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	each := (int(min(limit.Max, 1<<20)) - 100) / 2 // a handle takes two
	var all holders
	for at := first; at < first+count; at += each {
		end, err := holdSome(at, min(each, first+count-at))
		if err != nil {
			all.end()
			return nil, err
		}
		all = append(all, end)
	}
	return all, nil
}

func holdSome(first, count int) (end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", actorVariable, first, count))
	c.Stderr = os.Stderr
	in, err1 := c.StdinPipe()
	out, err2 := c.StdoutPipe()
	if err := errors.Join(err1, err2, c.Start()); err != nil {
		return nil, err
	}
	end = func() {
		in.Close()
		c.Wait()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "holding\n" {
		end()
		return nil, fmt.Errorf("a holder of %d sections failed: %q %v", count, line, err)
	}
	return end, nil
}
