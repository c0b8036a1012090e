package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// player is two processes that pass a token there and back on demand, and sleep otherwise.
type player struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	all  []time.Duration // what all round trips of a turn took together
	some []time.Duration // what the turn's median stretch took

	// Of turns in which each round trip is measured: what the median one took, and the 99th percentile.
	p50, p99 []time.Duration
}

func newPlayer(name string, cmd *exec.Cmd) (*player, error) {
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	return &player{name: name, cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// play is one turn, measured in stretches.
func (p *player) play(trips int) error {
	all, some, err := p.ask(trips, "")
	p.all, p.some = append(p.all, all), append(p.some, some)
	return err
}

// playEach is one turn in which each round trip is measured.
func (p *player) playEach(trips int) error {
	p50, p99, err := p.ask(trips, eachTrip)
	p.p50, p.p99 = append(p.p50, p50), append(p.p99, p99)
	return err
}

func (p *player) ask(trips int, how string) (first, second time.Duration, err error) {
	const patience = time.Minute // a token that is lost is not waited for
	stop := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer stop.Stop()
	if _, err := fmt.Fprintf(p.in, "%d%s\n", trips, how); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", p.name, err)
	}
	if _, err := fmt.Fscanln(p.out, &first, &second); err != nil {
		return 0, 0, fmt.Errorf("%s: %d round trips did not end within %v: %w", p.name, trips, patience, err)
	}
	return first, second, nil
}

func (p *player) end() {
	p.in.Close()
	p.cmd.Wait()
}

// wholeContest is noted as left out where there are too few processors.
const wholeContest = "contest"

// contest is players that take turns, so that whatever else the machine does hits all.
type contest struct {
	cores        [2]int // of those that this process may use, the first and so on
	turns, trips int
	each         bool   // each round trip is measured, and not stretches of them
	ours         []gait // this library, once for each
	peers        []compiled

	players []*player
	left    results // what does not take part, and why
}

// run plays all turns. Peers that are not available are left out.
func (c *contest) run(w *workshop) (err error) {
	defer func() {
		for _, p := range c.players {
			p.end()
		}
	}()
	if c.cores, err = numbersOf(c.cores); err != nil {
		return c.leaveOut(wholeContest, err)
	}
	for _, g := range c.ours {
		if err := c.join(eventPair{uniqueName(), c.cores, g}.start()); err != nil {
			return err
		}
	}
	for _, peer := range c.peers {
		if err := c.join(w.start(peer, c.cores)); err != nil {
			if err := c.leaveOut(peer.name, err); err != nil {
				return err
			}
		}
	}
	play := (*player).play
	if c.each {
		play = (*player).playEach
	}
	for range c.turns {
		for _, p := range c.players {
			if err := play(p, c.trips); err != nil {
				return err
			}
		}
	}
	return nil
}

// numbersOf are the numbers of the first core that this process may use, the second and so on.
func numbersOf(cores [2]int) ([2]int, error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return cores, err
	}
	var usable []int
	for core := 0; len(usable) < allowed.Count(); core++ {
		if allowed.IsSet(core) {
			usable = append(usable, core)
		}
	}
	if len(usable) <= max(cores[0], cores[1]) {
		return cores, fmt.Errorf("%d cores are too few", len(usable))
	}
	return [2]int{usable[cores[0]], usable[cores[1]]}, nil
}

func (c *contest) join(p *player, err error) error {
	if err == nil {
		c.players = append(c.players, p)
	}
	return err
}

// leaveOut notes what cannot be measured here. Where CI=true everything must be, and it is an error.
func (c *contest) leaveOut(what string, why error) error {
	if os.Getenv("CI") == "true" {
		return fmt.Errorf("%s: %w", what, why)
	}
	c.left = append(c.left, result{What: what, Note: fmt.Sprintf("left out: %v", why)})
	return nil
}

// compare sets this library, in one gait, beside each of the peers that took part, by the median stretches of the
// same turn.
func (c *contest) compare(what string, g gait, peers ...compiled) (all results) {
	for _, peer := range peers {
		ours, theirs := c.player(g.String()), c.player(peer.name)
		if ours != nil && theirs != nil {
			all = append(all, inPairs(beside(what, peer), theirs.some, ours.some, stretch))
		}
	}
	return all
}

// compareGo is compare beside bare futexes in Go.
func (c *contest) compareGo(what string, g gait) results {
	ours, theirs := c.player(g.String()), c.player(bareGo.String())
	return results{inPairs(besideGo(what), theirs.some, ours.some, stretch)}
}

// compareAll is compare by all round trips, with those between which the machine did something else.
func (c *contest) compareAll(what string, g gait, peer compiled) results {
	ours, theirs := c.player(g.String()), c.player(peer.name)
	if ours == nil || theirs == nil {
		return nil
	}
	return results{inPairs(beside(what, peer), theirs.all, ours.all, c.trips)}
}

// inPairs compares what was measured in turns, so many at once.
func inPairs(what string, peer, ours []time.Duration, atOnce int) result {
	ratios := make([]float64, len(peer))
	for turn := range peer {
		ratios[turn] = float64(ours[turn]) / float64(peer[turn])
	}
	each := time.Duration(atOnce)
	return result{What: what, Peer: median(peer) / each, Ours: median(ours) / each, Ratio: median(ratios)}
}

func (c *contest) player(name string) *player {
	i := slices.IndexFunc(c.players, func(p *player) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return c.players[i]
}
