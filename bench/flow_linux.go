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
	"syscall"
	"time"

	"github.com/namedshm/namedshm/flow"
)

// Rows of the table. To all but the last ones the peer's name is added.
const (
	flowEach    = "1,000 messages of 64 B"
	flowBatched = "1,000 messages of 64 B, committed by 32"
	flowKilo    = "1 MiB in messages of 1 KiB"
	flowLarge   = "1 MiB in messages of 64 KiB"
	flowHuge    = "1 MiB in messages of 1 MiB"
	flowTrip    = "message of 64 B there and back"

	flowWrite  = "feed's Write of 64 B beside a copy"
	flowLatest = "feed's Latest of 64 B beside a copy"
	flowAmid   = "feed's Write of 64 B with eight readers of %s beside %s"
	ofLatest   = "Latest"
	ofNext     = "Next"
	besideNone = "none"
	besideOne  = "one"

	flowOnlookers = 8
)

// flowCase is a way to send messages. Its row is about so many of them.
type flowCase struct {
	what, heading     string
	size, batch, many int
}

var flowCases = []flowCase{
	{flowEach, "64 B, a commit each", 64, 1, 1000},
	{flowBatched, "64 B, committed by 32", 64, 32, 1000},
	{flowKilo, "1 KiB", 1 << 10, 1, 1 << 10},
	{flowLarge, "64 KiB", 64 << 10, 1, 16},
	{flowHuge, "1 MiB", 1 << 20, 1, 1},
}

// The peers of a ring.
var (
	ringC    = compiled{name: "a C ring", source: "stream_ring.c"}
	ringBare = compiled{name: "a C ring in one loop that wakes nobody", source: "stream_ring.c", flags: []string{"-DBARE"}}
	ringsC   = compiled{name: "two C rings", source: "ring.c"}
	messageC = compiled{name: "C that spins on a message", source: "message.c"}

	// streams are what people use instead.
	streams = []compiled{
		{name: "pipe", source: "stream_pipe.c"},
		{name: "Unix socket", source: "stream_socket.c"},
		{name: "Boost message_queue", source: "stream_boost.cpp", flags: []string{"-pthread"}},
		{name: "ZeroMQ ipc", source: "stream_zeromq.c", flags: []string{"-lzmq"}},
		{name: "iceoryx", source: "stream_iceoryx.cpp", iceoryx: true},
	}
)

// peers are who can send so. A commit of several messages at once is a thing of rings.
func (c flowCase) peers() []compiled {
	if c.batch > 1 {
		return []compiled{ringC, ringBare}
	}
	return slices.Concat([]compiled{ringC, ringBare}, streams)
}

// Of each case there are so many turns, and a turn of a player takes so long, and half as long again.
const (
	flowTurns = 30
	flowTurn  = 4 * time.Millisecond
)

// measureFlow compares rings and feeds.
func (w *workshop) measureFlow() (all results, err error) {
	c := contest{cores: twoCores}
	if c.cores, err = numbersOf(c.cores); err != nil {
		return c.left, c.leaveOut(wholeContest, err)
	}
	for _, x := range flowCases {
		rows, err := w.measureCase(x, c.cores)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	trips := gait{spin: "default", procs: runtime.NumCPU(), token: ofRing}
	c = contest{cores: twoCores, turns: 50, trips: 10_000, ours: []gait{trips}, peers: []compiled{ringsC, messageC}}
	if err := c.run(w); err != nil {
		return nil, err
	}
	all = slices.Concat(all, c.compare(flowTrip, trips, c.peers...), c.left, measureFeed())
	for _, how := range []string{ofLatest, ofNext} {
		rows, err := measureOnlookers(how, c.cores)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// measureCase has this library and all peers send in turns.
func (w *workshop) measureCase(x flowCase, cores [2]int) (results, error) {
	var c contest
	defer func() {
		for _, p := range c.players {
			p.end()
		}
	}()
	if err := c.join(stream{cores, uniqueName(), x.size, x.batch}.start()); err != nil {
		return nil, err
	}
	for _, peer := range x.peers() {
		if err := c.join(w.start(peer, cores, fmt.Sprint(x.size), fmt.Sprint(x.batch))); err != nil {
			if err := c.leaveOut(beside(x.what, peer), err); err != nil {
				return nil, err
			}
		}
	}
	counts := make([]int, len(c.players))
	for i, p := range c.players {
		var err error
		if counts[i], err = p.countFor(flowTurn); err != nil {
			return nil, err
		}
	}
	for range flowTurns {
		for i, p := range c.players {
			if err := p.play(counts[i]); err != nil {
				return nil, err
			}
		}
	}
	var all results
	ours := c.players[0].per(x.many, counts[0])
	for i, p := range c.players[1:] {
		all = append(all, inPairs(x.what+", beside "+p.name, p.per(x.many, counts[i+1]), ours, 1))
	}
	return append(all, c.left...), nil
}

// countFor is how many messages take so long, or the least that are measured.
func (p *player) countFor(d time.Duration) (int, error) {
	for n := tenths; ; n *= 2 {
		all, _, err := p.ask(n, "")
		if err != nil || all >= d/2 || n >= 1<<20 {
			return n, err
		}
	}
}

// per is how long so many messages took in each turn of count. It is by the whole turn: of parts of it some are those
// in which a receiver that was stopped empties a ring that is full, and no sender disturbs it.
func (p *player) per(many, count int) []time.Duration {
	took := make([]time.Duration, len(p.all))
	for i, d := range p.all {
		took[i] = time.Duration(float64(d) / float64(count) * float64(many))
	}
	return took
}

// ringToken passes a message of 64 bytes, which each side writes and reads. The ring is made by the side that awaits,
// which may be started by the one that sends.
func ringToken(name string, sends bool) token {
	ctx := context.Background()
	if sends {
		var s *flow.Sender[line]
		number := uint64(0)
		return token{send: func() {
			if s == nil {
				s = must(flow.OpenSender[line](ctx, name))
			}
			m, err := s.Claim(ctx, 1)
			if err != nil {
				check(err)
			}
			number++
			for i := range &m[0] {
				m[0][i] = number + uint64(i)
			}
			s.Commit()
		}}
	}
	r := must(flow.NewReceiver[line](name, flow.Ring{Lanes: 1}))
	return token{await: func() { receiveLines(r, 1) }}
}

// measureFeed compares a feed that nobody else uses with a copy.
func measureFeed() results {
	w := must(flow.NewWriter[byte](uniqueName(), flow.Feed{Depth: 4, Most: lineBytes}))
	defer w.Close()
	r := must(flow.OpenReader[byte](context.Background(), w.Name()))
	defer r.Close()
	m, buffer := make([]byte, lineBytes), make([]byte, lineBytes)
	check(w.Write(m...))
	peer := func() {
		for range loop {
			copy(buffer, m)
		}
	}
	return results{
		inLoops(flowWrite, peer, func() {
			for range loop {
				check(w.Write(m...))
			}
		}),
		inLoops(flowLatest, peer, func() {
			for range loop {
				buffer, _, _ = must2(r.Latest(buffer))
			}
		}),
	}
}

func must2[T, U any](v T, u U, err error) (T, U, error) {
	check(err)
	return v, u, nil
}

// onlookerVariable makes this program one of a feed's readers: "<core> <name> <how>".
const onlookerVariable = "NAMEDSHM_BENCH_ONLOOKER"

// lookOn reads a feed until it is killed.
func lookOn(job string) {
	var core int
	var name, how string
	must(fmt.Sscan(job, &core, &name, &how))
	ctx := context.Background()
	r := must(flow.OpenReader[byte](ctx, name))
	pinTo(core)
	fmt.Println("reading")
	for m := []byte(nil); ; {
		var err error
		if how == ofNext {
			m, _, err = r.Next(ctx, m)
		} else {
			m, _, err = r.Latest(m)
		}
		if errors.Is(err, context.Canceled) {
			return
		}
	}
}

// measureOnlookers compares a writer that has eight readers on the other core with the same while all or all but one of
// them are stopped.
func measureOnlookers(how string, cores [2]int) (results, error) {
	w := must(flow.NewWriter[byte](uniqueName(), flow.Feed{Depth: 64, Most: lineBytes}))
	defer w.Close()
	self := must(os.Executable())
	var readers []*os.Process
	for range flowOnlookers {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", onlookerVariable, cores[1], w.Name(), how))
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		cmd.Stderr = os.Stderr
		out := must(cmd.StdoutPipe())
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return nil, fmt.Errorf("a reader of a feed: %w", err)
		}
		readers = append(readers, cmd.Process)
	}
	running := len(readers)
	run := func(n int) {
		for ; running < n; running++ {
			check(readers[running].Signal(syscall.SIGCONT))
		}
		for ; running > n; running-- {
			check(readers[running-1].Signal(syscall.SIGSTOP))
		}
	}
	runtime.LockOSThread() // the writer's own core
	defer runtime.UnlockOSThread()
	defer pinThread(cores[0])()
	m := make([]byte, lineBytes)
	write := func(readers int) func() {
		return func() {
			run(readers)
			for range loop {
				check(w.Write(m...))
			}
		}
	}
	return results{
		inLoops(fmt.Sprintf(flowAmid, how, besideNone), write(0), write(flowOnlookers)),
		inLoops(fmt.Sprintf(flowAmid, how, besideOne), write(1), write(flowOnlookers)),
	}, nil
}
