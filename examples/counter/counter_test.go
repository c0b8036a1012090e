package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

const (
	// programVariable, set, makes this test program the example.
	programVariable = "NAMEDSHM_EXAMPLE_COUNTER"
	// killedVariable makes it a process that dies between its share and the total of the tally of that name.
	killedVariable = "NAMEDSHM_EXAMPLE_COUNTER_KILLED"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(killedVariable); name != "" {
		dieInside(name)
	}
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func dieInside(name string) {
	t, mutex, _, err := open(name)
	if err == nil {
		err = t.lock(context.Background(), mutex)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	t.shares[7]++
	self, _ := os.FindProcess(os.Getpid())
	self.Kill()
	select {}
}

// ownNames gives a test names of its own. Windows keeps them itself.
func ownNames(t *testing.T) {
	if runtime.GOOS != "windows" {
		t.Setenv("NAMEDSHM_ROOT", t.TempDir())
	}
}

// counted is what the example says at its end.
type counted struct{ plain, atomic, mutex, sum uint64 }

// play runs the example with four processes, and calls killer with their numbers and the name of the tally while they
// count.
func play(t *testing.T, killer func(name string, pids []int), times int) counted {
	t.Helper()
	ownNames(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-processes", "4", "-n", fmt.Sprint(times))
	cmd.Env = append(os.Environ(), programVariable+"=true")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	var text strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var process, pid int
		if n, _ := fmt.Sscanf(lines.Text(), "process %d is %d", &process, &pid); n == 2 {
			if pids = append(pids, pid); len(pids) == 4 && killer != nil {
				killer(tallyName(cmd.Process.Pid), pids)
			}
			continue
		}
		if !strings.HasPrefix(lines.Text(), "process ") { // the others are of those that were killed
			fmt.Fprintln(&text, lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var c counted
	_, err = fmt.Sscanf(text.String(), "plain %d\natomic %d\nmutex %d, the shares add up to %d\n",
		&c.plain, &c.atomic, &c.mutex, &c.sum)
	if err != nil {
		t.Fatalf("%q: %v", text.String(), err)
	}
	return c
}

// TestCounts: nothing is lost of what is counted with atomics and under the mutex.
func TestCounts(t *testing.T) {
	times := 200_000
	if runtime.GOOS == "windows" {
		times = 5000 // a mutex there is the system's, and takes its time
	}
	want := uint64(4 * times)
	if c := play(t, nil, times); c.atomic != want || c.mutex != want || c.sum != want || c.plain > want {
		t.Errorf("%+v, want %d", c, want)
	}
}

// TestKilled: whichever processes are killed, and whenever, the shares add up to the total, and each process is ahead
// by no more than it counts at once.
func TestKilled(t *testing.T) {
	for range 3 {
		c := play(t, func(name string, pids []int) {
			tally, _, close, err := open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer close()
			deadline := time.Now().Add(time.Minute)
			for _, pid := range pids {
				moment := tally.atomic.Load() + 1 + rand.Uint64N(atOnce)
				for tally.atomic.Load() < moment && time.Now().Before(deadline) {
					runtime.Gosched()
				}
				if p, err := os.FindProcess(pid); err == nil {
					p.Kill()
				}
			}
		}, 1_000_000_000)
		if c.mutex != c.sum || c.atomic < c.sum || c.atomic > c.sum+4*atOnce {
			t.Errorf("%+v", c)
		}
	}
}

// TestKilledInside: a process killed between two words that must agree leaves work to the next owner, which does it.
func TestKilledInside(t *testing.T) {
	ownNames(t)
	const name = `Local\Counter test`
	tally, mutex, close, err := open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), killedVariable+"="+name)
	if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("%v %s", err, out)
	}
	if tally.total != 0 || tally.shares[7] != 1 {
		t.Fatalf("total %d, share %d: nobody died in between", tally.total, tally.shares[7])
	}
	if err := tally.lock(t.Context(), mutex); err != nil {
		t.Fatal(err)
	}
	defer mutex.Unlock()
	if tally.total != 1 {
		t.Errorf("the total is %d", tally.total)
	}
}

// TestLayout: the tally is as large as it says.
func TestLayout(t *testing.T) {
	if size := unsafe.Sizeof(tally{}); size != tallySize {
		t.Errorf("%d bytes, want %d", size, tallySize)
	}
}
