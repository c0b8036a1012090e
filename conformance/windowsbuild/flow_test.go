package windowsbuild

import (
	"strings"
	"testing"
)

// What a reader or a sender is told when the other side has died.
const brokenPipe = 109

const busy = 170

// TestRing has two Windows programs send to a third through a ring that is too small for what they send.
func TestRing(t *testing.T) {
	p, name := need(t), unique(t, `Local\`)
	receiver, a, b := p.goProgram(t), p.goProgram(t), p.goProgram(t)
	receiver.must("receiver", name)
	a.fails(busy, "receiver", name)
	a.must("sender", name)
	b.must("sender", name)
	receiver.fails(busy, "sender", name)
	a.tell("send", 1, 1000)
	b.tell("send", 1001, 2000)
	if sum := receiver.must("receive", 2000); sum != "2001000" {
		t.Errorf("the numbers of 2000 messages add up to %s", sum)
	}
	a.answer()
	b.answer()
	receiver.tell("receive", 1)
	a.must("goodbye", "sender")
	b.must("send", 7, 7)
	if sum := receiver.answer().result; sum != "7" {
		t.Errorf("message %s, want 7", sum)
	}
	receiver.tell("receive", 1)
	b.must("goodbye", "sender")
	if end := receiver.answer().result; end != "EOF" {
		t.Errorf("after the goodbyes %q is told", end)
	}
}

// TestKilledInRing kills a sender and a receiver, from inside of Wine and from outside. Who waits for them is told of
// it; what was committed comes, and others take their ends.
func TestKilledInRing(t *testing.T) {
	for way, namespace := range map[string]string{"TerminateProcess": `Global\`, "kill -9": `Local\`} {
		t.Run(way, func(t *testing.T) {
			p := need(t)
			name := strings.ReplaceAll(unique(t, namespace), " ", "")
			end := func(victim, by *program) {
				if way == "TerminateProcess" {
					by.must("kill", victim.must("pid"))
				}
				victim.kill()
			}
			receiver, sender, other := p.goProgram(t), p.goProgram(t), p.goProgram(t)
			receiver.must("receiver", name)
			sender.must("sender", name)
			sender.must("send", 1, 3)
			receiver.must("receive", 3)
			receiver.tell("receive", 1)
			end(sender, other)
			if got := receiver.answer(); got.code != brokenPipe {
				t.Errorf("a killed sender is told as %+v", got)
			}
			for range 2 { // both lanes: the dead one's is free
				other.must("sender", name)
			}
			other.tell("send", 1, 1000)
			end(receiver, p.goProgram(t))
			if got := other.answer(); got.code != brokenPipe {
				t.Errorf("a killed receiver is told as %+v", got)
			}
			successor := p.goProgram(t)
			successor.must("receiver", name)
			successor.must("receive", 10)
			other.must("send", 1, 5)
		})
	}
}

// TestFeed has one program write and two read, of which each gets or is told to have missed every message.
func TestFeed(t *testing.T) {
	p, name := need(t), unique(t, `Global\`)
	writer, a, b := p.goProgram(t), p.goProgram(t), p.goProgram(t)
	writer.must("writer", name)
	a.fails(busy, "writer", name)
	a.must("reader", name)
	b.must("reader", name)
	if number := b.must("latest"); number != "0" {
		t.Errorf("an empty feed has message %s", number)
	}
	a.tell("follow", 1000)
	b.tell("follow", 1000)
	writer.must("publish", 1, 1000)
	for _, reader := range []*program{a, b} {
		if seen := reader.answer(); seen.result != "1000" {
			t.Errorf("%+v, want 1000 messages", seen)
		}
		if number := reader.must("latest"); number != "1000" {
			t.Errorf("the newest is %s", number)
		}
	}
	a.tell("follow", 1001)
	writer.must("goodbye", "writer")
	if end := a.answer().result; end != "EOF" {
		t.Errorf("after the goodbye %q is told", end)
	}
}

// TestKilledInFeed kills the writer: readers are told, and the next writer goes on with the numbers.
func TestKilledInFeed(t *testing.T) {
	p := need(t)
	name := unique(t, `Global\`)
	writer, reader, successor := p.goProgram(t), p.goProgram(t), p.goProgram(t)
	writer.must("writer", name)
	writer.must("publish", 1, 3)
	reader.must("reader", name)
	reader.must("follow", 2)
	reader.tell("follow", 4)
	writer.kill()
	if got := reader.answer(); got.code != brokenPipe {
		t.Errorf("a killed writer is told as %+v", got)
	}
	successor.must("writer", name)
	successor.must("publish", 4, 6)
	if seen := reader.must("follow", 6); seen != "6" {
		t.Errorf("%s messages, want 6", seen)
	}
}
