//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm/flow"
)

// piped is a verb that runs, with a pipe to it and its output in lines.
type piped struct {
	*exec.Cmd
	in     *os.File
	out    *bufio.Reader
	pipe   io.Closer // the reading end of its output
	stderr bytes.Buffer
}

// startPiped starts a verb. It ends with the test in any case.
func startPiped(t *testing.T, args ...string) *piped {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &piped{Cmd: exec.CommandContext(ctx, "shm", args...)}
	in, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdin, p.Stderr, p.in, p.out, p.pipe = in, &p.stderr, writer, bufio.NewReader(out), out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() {
		writer.Close()
		p.Process.Kill()
		p.Wait()
	})
	return p
}

func (p *piped) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		t.Fatal(err)
	}
}

// want wants this to come next.
func (p *piped) want(t *testing.T, text string) {
	t.Helper()
	got := make([]byte, len(text))
	n, err := io.ReadFull(p.out, got)
	if err != nil || string(got) != text {
		t.Fatalf("%q, %v, want %q", got[:n], err, text)
	}
}

// ends wants no more output, this exit status, or the number of a signal below 0, and this on standard error.
func (p *piped) ends(t *testing.T, status int, complaint string) {
	t.Helper()
	rest, _ := io.ReadAll(p.out)
	p.Wait()
	got := p.ProcessState.ExitCode()
	if number, ok := endedBy(p.ProcessState); ok {
		got = -number
	}
	told := p.stderr.String()
	if len(rest) > 0 || got != status || complaint == "" != (told == "") || !strings.Contains(told, complaint) {
		t.Fatalf("it ends with %d, want %d; more output %.99q; it says %q, want %q", got, status, rest, told, complaint)
	}
}

// TestRingHangup: a terminal that is closed ends a writer in order, and is no death.
func TestRingHangup(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("hangups are ignored here, as by nohup")
	}
	isolate(t)
	reader := startPiped(t, "ring", "read", "Jobs", "--lines")
	writer := startPiped(t, "ring", "write", "Jobs", "--lines")
	writer.write(t, "1\n")
	reader.want(t, "1\n")
	if err := writer.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	reader.ends(t, 0, "")
	writer.ends(t, -int(syscall.SIGHUP), "")
}

// TestRingTwoSenders: all messages come, each once, those of one sender in their order.
func TestRingTwoSenders(t *testing.T) {
	isolate(t)
	const each = 5000
	reader := startPiped(t, "ring", "read", "Jobs", "--lines", "--capacity", "4KiB")
	var writers []*piped
	for range 2 {
		writers = append(writers, startPiped(t, "ring", "write", "Jobs", "--lines"))
	}
	await(t, "2 senders", "ls")
	for i, w := range writers {
		go func() {
			b := bufio.NewWriter(w.in)
			for n := range each {
				fmt.Fprintln(b, 2*n+i)
			}
			b.Flush()
			w.in.Close()
		}()
	}
	next := []int{0, 1}
	for range 2 * each {
		line, err := reader.out.ReadString('\n')
		n, numberErr := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil || numberErr != nil || next[n%2] != n {
			t.Fatalf("%q, %v; %v are next", line, err, next)
		}
		next[n%2] += 2
	}
	reader.ends(t, 0, "")
	for _, w := range writers {
		w.ends(t, 0, "")
	}
}

// TestRingDeathsAreTold: a sender that is killed has not closed; one that is told to end has. What either has sent
// comes first.
func TestRingDeathsAreTold(t *testing.T) {
	for _, test := range []struct {
		sig       syscall.Signal
		status    int
		complaint string
	}{
		{syscall.SIGKILL, 3, "died without closing"}, {syscall.SIGTERM, 0, ""}, {syscall.SIGINT, 0, ""},
	} {
		t.Run(test.sig.String(), func(t *testing.T) {
			isolate(t)
			reader := startPiped(t, "ring", "read", "Jobs")
			writer := startPiped(t, "ring", "write", "Jobs")
			writer.write(t, "all of it")
			reader.want(t, "all of it")
			writer.Process.Signal(test.sig) // while it reads a pipe that nobody closes
			writer.ends(t, -int(test.sig), "")
			reader.ends(t, test.status, test.complaint)
		})
	}
}

// TestRingSignalsWhileWaiting: a signal ends every wait of these verbs, by itself, and leaves nobody's death to be
// told.
func TestRingSignalsWhileWaiting(t *testing.T) {
	isolate(t)
	reader := startPiped(t, "ring", "read", "Full", "--capacity", "4KiB") // which waits for its own reader
	await(t, `"messages"`, "ring", "stat", "Full", "--json")
	writer := startPiped(t, "ring", "write", "Full")
	full := make([]byte, 1<<20)
	go func() {
		for err := error(nil); err == nil; {
			_, err = writer.in.Write(full)
		}
	}()
	await(t, `"room"`, "ring", "stat", "Full", "--json")
	waiting := []*piped{writer, reader}
	for _, verb := range [][]string{{"ring", "write", "Nobody"}, {"feed", "read", "Nobody"}, {"ring", "read", "Quiet"}} {
		waiting = append(waiting, startPiped(t, verb...))
	}
	for _, p := range waiting {
		if slices.Contains(p.Args, "Nobody") {
			// It waits for a name, and there is no way to see it there: either way it must end.
			awaitSleep(t, p.Process.Pid)
		}
		if slices.Contains(p.Args, "Quiet") {
			await(t, `"messages"`, "ring", "stat", "Quiet", "--json")
		}
		p.Process.Signal(syscall.SIGINT)
		p.Wait()
		if got, ok := endedBy(p.ProcessState); !ok || got != int(syscall.SIGINT) || p.stderr.Len() > 0 {
			t.Errorf("%q ends with %v: %s", p.Args, p.ProcessState, p.stderr.String())
		}
	}
}

// awaitSleep waits until a process listens for signals.
func awaitSleep(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, caught, _ := strings.Cut(string(text), "SigIgn:")
		if err != nil || strings.Contains(string(text), "State:\tS") && caught != "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d never sleeps", pid)
		}
	}
}

// TestRingReaderWhoseReaderGoes ends as other programs in a pipe do. What it could not print, the next prints.
func TestRingReaderWhoseReaderGoes(t *testing.T) {
	isolate(t)
	reader := startPiped(t, "ring", "read", "Jobs", "--lines")
	writer := startPiped(t, "ring", "write", "Jobs", "--lines")
	writer.write(t, "1\n")
	reader.want(t, "1\n")
	reader.pipe.Close()
	writer.write(t, "2\n3\n")
	reader.Wait()
	if got, ok := endedBy(reader.ProcessState); !ok || got != int(syscall.SIGPIPE) || reader.stderr.Len() > 0 {
		t.Errorf("it ends with %v: %s", reader.ProcessState, reader.stderr.String())
	}
	await(t, `"ends":[{"role":"sender"`, "ring", "stat", "Jobs", "--json") // it has closed, and is not taken for dead
	if got := shm(t, "ring", "read", "Jobs", "--peek", "--lines"); got != "2\n3\n" {
		t.Errorf("%q wait", got)
	}
	next := startPiped(t, "ring", "read", "Jobs", "--lines")
	next.want(t, "2\n3\n")
	writer.in.Close()
	next.ends(t, 0, "")
	writer.ends(t, 0, "")
}

// TestRingReaderTakesWhatItPrints: --count leaves the rest to the next; a reader that is killed leaves what it has not
// printed.
func TestRingReaderTakesWhatItPrints(t *testing.T) {
	isolate(t)
	writer := startPiped(t, "ring", "write", "Jobs", "--lines")
	first := startPiped(t, "ring", "read", "Jobs", "--lines", "--count", "2")
	writer.write(t, "1\n2\n3\n4\n")
	first.want(t, "1\n2\n")
	first.ends(t, 0, "")
	await(t, "ring 2 waiting, 1 sender, no receiver", "ls")
	killed := startPiped(t, "ring", "read", "Jobs", "--lines")
	killed.want(t, "3\n4\n")
	await(t, "ring 0 waiting, 1 sender ", "ls")
	killed.Process.Kill()
	killed.Wait()
	await(t, "dead receiver", "ls")
	writer.write(t, "5\n")
	last := startPiped(t, "ring", "read", "Jobs", "--lines")
	last.want(t, "5\n")
	writer.in.Close()
	last.ends(t, 0, "")
	writer.ends(t, 0, "")
}

// TestRingFollows: a receiver that is to stay takes one sender after the other, and tells of the one that died.
func TestRingFollows(t *testing.T) {
	isolate(t)
	reader := startPiped(t, "ring", "read", "Jobs", "--lines", "--follow")
	for i := range 3 {
		writer := startPiped(t, "ring", "write", "Jobs", "--lines")
		text := fmt.Sprintf("from %d\n", i)
		writer.write(t, text)
		reader.want(t, text)
		if i == 1 {
			writer.Process.Kill()
			writer.Wait()
			continue
		}
		writer.in.Close()
		writer.ends(t, 0, "")
	}
	reader.Process.Signal(syscall.SIGTERM)
	reader.ends(t, -int(syscall.SIGTERM), "died without closing")
	// While it is so, and when the lane's next owner has gone.
	if n := strings.Count(reader.stderr.String(), "died without closing"); n > 2 {
		t.Errorf("one death is told %d times", n)
	}
}

// TestRingIsABinaryPipe: what comes out is what went in, in either order, through lanes in which a read lies across the
// end again and again.
func TestRingIsABinaryPipe(t *testing.T) {
	isolate(t)
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 5<<20)
	random.Read(content)
	for i, capacity := range []string{"4KiB", "64KiB", "1MiB"} {
		verbs := [][]string{{"ring", "read", "Bytes", "--capacity", capacity}, {"ring", "write", "Bytes"}}
		started := map[string]*piped{}
		for j := range verbs {
			v := verbs[(i+j)%2]
			started[v[1]] = startPiped(t, v...)
		}
		var group sync.WaitGroup
		group.Go(func() {
			for rest := content; len(rest) > 0; {
				n, err := started["write"].in.Write(rest[:min(len(rest), 1+int(random.Uint64()%100000))])
				if rest = rest[n:]; err != nil {
					t.Error(err)
					return
				}
			}
			started["write"].in.Close()
		})
		sum := sha256.New()
		n, err := io.Copy(sum, started["read"].out)
		group.Wait()
		if want := sha256.Sum256(content); err != nil || !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%s: %d bytes, %v; not what went in", capacity, n, err)
		}
		started["read"].ends(t, 0, "")
		started["write"].ends(t, 0, "")
	}
}

// tick is a type that the command has never heard of.
type tick struct {
	Price  float64
	Volume uint32
	Symbol [4]byte
	Levels [2]struct{ Bid, Ask int16 }
}

var oneTick = tick{1.25, 7, [4]byte{'A', 'B'}, [2]struct{ Bid, Ask int16 }{{-1, 1}, {-2, 2}}}

const tickType = "{price:f64@0 volume:u32@8 symbol:[4]u8@12 levels:[2]{bid:i16@0 ask:i16@2}4@16} 24/8"

const ticks = `{"price":1.25,"volume":7,"symbol":[65,66,0,0],"levels":[{"bid":-1,"ask":1},{"bid":-2,"ask":2}]}` + "\n"

// TestRingOfAnotherProgram: the command prints the messages of a program whose type it does not know, and sends it
// some.
func TestRingOfAnotherProgram(t *testing.T) {
	isolate(t)
	r, err := flow.NewReceiver[tick]("Ticks", flow.Ring{})
	if err != nil {
		t.Fatal(err)
	}
	writer := startPiped(t, "ring", "write", "Ticks", "--json")
	writer.write(t, ticks+`{"Symbol":"AB","volume":9}`)
	writer.in.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, want := range []tick{oneTick, {Symbol: [4]byte{'A', 'B'}, Volume: 9}} {
		m, err := r.Next(ctx)
		if err != nil || len(m) != 1 || m[0] != want {
			t.Errorf("message %d: %v, %v", i, m, err)
		}
		r.Done()
	}
	writer.ends(t, 0, "")
	r.Close()

	reader := startPiped(t, "ring", "read", "Ticks", "--type", tickType)
	s, err := flow.OpenSender[tick](ctx, "Ticks")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Claim(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	m[0] = oneTick
	s.Commit()
	reader.want(t, ticks)
	s.Close()
	reader.ends(t, 0, "")
}

// TestFeedReaders: each sees the newest, some from what is kept on, and the writer's end; a killed writer's too, which
// is another.
func TestFeedReaders(t *testing.T) {
	isolate(t)
	for _, killed := range []bool{false, true} {
		writer := startPiped(t, "feed", "write", "Load", "--lines", "--depth", "5", "--most", "100")
		writer.write(t, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n")
		await(t, `"sent":10,`, "feed", "stat", "Load", "--json")
		for args, want := range map[string]string{
			"--lines --no-wait": "7\n8\n9\n10\n", "--lines --count 2": "7\n8\n", "--latest": "10",
			"--latest --json": "\"10\"\n", "--every 1ms --count 1 --as text": "10\n",
		} {
			if got := shm(t, append([]string{"feed", "read", "Load"}, strings.Fields(args)...)...); got != want {
				t.Errorf("%s: %q, want %q", args, got, want)
			}
		}
		all := startPiped(t, "feed", "read", "Load", "--lines")
		sampled := startPiped(t, "feed", "read", "Load", "--every", "1ms", "--as", "text")
		all.want(t, "7\n8\n9\n10\n")
		sampled.want(t, "10\n")
		writer.write(t, "11\n")
		all.want(t, "11\n")
		sampled.want(t, "11\n")
		status, complaint := 0, ""
		if killed {
			writer.Process.Kill()
			status, complaint = 3, "died without closing"
		} else {
			writer.in.Close()
		}
		for _, reader := range []*piped{all, sampled} {
			reader.ends(t, status, complaint)
		}
		writer.Wait()
	}
}

// TestFeedReaderIsToldWhatItMissed, to the message.
func TestFeedReaderIsToldWhatItMissed(t *testing.T) {
	isolate(t)
	writer := startPiped(t, "feed", "write", "Fast", "--lines", "--depth", "3")
	writer.write(t, "1\n")
	reader := startPiped(t, "feed", "read", "Fast", "--lines")
	reader.want(t, "1\n")
	reader.Process.Signal(syscall.SIGSTOP)
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintln(&text, i+2)
	}
	writer.write(t, text.String())
	await(t, `"sent":101,`, "feed", "stat", "Fast", "--json")
	reader.Process.Signal(syscall.SIGCONT)
	reader.want(t, "100\n101\n")
	writer.in.Close()
	reader.ends(t, 0, "shm: read Fast: 98 messages were overwritten before they could be read\n")
	writer.ends(t, 0, "")
}

// TestFeedReaderFromNewest sees nothing of what was written before it came, and then all.
func TestFeedReaderFromNewest(t *testing.T) {
	isolate(t)
	writer := startPiped(t, "feed", "write", "Load", "--lines", "--depth", "100000")
	writer.write(t, "1\n2\n3\n")
	await(t, `"sent":3,`, "feed", "stat", "Load", "--json")
	reader := startPiped(t, "feed", "read", "Load", "--lines", "--from", "newest")
	line := make(chan string, 1)
	go func() {
		text, _ := reader.out.ReadString('\n')
		line <- text
	}()
	for n := 4; ; n++ {
		writer.write(t, fmt.Sprintln(n))
		select {
		case text := <-line:
			first, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || first < 4 {
				t.Fatalf("it begins with %q", text)
			}
			for next := first + 1; next <= n; next++ {
				reader.want(t, fmt.Sprintln(next))
			}
			writer.in.Close()
			reader.ends(t, 0, "")
			return
		case <-time.After(time.Millisecond):
		}
	}
}
