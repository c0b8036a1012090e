package capi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/depth"
)

// moment and item are what testdata/flow.c has under these names.
type moment struct {
	Seconds     int64
	Nanoseconds uint32
}

type item struct {
	Number uint64
	At     moment
	Sender uint32
	Place  uint16
	Tag    [6]byte
	Half   float64
}

const mostItems = 5

func itemsOf(k uint64, sender uint32) []item {
	m := make([]item, 1+k%mostItems)
	for i := range m {
		m[i] = item{k, moment{-int64(k), uint32(k % 1000)}, sender, uint16(i), [6]byte([]byte("tagged")), float64(k) / 2}
	}
	return m
}

func wantWhole(t *testing.T, m []item) {
	t.Helper()
	if len(m) == 0 || len(m) != int(1+m[0].Number%mostItems) {
		t.Fatalf("a message of %d items: %+v", len(m), m)
	}
	for i, want := range itemsOf(m[0].Number, m[0].Sender) {
		if m[i] != want {
			t.Fatalf("torn: item %d is %+v, want %+v", i, m[i], want)
		}
	}
}

// flowProgram is testdata/flow.c, running.
type flowProgram struct {
	*framesProgram
	input io.WriteCloser
}

func startFlow(t *testing.T, program string, arguments ...any) *flowProgram {
	t.Helper()
	words := make([]string, len(arguments))
	for i := range arguments {
		words[i] = fmt.Sprint(arguments[i])
	}
	c := command(t, program, words...)
	c.Stderr = os.Stderr
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &flowProgram{&framesProgram{t, c, bufio.NewScanner(output)}, input}
	t.Cleanup(p.kill)
	return p
}

func (p *flowProgram) goOn() {
	p.t.Helper()
	if _, err := io.WriteString(p.input, "\n"); err != nil {
		p.t.Fatal(err)
	}
}

// line is the next one.
func (p *flowProgram) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("%v ended", p.cmd.Args)
	}
	return p.lines.Text()
}

func (p *flowProgram) wants(line string) {
	p.t.Helper()
	if got := p.line(); got != line {
		p.t.Fatalf("%v says %q, want %q", p.cmd.Args, got, line)
	}
}

// sanitized is how a program is compiled that the compiler is to watch.
var sanitized = []string{"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}

// flowPrograms are the program in both languages, compiled once.
func flowPrograms(t *testing.T) (inC, inCpp string) {
	w := need(t)
	inC, inCpp = filepath.Join(directory, "flow-c"), filepath.Join(directory, "flow-cpp")
	if _, err := os.Stat(inCpp); err == nil {
		return inC, inCpp
	}
	for path, program := range map[string]string{
		inC:   w.compile(t, "gcc", "testdata/flow.c", "-std=c11", "-pedantic", "-O2"),
		inCpp: w.compile(t, "g++", "testdata/flow.cpp", "-std=c++17", "-pedantic", "-O2"),
	} {
		if err := os.Rename(program, path); err != nil {
			t.Fatal(err)
		}
	}
	return inC, inCpp
}

func flowMessages() uint64 {
	if depth.Full() {
		return 300000
	}
	return 20000
}

// TestFlowRing: messages of two senders in any two languages pass whole and in order through a ring that is too small
// for them, and their goodbye is told.
func TestFlowRing(t *testing.T) {
	inC, inCpp := flowPrograms(t)
	count := flowMessages()
	all := fmt.Sprintf("%d messages, 38 EOF", 2*count)
	for name, senders := range map[string][2]string{"C": {inC, inC}, "C++": {inC, inCpp}, "Go": {inC, ""}} {
		t.Run(name+" to C", func(t *testing.T) {
			isolate(t)
			receiver := startFlow(t, inC, "receive", "Jobs")
			receiver.wants("ready")
			var programs []*flowProgram
			goodbye := func() {}
			for id, program := range senders {
				if program == "" {
					goodbye = sendInGo(t, "Jobs", count, uint32(id))
					continue
				}
				programs = append(programs, startFlow(t, program, "send", "Jobs", count, id))
			}
			for _, p := range programs { // none has closed before all have begun
				p.wants("sent")
			}
			goodbye()
			for _, p := range programs {
				p.goOn()
				p.wants("closed")
			}
			receiver.wants(all)
		})
		t.Run(name+" to Go", func(t *testing.T) {
			isolate(t)
			r := receiverInGo(t, "Jobs")
			var programs []*flowProgram
			for id, program := range senders {
				if program != "" {
					programs = append(programs, startFlow(t, program, "send", "Jobs", count, id))
				}
			}
			received := make(chan error, 1)
			go func() { received <- receiveInGo(r, uint64(len(programs))*count) }()
			for _, p := range programs {
				p.wants("sent")
			}
			for _, p := range programs {
				p.goOn()
				p.wants("closed")
			}
			if err := <-received; err != nil {
				t.Error(err)
			}
		})
	}
}

// sendInGo sends all, and returns what closes the end.
func sendInGo(t *testing.T, name string, count uint64, id uint32) (goodbye func()) {
	t.Helper()
	s, err := flow.OpenSender[item](t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for k := uint64(1); k <= count; k++ {
		if err := s.Send(t.Context(), itemsOf(k, id)...); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func receiverInGo(t *testing.T, name string) *flow.Receiver[item] {
	t.Helper()
	r, err := flow.NewReceiver[item](name, flow.Ring{Lanes: 4, Capacity: 4096})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// receiveInGo receives until all have closed.
func receiveInGo(r *flow.Receiver[item], want uint64) error {
	var last [64]uint64
	count := uint64(0)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		m, err := r.Next(ctx)
		switch {
		case err == io.EOF && count == want:
			return nil
		case err != nil:
			return fmt.Errorf("after %d of %d messages: %w", count, want, err)
		}
		for i, want := range itemsOf(m[0].Number, m[0].Sender) {
			if m[i] != want {
				return fmt.Errorf("item %d is %+v, want %+v", i, m[i], want)
			}
		}
		if last[m[0].Sender]++; m[0].Number != last[m[0].Sender] {
			return fmt.Errorf("message %d of %d comes after %d", m[0].Number, m[0].Sender, last[m[0].Sender]-1)
		}
		count++
	}
}

// TestFlowFeed: what a reader got and what it is told to have missed are all that was written, in any two languages.
func TestFlowFeed(t *testing.T) {
	inC, inCpp := flowPrograms(t)
	count := flowMessages()
	all := fmt.Sprintf("%d messages, 38 EOF", count)
	for name, writer := range map[string]string{"C": inC, "Go": ""} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			write := func() {}
			if writer == "" {
				w, err := flow.NewWriter[item]("Feed", flow.Feed{Depth: 4, Most: mostItems})
				if err != nil {
					t.Fatal(err)
				}
				write = func() {
					defer w.Close()
					for k := uint64(1); k <= count; k++ {
						if err := w.Write(itemsOf(k, 0)...); err != nil {
							t.Error(err)
						}
					}
				}
			} else {
				p := startFlow(t, writer, "write", "Feed", count)
				p.wants("ready")
				write = func() { p.goOn(); p.wants("written"); p.goOn() }
			}
			readers := []*flowProgram{startFlow(t, inC, "read", "Feed"), startFlow(t, inCpp, "read", "Feed"),
				startFlow(t, inCpp, "latest", "Feed", count)}
			for _, p := range readers {
				p.wants("ready")
			}
			inGo, err := flow.OpenReader[item](t.Context(), "Feed")
			if err != nil {
				t.Fatal(err)
			}
			defer inGo.Close()
			done := make(chan struct{})
			go func() { write(); close(done) }()
			readInGo(t, inGo, count)
			<-done
			readers[0].wants(all)
			readers[1].wants(all)
			readers[2].wants(fmt.Sprint(count))
		})
	}
}

func readInGo(t *testing.T, r *flow.Reader[item], want uint64) {
	t.Helper()
	var buf []item
	all := uint64(0)
	for {
		m, lost, err := r.Next(t.Context(), buf)
		all += lost
		if err == io.EOF && all == want {
			return
		}
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", all, want, err)
		}
		wantWhole(t, m)
		if all++; m[0].Number != all {
			t.Fatalf("message %d where %d is expected", m[0].Number, all)
		}
		buf = m
	}
}

// TestFlowKilled: kill -9 of an end in C is told to one in Go, and the other way round; what was committed has come
// before.
func TestFlowKilled(t *testing.T) {
	inC, _ := flowPrograms(t)
	t.Run("sender", func(t *testing.T) {
		isolate(t)
		r := receiverInGo(t, "Jobs")
		sender := startFlow(t, inC, "send", "Jobs", 10, 1)
		sender.wants("sent")
		sender.kill()
		for k := uint64(1); k <= 10; k++ {
			m, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantWhole(t, m)
			if m[0].Number != k {
				t.Fatalf("message %d, want %d", m[0].Number, k)
			}
		}
		if _, err := r.Next(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(),
			fmt.Sprint(sender.cmd.Process.Pid)) {
			t.Errorf("%v, want the death of process %d", err, sender.cmd.Process.Pid)
		}
	})
	t.Run("sender, told in C", func(t *testing.T) {
		isolate(t)
		receiver := startFlow(t, inC, "receive", "Jobs")
		receiver.wants("ready")
		sender := startFlow(t, inC, "send", "Jobs", 10, 1)
		sender.wants("sent")
		sender.kill()
		pid := fmt.Sprint(sender.cmd.Process.Pid)
		if line := receiver.line(); !strings.HasPrefix(line, "10 messages, 109 ") || !strings.Contains(line, pid) {
			t.Errorf("%q, want the death of process %s", line, pid)
		}
	})
	t.Run("receiver", func(t *testing.T) {
		isolate(t)
		receiver := startFlow(t, inC, "receive", "Jobs")
		receiver.wants("ready")
		s, err := flow.OpenSender[item](t.Context(), "Jobs")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		receiver.kill()
		for k := uint64(1); err == nil; k++ {
			err = s.Send(t.Context(), itemsOf(k, 1)...)
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		successor := startFlow(t, inC, "receive", "Jobs")
		successor.wants("ready")
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestFlowWriterKilled: kill -9 of a writer is told to a reader, once it has read all.
func TestFlowWriterKilled(t *testing.T) {
	inC, _ := flowPrograms(t)
	isolate(t)
	writer := startFlow(t, inC, "write", "Feed", 2)
	writer.wants("ready")
	reader := startFlow(t, inC, "read", "Feed")
	reader.wants("ready")
	writer.goOn()
	writer.wants("written")
	writer.kill()
	if line := reader.line(); !strings.HasPrefix(line, "2 messages, 109 ") {
		t.Errorf("%q", line)
	}
}

// TestFlowPython: a program that knows nothing but the layout reads a feed, with Python's mmap and struct.
func TestFlowPython(t *testing.T) {
	w := need(t)
	needTools(t, "python3")
	inC, _ := flowPrograms(t)
	const count = 2000
	play := func(t *testing.T, name string, arguments ...string) {
		isolate(t)
		t.Setenv("PATH", filepath.Dir(w.shm)+string(filepath.ListSeparator)+os.Getenv("PATH"))
		writer := startFlow(t, inC, "write", name, count)
		writer.wants("ready")
		python := startFlow(t, "python3", append([]any{"testdata/flowfeed.py", name, count}, anys(arguments)...)...)
		python.wants("ready {number:u64@0 at:{seconds:i64@0 nanoseconds:u32@8}16@8 sender:u32@24 " +
			"place:u16@28 tag:[6]u8@30 half:f64@40} 48/8")
		writer.goOn()
		writer.wants("written")
		writer.goOn()
		python.wants("well")
	}
	library := filepath.Join(w.prefix, "lib", "libnamedshm.so")
	t.Run("alone", func(t *testing.T) { play(t, "Feed") })
	t.Run("by the library", func(t *testing.T) { play(t, "Feed", library) })
	t.Run("Global", func(t *testing.T) { needGlobal(t); play(t, `Global\Feed`, library) })
}

func anys(words []string) (all []any) {
	for _, word := range words {
		all = append(all, word)
	}
	return all
}

// TestFlowCodes: what the calls say of ends that are full, empty, taken, left, closed by another thread, forked away
// and lost.
func TestFlowCodes(t *testing.T) {
	w := need(t)
	isolate(t)
	program := w.compile(t, "gcc", "testdata/flowcodes.c", append(sanitized, "-std=c11", "-pedantic", "-pthread")...)
	if out := run(t, program); out != "well\n" {
		t.Error(out)
	}
}

// TestFlowPage: the program in docs/flow.md compiles without a warning, and does what the page says.
func TestFlowPage(t *testing.T) {
	w := need(t)
	isolate(t)
	page, err := os.ReadFile("../../docs/flow.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "```c\n")
	text, _, ended := strings.Cut(after, "```\n")
	if !found || !ended {
		t.Fatal("the page has no program in C")
	}
	program, out, err := w.tryText(t, "gcc", "c", text, "-std=c11", "-pedantic", "-O2")
	if err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	if out := run(t, program); out != "42 /tmp/a\n" {
		t.Error(out)
	}
}

// TestFlowShare: what a C program says of who else may open a feed is so.
func TestFlowShare(t *testing.T) {
	needGlobal(t)
	w := need(t)
	isolate(t)
	c := command(t, w.compile(t, "gcc", "testdata/flowcodes.c", "-O1", "-std=c11", "-pthread"), "share")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	for name, want := range map[string]string{`Global\Readable`: "0644", `Global\Writable`: "0666"} {
		if info, err := inspect.Stat(name); err != nil || info.Security != want {
			t.Errorf("%s: %s, %v; want %s", name, info.Security, err, want)
		}
	}
	in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// TestFlowHostile: an end in C takes nothing on trust that others can write.
func TestFlowHostile(t *testing.T) {
	w := need(t)
	isolate(t)
	rounds := "60"
	if depth.Full() {
		rounds = "1000"
	}
	program := w.compile(t, "gcc", "testdata/flowhostile.c", sanitized...)
	seed := fmt.Sprint(time.Now().UnixNano())
	if e := finish(t, command(t, program, rounds, seed)); !e.state.Success() || e.complaint != "" {
		t.Errorf("with seed %s: %v\n%s%s", seed, e.state, e.out, e.complaint)
	}
}

// TestFlowSanitizer has the compiler watch the inline half in ordinary use.
func TestFlowSanitizer(t *testing.T) {
	w := need(t)
	isolate(t)
	program := w.compile(t, "g++", "testdata/flow.cpp", sanitized...)
	playFlow(t, func(arguments ...any) *flowProgram { return startFlow(t, program, arguments...) })
}

// TestFlowValgrind has valgrind watch both halves.
func TestFlowValgrind(t *testing.T) {
	if !depth.Full() {
		t.Skip("TestFlowSanitizer has the inline half: NAMEDSHM_TEST_DEPTH=full has the library's too")
	}
	inC, _ := flowPrograms(t)
	needTools(t, "valgrind")
	isolate(t)
	forValgrind(t)
	logs := t.TempDir()
	playFlow(t, func(arguments ...any) *flowProgram {
		log := filepath.Join(logs, fmt.Sprint(arguments[0]))
		t.Cleanup(func() { wantNoInvalidAccess(t, log) })
		return startFlow(t, "valgrind", append([]any{"--log-file=" + log, "--error-exitcode=0", inC}, arguments...)...)
	})
}

// playFlow has a ring and a feed of programs.
func playFlow(t *testing.T, start func(arguments ...any) *flowProgram) {
	receiver := start("receive", "Jobs")
	receiver.wants("ready")
	sender := start("send", "Jobs", 2000, 1)
	sender.wants("sent")
	sender.goOn()
	sender.wants("closed")
	receiver.wants("2000 messages, 38 EOF")
	writer := start("write", "Feed", 2000)
	writer.wants("ready")
	reader := start("read", "Feed")
	reader.wants("ready")
	writer.goOn()
	writer.wants("written")
	writer.goOn()
	reader.wants("2000 messages, 38 EOF")
	for _, p := range []*flowProgram{receiver, sender, writer, reader} {
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: %v", p.cmd.Args, err)
		}
	}
}
