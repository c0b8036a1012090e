package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/namedshm/namedshm/flow"
)

// This library's side of what testdata/stream.h describes: two processes and a ring.

// streamVariable makes this program one of the two: "<side> <core> <core> <name> <size> <batch>".
const streamVariable = "NAMEDSHM_BENCH_STREAM"

// stream is a ring from one process to another.
type stream struct {
	cores [2]int
	name  string
	size  int // of a message, in bytes
	batch int // messages in a commit
}

// line is a message that is made and used in place. What is larger is bytes, and copied at both ends.
type line [8]uint64

func (s stream) side(side string) (*exec.Cmd, error) {
	self, err := os.Executable()
	cmd := exec.Command(self)
	job := fmt.Sprintf("%s %d %d %s %d %d", side, s.cores[0], s.cores[1], s.name, s.size, s.batch)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", runtime.NumCPU()), streamVariable+"="+job)
	return cmd, err
}

func (s stream) start() (*player, error) {
	cmd, err := s.side("receiver")
	if err != nil {
		return nil, err
	}
	return newPlayer(ourStream, cmd)
}

// ourStream is the name of this library's player.
const ourStream = "namedshm"

// playStream is what the two processes do.
func playStream(job string) {
	var s stream
	var side string
	must(fmt.Sscan(job, &side, &s.cores[0], &s.cores[1], &s.name, &s.size, &s.batch))
	switch {
	case side == "receiver" && s.size == lineBytes:
		receiveStream(s, receiveLines)
	case side == "receiver":
		receiveStream(s, receiveBytes)
	case s.size == lineBytes:
		sendStream(s, sendLines(s.batch))
	default:
		sendStream(s, sendBytes(s.size, s.batch))
	}
}

const lineBytes = 64

// fill copies in pieces that stay in the cache, as Send does.
func fill(place, m []byte) {
	for piece := range slices.Chunk(m, 128<<10) {
		copy(place, piece)
		place = place[len(piece):]
	}
}

// capacityFor is how large a ring for such messages is.
func capacityFor(size int) int64 {
	capacity := int64(1 << 20)
	for capacity < 4*int64(size) {
		capacity *= 2
	}
	return capacity
}

// tenths is in how many parts a turn is measured.
const tenths = 10

// receiveStream measures what this function receives, which is the same as testdata/stream.h.
func receiveStream[T any](s stream, receive func(r *flow.Receiver[T], n int)) {
	r := must(flow.NewReceiver[T](s.name, flow.Ring{Lanes: 1, Capacity: capacityFor(s.size)}))
	runtime.LockOSThread() // for the child's life
	cmd := must(s.side("sender"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	control := must(cmd.StdinPipe())
	check(cmd.Start())
	runtime.UnlockOSThread()
	pinTo(s.cores[0])
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n := must(strconv.Atoi(lines.Text()))
		must(fmt.Fprintln(control, n))
		receive(r, n/4+1)
		took := make([]time.Duration, tenths)
		start := time.Now()
		last := start
		for i := range took {
			if receive(r, n/tenths); i == 0 {
				receive(r, n%tenths)
			}
			now := time.Now()
			took[i], last = now.Sub(last), now
		}
		receive(r, n/4+1)
		slices.Sort(took)
		fmt.Println(last.Sub(start).Nanoseconds(), took[tenths/2].Nanoseconds()*tenths)
	}
	check(errors.Join(control.Close(), cmd.Wait()))
}

// receiveLines adds the numbers up.
func receiveLines(r *flow.Receiver[line], n int) {
	ctx := context.Background()
	for range n {
		m, err := r.Next(ctx)
		if err != nil {
			check(err)
		}
		all := uint64(0)
		for _, x := range &m[0] {
			all += x
		}
		runtime.KeepAlive(all) // so that nothing is computed in vain
	}
}

func receiveBytes(r *flow.Receiver[byte], n int) {
	ctx := context.Background()
	for range n {
		m, err := r.Next(ctx)
		check(err)
		if received == nil {
			received = make([]byte, len(m))
		}
		fill(received, m)
	}
}

var received []byte

func sendStream[T any](s stream, send func(s *flow.Sender[T], n int)) {
	sender := must(flow.OpenSender[T](context.Background(), s.name))
	pinTo(s.cores[1])
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n := must(strconv.Atoi(lines.Text()))
		send(sender, n+2*(n/4+1))
	}
	check(sender.Close())
}

func sendLines(batch int) func(s *flow.Sender[line], n int) {
	return func(s *flow.Sender[line], n int) {
		ctx := context.Background()
		for i := range n {
			m, err := s.Claim(ctx, 1)
			if err != nil {
				check(err)
			}
			for k := range &m[0] {
				m[0][k] = uint64(i + k)
			}
			if (i+1)%batch == 0 {
				s.Commit()
			}
		}
		s.Commit()
	}
}

func sendBytes(size, batch int) func(s *flow.Sender[byte], n int) {
	made := make([]byte, size)
	return func(s *flow.Sender[byte], n int) {
		ctx := context.Background()
		for i := range n {
			m, err := s.Claim(ctx, size)
			check(err)
			fill(m, made)
			if (i+1)%batch == 0 {
				s.Commit()
			}
		}
		s.Commit()
	}
}
