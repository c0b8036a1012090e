//go:build linux

package wineprefix

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plainprefix"
	"github.com/namedshm/namedshm/wine"
)

// native makes a section of this library.
func native(t *testing.T, name string, size int64) (*namedshm.Section, *namedshm.View) {
	t.Helper()
	s, err := namedshm.Create(name, size, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, mapAll(t, s, namedshm.ReadWrite)
}

// TestPublishFirst: the native side is first; the Windows program that creates the name finds it existing, with the
// same pages. When the publication is closed the name goes with the Windows program's handle.
func TestPublishFirst(t *testing.T) {
	w := need(t)
	name := unique(t)
	s, v := native(t, name, 65536) // a native name is nothing to the prefix
	copy(v.Bytes(), "native")
	p := find(t, w.first)
	publication, err := p.Publish(t.Context(), s, name)
	if err != nil {
		t.Fatal(err)
	}
	defer publication.Close()
	g := w.play(t, w.first)
	if got := g.ask("create", name, 65536); got != "existed" {
		t.Errorf("the Windows program made it %s", got)
	}
	if got := g.ask("text", 0); got != "native" {
		t.Errorf("the Windows program reads %q", got)
	}
	g.ask("text", 65530, "there")
	if got := string(v.Bytes()[65530:65535]); got != "there" {
		t.Errorf("read %q", got)
	}
	if _, err := p.Publish(t.Context(), s, name); !isCode(err, namedshm.ErrAlreadyExists) {
		t.Errorf("published twice: %v", err)
	}
	if err := publication.Close(); err != nil {
		t.Error(err)
	}
	other := w.play(t, w.first)
	if got := other.ask("create", name, 4096); got != "existed" {
		t.Errorf("while the Windows program has it, it is %s", got)
	}
	g.kill()
	other.kill()
	if got := w.play(t, w.first).ask("create", name, 4096); got != "new" {
		t.Errorf("when all have gone it is %s", got)
	}
	wantNoHelper(t, w.first)
}

// TestPublishRefused: who was first has the name, of whichever kind; what has no descriptor cannot be lent.
func TestPublishRefused(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 4096)
	g.ask("make", "event", name+"-event")
	s, _ := native(t, "", 4096)
	p := find(t, w.first)
	for other, want := range map[string]namedshm.Code{
		name: namedshm.ErrAlreadyExists, name + "-event": namedshm.ErrInvalidHandle, "": namedshm.ErrInvalidHandle,
		`\x`: namedshm.ErrBadPathname,
	} {
		if _, err := p.Publish(t.Context(), s, other); !isCode(err, want) {
			t.Errorf("%q: %v, want %v", other, err, want)
		}
	}
	global, err := namedshm.Create(`Global\prefix-test-`+name[6:], 4096, namedshm.ReadWrite)
	if isCode(err, namedshm.ErrAccessDenied) {
		return // only some may make Global names
	}
	if err != nil {
		t.Fatal(err)
	}
	defer global.Close()
	if _, err := p.Publish(t.Context(), global, name+"-global"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a Global section: %v", err)
	}
	wantNoHelper(t, w.first)
}

// TestPublishReadOnly: a native handle that may only read gives a Windows section that may only be read, so a Windows
// program cannot map it for writing.
func TestPublishReadOnly(t *testing.T) {
	w := need(t)
	name := unique(t)
	native(t, name, 4096)
	s, err := namedshm.Open(name, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := find(t, w.first)
	publication, err := p.Publish(t.Context(), s, name)
	if err != nil {
		t.Fatal(err)
	}
	defer publication.Close()
	if _, err := p.Open(t.Context(), name, namedshm.ReadWrite); !isCode(err, namedshm.ErrAccessDenied) {
		t.Errorf("opened for writing: %v", err)
	}
	attach(t, p, name, namedshm.Read)
}

// TestOffer: a section is offered to a prefix that does not run. It is published when the prefix starts, gone when it
// ends, and published again when it starts anew; and it does not keep the prefix from ending.
func TestOffer(t *testing.T) {
	t.Parallel() // it waits, mostly, and has a prefix of its own
	w := need(t)
	prefix := w.freshPrefix(t)
	name := unique(t)
	s, v := native(t, "", 4096)
	copy(v.Bytes(), "offered")
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	events := wine.Offer(ctx, prefix, s, name)
	for range 2 {
		g := w.play(t, prefix)
		wantEvent(t, events, wine.Published)
		if got := g.ask("create", name, 4096); got != "existed" {
			t.Errorf("the Windows program made it %s", got)
		}
		if got := g.ask("text", 0); got != "offered" {
			t.Errorf("the Windows program reads %q", got)
		}
		g.kill()
		if e := wantEvent(t, events, wine.Gone); e.Reason != wine.PrefixEnded {
			t.Errorf("gone because %s", e.Reason)
		}
		if err := plainprefix.Wait(prefix); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if e, open := <-events; open {
		t.Errorf("after the end: %+v", e)
	}
	wantNoHelper(t, prefix)
}

// TestOfferTaken: a name that a Windows program has is waited for.
func TestOfferTaken(t *testing.T) {
	w := need(t)
	name := unique(t)
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	s, _ := native(t, "", 4096)
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	events := wine.Offer(ctx, w.first, s, name)
	wantEvent(t, events, wine.Taken)
	g.kill()
	wantEvent(t, events, wine.Published)
	if got := w.play(t, w.first).ask("create", name, 4096); got != "existed" {
		t.Errorf("the Windows program made it %s", got)
	}
}

// wantEvent is the next event, which is of this kind.
func wantEvent(t *testing.T, events <-chan wine.Change, kind wine.ChangeKind) wine.Change {
	t.Helper()
	e, open := <-events
	if !open || e.Kind != kind {
		t.Fatalf("event %+v (%v), want %s", e, e.Err, kind)
	}
	return e
}

// TestPublishWithoutInput: what holds until the end of standard input, and is given none, would end at once. It is no
// success when nothing was published; a duration helps.
func TestPublishWithoutInput(t *testing.T) {
	w := need(t)
	name := unique(t)
	stopped := w.freshPrefix(t)
	if _, errs, code := w.run(t, "", "wine", "publish", name, "--size", "4KiB", "--prefix", stopped); code != 1 ||
		!strings.Contains(errs, "--hold") {
		t.Errorf("status %d: %q", code, errs)
	}
	b := w.start(t, "wine", "publish", name, "--size", "4KiB", "--prefix", stopped, "--hold", "1h")
	b.says("shm: " + name + ": " + stopped + " is not running; waiting for it\n")
	w.start(t, "wine", "publish", name+"-2", "--size", "4KiB", "--prefix", w.first, "--hold", "1h").says("published in")
}

// TestPublisherKilled: the name goes with its publisher, by kill -9 too.
func TestPublisherKilled(t *testing.T) {
	w := need(t)
	name := unique(t)
	b := w.start(t, "wine", "publish", name, "--size", "64KiB", "--prefix", w.first)
	b.says("published in")
	p := find(t, w.first)
	attach(t, p, name, namedshm.Read)
	if err := b.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := b.cmd.Wait(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	wantNoHelper(t, w.first)
	until(t, "the name is gone", func() bool {
		_, err := p.Open(t.Context(), name, namedshm.Read)
		return isCode(err, namedshm.ErrFileNotFound)
	})
}
