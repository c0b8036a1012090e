//go:build linux

package wineprefix

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// recovery is how long a reader may need to notice and to attach again, as a multiple of what starting a program and
// asking it takes on this machine at this moment; it is never held to less than a second.
const recovery = 20

// follow follows a name of a prefix until it is told to end.
func follow(t *testing.T, target wine.Target) (<-chan wine.Change, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(bounded(t))
	return wine.Follow(ctx, target), cancel
}

// wantGone wants the next event to be that the last handle was closed.
func wantGone(t *testing.T, events <-chan wine.Change) {
	t.Helper()
	if e := wantEvent(t, events, wine.Gone); e.Reason != wine.HandleClosed {
		t.Errorf("gone because %s", e.Reason)
	}
}

// wantEnd waits until a follower that was told to end has ended, with its helper.
func wantEnd(t *testing.T, events <-chan wine.Change, prefix string) {
	t.Helper()
	for range events {
	}
	wantNoHelper(t, prefix)
}

// send sends a signal to a helper.
func send(t *testing.T, helper int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(helper, s); err != nil {
		t.Fatal(err)
	}
}

// TestFollowRestart: the Windows program is killed while it is read, and started again. The reader is told, and reads
// on.
func TestFollowRestart(t *testing.T) {
	w := need(t)
	name := unique(t)
	events, cancel := follow(t, wine.Target{Prefix: w.first, Name: name})
	defer cancel()
	for round := range 3 {
		begun := time.Now()
		g := w.play(t, w.first)
		g.ask("create", name, 4096)
		g.ask("run")
		ready := time.Now()
		e := wantEvent(t, events, wine.Attached)
		bound := max(time.Second, recovery*ready.Sub(begun))
		if took := time.Since(ready); took > bound {
			t.Errorf("round %d: attached %v after the section was made", round, took)
		}
		readFrames(t, e.Attachment, 100)
		g.kill()
		killed := time.Now()
		wantGone(t, events)
		if took := time.Since(killed); took > bound {
			t.Errorf("round %d: noticed %v after the kill", round, took)
		}
		e.Attachment.Close()
	}
	cancel()
	wantEnd(t, events, w.first)
}

// readFrames reads some frames of a running Windows program.
func readFrames(t *testing.T, s *wine.Attachment, count int) {
	t.Helper()
	v, err := s.Section.Map(0, 0, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	f, last := frameOf(t, v), uint64(0)
	for range count {
		if last, err = f.next(last); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFollowClosedHandle: the Windows program closes its handle and lives on, with its view; then it makes the name
// anew.
func TestFollowClosedHandle(t *testing.T) {
	w := need(t)
	name := unique(t)
	events, cancel := follow(t, wine.Target{Prefix: w.first, Name: name})
	defer cancel()
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	g.ask("text", 0, "one")
	first := wantEvent(t, events, wine.Attached).Attachment
	defer first.Close()
	g.ask("close")
	wantGone(t, events)
	g.ask("create", name, 8192)
	second := wantEvent(t, events, wine.Attached).Attachment
	defer second.Close()
	if first.Inode == second.Inode || second.Section.Size() != 8192 {
		t.Errorf("inodes %d and %d, %d bytes", first.Inode, second.Inode, second.Section.Size())
	}
	if v := mapAll(t, first.Section, namedshm.Read); string(v.Bytes()[:3]) != "one" {
		t.Errorf("the old section shows %q", v.Bytes()[:3])
	}
}

// TestFollowReplaced: when the name goes and comes while the follower does not look, it is told so. Its helper is
// stopped meanwhile, so that it cannot look.
func TestFollowReplaced(t *testing.T) {
	w := need(t)
	name := unique(t)
	events, cancel := follow(t, wine.Target{Prefix: w.first, Name: name})
	defer cancel()
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	first := wantEvent(t, events, wine.Attached).Attachment
	defer first.Close()
	found := helpers(t, w.first)
	if len(found) != 1 {
		t.Fatalf("%d helpers", len(found))
	}
	for anew := false; !anew; {
		send(t, found[0], syscall.SIGSTOP)
		g.ask("close")
		// A helper that is stopped in the middle of a look has the section open itself, and keeps its name.
		anew = g.ask("create", name, 4096) == "new"
		if !anew {
			send(t, found[0], syscall.SIGCONT)
		}
	}
	g.ask("text", 0, "two")
	send(t, found[0], syscall.SIGCONT)
	second := wantEvent(t, events, wine.Replaced).Attachment
	defer second.Close()
	if v := mapAll(t, second.Section, namedshm.Read); string(v.Bytes()[:3]) != "two" {
		t.Errorf("the new section shows %q", v.Bytes()[:3])
	}
}

// TestFollowPrefix: the prefix is not there yet, comes, ends and comes again.
func TestFollowPrefix(t *testing.T) {
	t.Parallel() // it waits, mostly, and has a prefix of its own
	w := need(t)
	prefix := w.freshPrefix(t)
	name := unique(t)
	events, cancel := follow(t, wine.Target{Prefix: prefix, Name: name, Access: namedshm.ReadWrite})
	defer cancel()
	for range 2 {
		g := w.play(t, prefix)
		g.ask("create", name, 4096)
		s := wantEvent(t, events, wine.Attached).Attachment
		v := mapAll(t, s.Section, namedshm.ReadWrite)
		copy(v.Bytes(), "written")
		if got := g.ask("text", 0); got != "written" {
			t.Errorf("the Windows program reads %q", got)
		}
		s.Close()
		g.kill()
		wantEvent(t, events, wine.Gone)
	}
	cancel()
	wantEnd(t, events, prefix)
}

// TestFollowHelperKilled: somebody kills the helper; the follower gets another one, and nothing is told.
func TestFollowHelperKilled(t *testing.T) {
	w := need(t)
	name := unique(t)
	events, cancel := follow(t, wine.Target{Prefix: w.first, Name: name})
	defer cancel()
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	defer wantEvent(t, events, wine.Attached).Attachment.Close()
	for _, pid := range helpers(t, w.first) {
		send(t, pid, syscall.SIGKILL)
	}
	until(t, "there is another helper", func() bool { return len(helpers(t, w.first)) == 1 })
	g.ask("close")
	wantGone(t, events)
}

// TestFollowFails: what cannot become better ends it.
func TestFollowFails(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("make", "event", name)
	for target, want := range map[wine.Target]namedshm.Code{
		{Prefix: w.first, Name: name}:                           namedshm.ErrInvalidHandle,
		{Prefix: w.first, Name: ""}:                             namedshm.ErrInvalidHandle,
		{Prefix: w.first, Name: name, Access: namedshm.Execute}: namedshm.ErrInvalidParameter,
	} {
		events := wine.Follow(bounded(t), target)
		if e := wantEvent(t, events, wine.Failed); !isCode(e.Err, want) {
			t.Errorf("%+v: %v, want %v", target, e.Err, want)
		}
		if e, open := <-events; open {
			t.Errorf("after Failed: %+v", e)
		}
	}
	wantNoHelper(t, w.first)
}

// TestAttachFollow: the command recovers as well, and says what happened.
func TestAttachFollow(t *testing.T) {
	w := need(t)
	name := unique(t)
	b := w.start(t, "wine", "attach", name, "--prefix", w.first, "--follow", "--json", "--interval", "5ms", "--length",
		"8")
	for round := range 2 {
		g := w.play(t, w.first)
		g.ask("create", name, 4096)
		g.ask("text", 0, string("abc"[round])+"live")
		b.says(`"event":"attached"`)
		b.says(`"bytes":"` + []string{"YWxpdmU", "YmxpdmU"}[round]) // alive, blive
		g.kill()
		b.says(`"reason":"the last handle was closed"`)
		b.mu.Lock()
		b.said.Reset()
		b.mu.Unlock()
	}
	if err := b.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	wantNoHelper(t, w.first)
}
