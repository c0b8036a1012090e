//go:build linux

package flow

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/internal/depth"
)

// reading is what one reader has read of a feed whose messages are their own numbers, over and over.
type reading struct {
	got, lost uint64
	number    uint64
	snapshots int
	busy      int
	buf       []message
	slow      *rand.Rand // it takes its time, now and then
}

// same reports that a message is whole.
func same(m []message) bool {
	for _, v := range m {
		if v != m[0] {
			return false
		}
	}
	return len(m) > 0
}

// readOn reads by Next, Latest and Look until it is over. Everything that was written is read or counted as lost.
func (h *reading) readOn(r *flow.Reader[message], over chan struct{}) error {
	for {
		select {
		case <-over:
			return nil
		default:
		}
		if err := h.one(r); err != nil {
			return err
		}
		if h.slow != nil && h.slow.IntN(50) == 0 {
			time.Sleep(time.Duration(h.slow.IntN(300)) * time.Microsecond)
		}
	}
}

func (h *reading) one(r *flow.Reader[message]) error {
	m, lost, err := r.Next(within(nil), h.buf)
	h.lost += lost
	switch {
	case died(err) || err == io.EOF:
		return nil
	case errors.Is(err, namedshm.ErrBusy):
		h.number += lost
		h.busy++
		return nil
	case err != nil:
		return err
	case !same(m):
		return fmt.Errorf("torn: %x …", m[:min(len(m), 8)])
	case h.number > 0 && m[0] != h.number+lost+1:
		return fmt.Errorf("number %d after %d, and %d lost", m[0], h.number, lost)
	}
	h.number, h.got, h.buf = m[0], h.got+1, m
	if h.got%16 != 0 {
		return nil
	}
	h.snapshots++
	torn := false
	number, ok := r.Look(func(m []message) { torn = !same(m) || m[0] < h.number })
	if ok && torn {
		return fmt.Errorf("what was seen of number %d was not whole", number)
	}
	m, number, err = r.Latest(h.buf)
	switch {
	case errors.Is(err, namedshm.ErrBusy):
		return nil
	case err != nil:
		return err
	case !same(m) || m[0] != number || number < h.number:
		return fmt.Errorf("torn, or number %d after %d: %x …", number, h.number, m[:min(len(m), 8)])
	}
	h.number, h.buf = number, m
	return nil
}

// TestNothingIsTorn: a writer at full speed, messages of one word to a mebibyte, and readers who are quick, slow, or
// stopped in the middle of their copy. What they read is whole, and what they lost is counted.
func TestNothingIsTorn(t *testing.T) {
	for _, size := range []int{1, 8, 512, 8 << 10, 128 << 10} {
		t.Run(fmt.Sprintf("%d bytes", size*8), func(t *testing.T) {
			w := newWorld(t)
			writer := w.start()
			writer.Ask(request{Op: "publish", Name: "Fast", Size: size})
			stopped := w.start()
			over := make(chan struct{})
			done := make(chan error, 2)
			all := []*reading{{}, {slow: rand.New(rand.NewPCG(1, 2))}}
			for _, h := range all {
				r := w.reader("Fast")
				defer r.Close()
				go func() { done <- h.readOn(r, over) }()
			}
			stopped.Ask(request{Op: "read on", Name: "Fast", Number: uint64(depth.Of(200*time.Millisecond,
				2*time.Second))})
			stops := 0
			var theirs reply
			for !stopped.Answered(&theirs) {
				stopped.Signal(19)
				time.Sleep(200 * time.Microsecond)
				stopped.Resume()
				time.Sleep(300 * time.Microsecond)
				stops++
			}
			close(over)
			for range all {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if theirs.Error != "" {
				t.Errorf("the one that was stopped: %s", theirs.Error)
			}
			writer.Kill()
			for _, h := range all {
				t.Logf("read %d, lost %d, looked too often %d times", h.got, h.lost, h.busy)
			}
			t.Logf("the one that was stopped %d times read %d and lost %d", stops, theirs.Number, theirs.Lost)
		})
	}
}

// mistaken builds these tests with a library that can be broken on purpose.
func mistaken(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "flow.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "namedshm_mistakes", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// TestMistakesAreFound: readers that do not look twice read what is torn; and without a patrol, which would hide it,
// no wake-up is lost.
func TestMistakesAreFound(t *testing.T) {
	program := mistaken(t)
	run := func(mistake, tests string) (string, error) {
		c := exec.Command(program, "-test.v", "-test.run="+tests)
		c.Env = append(os.Environ(), "NAMEDSHM_MISTAKE="+mistake)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	t.Run("no second look", func(t *testing.T) {
		if out, err := run("no second look",
			"^TestNothingIsTorn$/^(4096|65536)_bytes$"); err == nil || !strings.Contains(out, "torn") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("no patrol", func(t *testing.T) {
		out, err := run("no patrol", "^TestNoWakeUpIsLost$")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		t.Log(out)
	})
	t.Run("no patrol, and a goodbye that wakes nobody", func(t *testing.T) {
		if !depth.Full() {
			t.Skip("to wait for what does not come takes ten seconds")
		}
		if out, err := run("no patrol,a goodbye without a bell", "^TestNoWakeUpIsLost$"); err == nil {
			t.Errorf("it was not found:\n%s", out)
		}
	})
}
