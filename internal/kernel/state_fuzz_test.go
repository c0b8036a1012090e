//go:build unix && !aix

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// fuzzedOps are the calls that a fuzzer's program is made of, one for each byte. Those that may wait do so for a
// moment.
var fuzzedOps = []func(w, other *Waitable) error{
	func(w, _ *Waitable) error { return w.Set() },
	func(w, _ *Waitable) error { return w.Reset() },
	func(w, _ *Waitable) error { return w.Pulse() },
	func(w, _ *Waitable) error { _, _, err := w.Try(); return err },
	func(w, _ *Waitable) error {
		return forAMoment(func(ctx context.Context) error { _, err := w.Wait(ctx); return err })
	},
	func(w, _ *Waitable) error {
		return forAMoment(func(ctx context.Context) error { _, err := w.Lock(ctx); return err })
	},
	func(w, _ *Waitable) error { return w.Unlock() },
	func(w, _ *Waitable) error { _, err := w.Release(1); return err },
	func(w, _ *Waitable) error { _, err := w.Release(maximumCount); return err },
	func(w, other *Waitable) error { return waitForBoth(w, other, true) },
	func(w, other *Waitable) error { return waitForBoth(w, other, false) },
	func(w, _ *Waitable) error { _, err := Stat(w.Name()); return err },
	func(w, _ *Waitable) error { runtime.Gosched(); return nil },
	func(w, _ *Waitable) error {
		again, err := OpenWaitable(context.Background(), w.Name(), w.Kind(), allRights)
		if err == nil {
			err = again.Close()
		}
		return err
	},
}

func forAMoment(wait func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return wait(ctx)
}

func waitForBoth(w, other *Waitable, all bool) error {
	return forAMoment(func(ctx context.Context) error {
		_, err := Wait(ctx, []*Waitable{w, other}, all)
		return err
	})
}

// checkCode complains about an undocumented error.
func checkCode(t *testing.T, call string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return
	}
	if fault.CodeOf(err).Symbol() == "" {
		t.Errorf("%s: the error %v has no documented code", call, err)
	}
}

// fuzzedWrite is one number that is written into the state: how it is made, where it goes, and what it is.
const fuzzedWrite = 7

// Where things are in a state, as package waiting draws it.
const (
	wordAt   = 0
	seatedAt = 192
	queuedAt = 196
	cursorAt = 200
	seatsAt  = 4096
	berthsAt = 135168
)

// scribble writes what a fuzzer says. Some of it looks true: numbers of taken seats, which according to the state own,
// wait, or have been released.
func scribble(state []byte, write []byte) {
	at, value := int(binary.LittleEndian.Uint16(write[1:])), binary.LittleEndian.Uint32(write[3:])
	put := func(at int, value uint32) {
		binary.NativeEndian.PutUint32(state[at%int(waiting.Size)&^3:], value)
	}
	id := binary.NativeEndian.Uint32(state[seatsAt+32*(value>>31):]) // of the first record, or of the second
	word := func(value uint64) { binary.NativeEndian.PutUint64(state[wordAt:], value) }
	switch write[0] % 8 {
	case 0:
		put(at, value)
	case 1:
		put(at+berthsAt, value)
	case 2:
		put(berthsAt+at%8*8, id<<2|value&3)
	case 3:
		put(queuedAt, uint32(at))
	case 4:
		word(uint64(value)<<32 | uint64(at)<<16)
	case 5:
		word(uint64(id)<<32 | uint64(value)<<16)
	case 6:
		put(seatsAt+at%64, value)
	case 7:
		put(seatedAt, uint32(at))
		put(cursorAt, value)
	}
}

// fuzzState runs a program in two handles of one object, while something writes into its state. Every call ends, with
// success or a documented error; no descriptor is left; and the state goes with the object.
func fuzzState(f *testing.F, kind Kind) {
	if !waiting.SharedAtomics {
		f.Skip("this processor has no 64-bit atomic operations that work between processes")
	}
	root := f.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		f.Fatal(err)
	}
	f.Setenv(RootVariable, root)
	all := make([]byte, len(fuzzedOps))
	for i := range all {
		all[i] = byte(i)
	}
	f.Add(all, []byte{}, false)
	f.Add([]byte{4, 0, 4, 1}, []byte{2, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{5, 6, 5, 6}, []byte{5, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{9, 10, 9}, []byte{4, 0, 0, 1, 0, 0, 0x80}, false)
	// Numbers too large for what they count, for those that set and those that open the object.
	full := []byte{3, 0xff, 0xff, 0, 0, 0, 0, 4, 0, 0x80, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	f.Add(bytes.Repeat([]byte{0}, 16), bytes.Repeat(full, 200), false)
	f.Add(bytes.Repeat([]byte{13}, 16), bytes.Repeat(full, 200), false)
	f.Fuzz(func(t *testing.T, program, writes []byte, flag bool) {
		spec := fuzzedSpec(kind, flag, flag)
		a, _, err := CreateWaitable(context.Background(), "Fuzzed", spec, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		b, err := OpenWaitable(context.Background(), "Fuzzed", kind, allRights)
		if err != nil {
			t.Fatal(err)
		}
		runFuzzed(t, a, b, program[:min(len(program), 16)], writes)
		checkCode(t, "Close", a.Close())
		checkCode(t, "Close", b.Close())
		checkAnew(t, kind)
	})
}

// fuzzedSpec is an object that satisfies one wait, unless its creator owns it; a manual-reset event, if manual.
func fuzzedSpec(kind Kind, manual, owned bool) WaitableSpec {
	switch kind {
	case KindEvent:
		return WaitableSpec{Kind: kind, Manual: manual, Signaled: true}
	case KindMutex:
		return WaitableSpec{Kind: kind, Owned: owned}
	}
	return WaitableSpec{Kind: kind, Initial: 1, Maximum: 3}
}

// checkAnew makes the object again: nothing is left of what was written.
func checkAnew(t *testing.T, kind Kind) {
	t.Helper()
	anew, _, err := CreateWaitable(context.Background(), "Fuzzed", fuzzedSpec(kind, false, false), MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer anew.Close()
	if acquired, abandoned, err := anew.Try(); !acquired || abandoned || err != nil {
		t.Errorf("a new object lets through: %v, abandoned: %v, %v", acquired, abandoned, err)
	}
	if kind == KindMutex {
		anew.Unlock()
	}
}

// runFuzzed runs the program forwards in one handle and backwards in the other.
func runFuzzed(t *testing.T, a, b *Waitable, program, writes []byte) {
	other, _, err := CreateWaitable(context.Background(), "", WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 1},
		MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var runners sync.WaitGroup
	run := func(w *Waitable, step func(i int) byte) {
		for i := range program {
			checkCode(t, "a call", fuzzedOps[int(step(i))%len(fuzzedOps)](w, other))
		}
	}
	for range 3 { // before the first call
		if len(writes) >= fuzzedWrite {
			scribble(a.native.mapped, writes)
			writes = writes[fuzzedWrite:]
		}
	}
	runners.Go(func() { run(a, func(i int) byte { return program[i] }) })
	runners.Go(func() { run(b, func(i int) byte { return program[len(program)-1-i] }) })
	for ; len(writes) >= fuzzedWrite; writes = writes[fuzzedWrite:] {
		scribble(a.native.mapped, writes)
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

func FuzzEventState(f *testing.F)     { fuzzState(f, KindEvent) }
func FuzzMutexState(f *testing.F)     { fuzzState(f, KindMutex) }
func FuzzSemaphoreState(f *testing.F) { fuzzState(f, KindSemaphore) }
