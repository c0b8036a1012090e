//go:build unix && !aix

package waiting

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// fuzzedOps are the calls that a fuzzer's program is made of, one for each byte. Those that may wait do so for a
// moment.
var fuzzedOps = []func(w, other *handle) error{
	func(w, _ *handle) error { return w.Set() },
	func(w, _ *handle) error { return w.Reset() },
	func(w, _ *handle) error { return w.Pulse() },
	func(w, _ *handle) error { _, _, err := w.Try(); return err },
	func(w, _ *handle) error {
		return forAMoment(func(ctx context.Context) error { _, err := w.Wait(ctx); return err })
	},
	func(w, _ *handle) error {
		return forAMoment(func(ctx context.Context) error { _, err := w.Lock(ctx); return err })
	},
	func(w, _ *handle) error { return w.Unlock() },
	func(w, _ *handle) error { _, err := w.Release(1); return err },
	func(w, _ *handle) error { _, err := w.Release(MaximumCount); return err },
	func(w, other *handle) error { return waitForBoth(w, other, true) },
	func(w, other *handle) error { return waitForBoth(w, other, false) },
	func(w, _ *handle) error { w.native.Describe(); return nil },
	func(w, _ *handle) error { runtime.Gosched(); return nil },
	func(w, _ *handle) error {
		c := Config{Kind: w.native.kind, Maximum: w.native.maximum, Token: w.native.token, Words: w.words, PID: os.Getpid()}
		again := &seats{company: w.seats.company}
		var o Object
		o.Open(c)
		if _, err := o.SitDown(again); err != nil {
			return err
		}
		o.GetUp()
		return nil
	},
}

func forAMoment(wait func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return wait(ctx)
}

func waitForBoth(w, other *handle, all bool) error {
	return forAMoment(func(ctx context.Context) error {
		_, err := waitFor(ctx, []*handle{w, other}, all)
		return err
	})
}

// checkCode complains about an error that is none of those which documentation names.
func checkCode(t *testing.T, call string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return
	}
	if fault.CodeOf(err).Symbol() == "" {
		t.Errorf("%s: the error %v has no documented code", call, err)
	}
}

// fuzzedWrite is one number that somebody writes into the state: how it is made, where it goes, and what it is.
const fuzzedWrite = 7

// scribble writes what a fuzzer says. Some of it looks plausible: numbers of taken seats whose handles own, wait, or
// have been let through, according to the state.
func scribble(s *state, ids [2]uint32, write []byte) {
	at, value := uintptr(binary.LittleEndian.Uint16(write[1:])), binary.LittleEndian.Uint32(write[3:])
	id := ids[value>>31]
	put := func(at uintptr, value uint32) {
		(*atomic.Uint32)(unsafe.Add(unsafe.Pointer(s), at%uintptr(Size)&^3)).Store(value)
	}
	switch write[0] % 8 {
	case 0:
		put(at, value)
	case 1:
		put(at+berthsAt, value)
	case 2:
		put(berthsAt+at%8*8, id<<berthBits|value&3)
	case 3:
		s.queued.Store(uint32(at))
	case 4:
		s.word.Store(uint64(value)<<32 | uint64(at)<<16)
	case 5:
		s.word.Store(uint64(id)<<32 | uint64(value)<<16)
	case 6:
		put(seatsAt+at%64, value)
	case 7:
		s.seated.Store(uint32(at))
		s.cursor.Store(value)
	}
}

// fuzzState runs a program in two handles of one object, while somebody writes into its state. Every call ends, and
// ends well or with an error that is documented.
func fuzzState(f *testing.F, kind Kind) {
	if !SharedAtomics {
		f.Skip("this processor has no 64-bit atomic operations that work between processes")
	}
	all := make([]byte, len(fuzzedOps))
	for i := range all {
		all[i] = byte(i)
	}
	f.Add(all, []byte{}, false)
	f.Add([]byte{4, 0, 4, 1}, []byte{2, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{5, 6, 5, 6}, []byte{5, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{9, 10, 9}, []byte{4, 0, 0, 1, 0, 0, 0x80}, false)
	// Numbers that are too large for what they count, for calls that set the object, and calls that open it.
	full := []byte{3, 0xff, 0xff, 0, 0, 0, 0, 4, 0, 0x80, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	f.Add(bytes.Repeat([]byte{0}, 16), bytes.Repeat(full, 200), false)
	f.Add(bytes.Repeat([]byte{13}, 16), bytes.Repeat(full, 200), false)
	f.Fuzz(func(t *testing.T, program, writes []byte, owned bool) {
		a, b := pair(t, fuzzedSpec(kind, owned))
		runFuzzed(t, a, b, program[:min(len(program), 16)], writes)
		checkCode(t, "Close", a.Close())
		checkCode(t, "Close", b.Close())
	})
}

// fuzzedSpec is an object that lets one through, unless its creator owns it.
func fuzzedSpec(kind Kind, owned bool) spec {
	switch kind {
	case AutoEvent, ManualEvent:
		return spec{Kind: kind, Signaled: true}
	case Mutex:
		return spec{Kind: kind, Owned: owned}
	}
	return spec{Kind: kind, Initial: 1, Maximum: 3}
}

// runFuzzed runs the program forwards in one handle and backwards in the other.
func runFuzzed(t *testing.T, a, b *handle, program, writes []byte) {
	other := unnamed(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1})
	var runners sync.WaitGroup
	run := func(w *handle, step func(i int) byte) {
		for i := range program {
			checkCode(t, "a call", fuzzedOps[int(step(i))%len(fuzzedOps)](w, other))
		}
	}
	ids := [2]uint32{a.native.id, b.native.id}
	for range 3 { // before the first call
		if len(writes) >= fuzzedWrite {
			scribble(a.native.state, ids, writes)
			writes = writes[fuzzedWrite:]
		}
	}
	runners.Go(func() { run(a, func(i int) byte { return program[i] }) })
	runners.Go(func() { run(b, func(i int) byte { return program[len(program)-1-i] }) })
	for ; len(writes) >= fuzzedWrite; writes = writes[fuzzedWrite:] {
		scribble(a.native.state, ids, writes)
		runtime.Gosched()
	}
	ended := make(chan struct{})
	go func() { runners.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("a call does not end")
	}
}

func FuzzEventState(f *testing.F)       { fuzzState(f, AutoEvent) }
func FuzzManualEventState(f *testing.F) { fuzzState(f, ManualEvent) }
func FuzzMutexState(f *testing.F)       { fuzzState(f, Mutex) }
func FuzzSemaphoreState(f *testing.F)   { fuzzState(f, Semaphore) }
