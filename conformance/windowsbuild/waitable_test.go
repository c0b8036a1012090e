package windowsbuild

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

const (
	synchronize = 0x00100000
	modifyState = 0x2

	notOwner     = 288
	tooManyPosts = 298
)

// bothWays runs a test with each sort of program in each of two parts. Two Go programs meet as well.
func bothWays(t *testing.T, test func(t *testing.T, a, b *program, name string)) {
	p := need(t)
	for name, start := range map[string][2]func(*testing.T) *program{
		"Go and C++": {p.goProgram, p.cppProgram},
		"C++ and Go": {p.cppProgram, p.goProgram},
		"Go and Go":  {p.goProgram, p.goProgram},
	} {
		t.Run(name, func(t *testing.T) {
			letters := strings.NewReplacer(" ", "-", "+", "p")
			test(t, start[0](t), start[1](t), letters.Replace(unique(t, `Local\`)))
		})
	}
}

// want tells the program to do something that has this result.
func (q *program) want(result string, words ...any) {
	q.t.Helper()
	if got := q.must(words...); got != result {
		q.t.Fatalf("%v: %q, want %q", words, got, result)
	}
}

// waits tells the program to wait, and returns when it does.
func (q *program) waits(words ...any) {
	q.t.Helper()
	q.tell(append([]any{"await"}, words...)...)
	if line := q.line(); line != "waiting" {
		q.t.Fatalf("await %v: %q", words, line)
	}
	q.asleep()
}

// wakes wants the wait to end like this.
func (q *program) wakes(result string) {
	q.t.Helper()
	if a := q.answer(); a.code != 0 || a.result != result {
		q.t.Fatalf("the wait ended with %q, want %q", a.text, result)
	}
}

func TestEventsMeet(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		auto, manual := name+".auto", name+".manual"
		a.want("new", "make", "event", auto, "auto", "unset")
		a.want("new", "make", "event", manual, "manual", "set")
		// What exists stays as it is.
		b.want("existed", "make", "event", auto, "manual", "set")
		b.must("reach", "event", manual, synchronize|modifyState)

		b.want("timeout", "try", "any", auto)
		b.waits("any", auto)
		a.must("set", auto)
		b.wakes("0")
		b.want("timeout", "try", "any", auto)
		b.must("set", auto)
		a.want("0", "try", "any", auto)
		a.want("timeout", "try", "any", auto)

		b.want("0", "try", "any", manual)
		a.want("0", "try", "any", manual)
		a.must("reset", manual)
		b.want("timeout", "try", "any", manual)
		b.waits("any", manual)
		a.must("set", manual)
		b.wakes("0")
		b.want("0", "try", "any", manual)
		a.must("reset", manual)

		for _, event := range []string{auto, manual} {
			b.waits("any", event)
			a.must("pulse", event)
			b.wakes("0")
			b.want("timeout", "try", "any", event)
		}
		b.must("drop", auto)
		a.must("drop", auto)
		b.fails(fileNotFound, "reach", "event", auto, synchronize)
	})
}

func TestSemaphoresMeet(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		a.want("new", "make", "semaphore", name, 1, 3)
		b.want("existed", "make", "semaphore", name, 9, 9)
		b.want("0", "try", "any", name)
		a.want("timeout", "try", "any", name)
		b.waits("any", name)
		a.want("0", "post", name, 1)
		b.wakes("0")
		b.want("0", "post", name, 2)
		a.fails(tooManyPosts, "post", name, 2)
		a.want("2", "post", name, 1)
		for range 3 {
			b.want("0", "try", "any", name)
		}
		b.want("timeout", "try", "any", name)
	})
}

func TestMutexesMeet(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		a.want("new", "make", "mutex", name, "owned")
		b.want("existed", "make", "mutex", name, "owned")
		b.fails(notOwner, "unlock", name)
		b.want("timeout", "try", "any", name)
		a.want("0", "try", "any", name) // once more
		a.must("unlock", name)
		b.want("timeout", "try", "any", name)
		b.waits("any", name)
		a.must("unlock", name)
		b.wakes("0")
		a.fails(notOwner, "unlock", name)
		a.want("timeout", "try", "any", name)
		a.waits("any", name)
		b.must("unlock", name)
		a.wakes("0")
		a.must("unlock", name)
		// To wait is the only right that it takes.
		b.must("reach", "mutex", name, synchronize)
		b.want("0", "try", "any", name)
		b.must("unlock", name)
	})
}

// TestDeathOfTheOwner: whoever waits for the mutex gets it, and so does whoever comes later; and is told so, once.
func TestDeathOfTheOwner(t *testing.T) {
	p := need(t)
	bothWays(t, func(t *testing.T, victim, other *program, name string) {
		third := p.goProgram(t)
		waited, late, all := name+".waited", name+".late", name+".all"
		for _, mutex := range []string{waited, late, all} {
			victim.want("new", "make", "mutex", mutex, "owned")
			other.must("reach", "mutex", mutex, synchronize)
			third.must("reach", "mutex", mutex, synchronize)
		}
		other.waits("any", waited)
		third.must("kill", victim.must("pid")) // TerminateProcess
		other.wakes("0 abandoned")
		third.want("timeout", "try", "any", waited)
		other.must("unlock", waited)
		third.want("0", "try", "any", waited)

		other.want("0 abandoned", "try", "any", late)
		other.want("0", "try", "any", late)
		other.must("unlock", late)
		other.must("unlock", late)
		third.want("0", "try", "any", late)
		other.want("0 abandoned", "try", "all", all)
	})
}

// TestKillNineOfTheOwner ends it from outside, as TestKillNine does, while somebody waits.
func TestKillNineOfTheOwner(t *testing.T) {
	bothWays(t, func(t *testing.T, victim, other *program, name string) {
		victim.want("new", "make", "mutex", name, "owned")
		other.must("reach", "mutex", name, synchronize)
		other.waits("any", name)
		victim.kill()
		other.wakes("0 abandoned")
	})
}

// TestDeathOfAWaiter: a wake-up is for somebody who lives.
func TestDeathOfAWaiter(t *testing.T) {
	p := need(t)
	bothWays(t, func(t *testing.T, victim, other *program, name string) {
		third := p.goProgram(t)
		event, mutex := name+".event", name+".mutex"
		third.must("make", "event", event, "auto", "unset")
		third.must("make", "mutex", mutex, "owned")
		for _, q := range []*program{victim, other} {
			q.must("reach", "event", event, synchronize)
			q.must("reach", "mutex", mutex, synchronize)
		}
		pid := victim.must("pid")
		victim.waits("any", event, mutex)
		other.waits("all", event, mutex)
		third.must("kill", pid)
		third.must("set", event)
		third.must("unlock", mutex)
		other.wakes("0")
	})
}

// TestCloseOfTheOwner: a Go program's handle is the owner, and ends.
func TestCloseOfTheOwner(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\`)
	a.must("make", "mutex", name, "owned")
	b.must("reach", "mutex", name, synchronize)
	b.waits("any", name)
	a.must("drop", name)
	b.wakes("0 abandoned")
	b.must("unlock", name)
	a.must("reach", "mutex", name, synchronize)
	a.want("0", "try", "any", name)
	a.must("drop", name)
	b.want("0 abandoned", "try", "any", name)
}

// TestEndOfTheOwnersThread: the process goes on, but in C++ a thread is the owner.
func TestEndOfTheOwnersThread(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\`)
	a.must("make", "mutex", name, "owned")
	b.must("reach", "mutex", name, synchronize)
	b.tell("forsake", name)
	b.asleep()
	a.must("unlock", name)
	b.wakes("")
	a.want("0 abandoned", "try", "any", name)
	a.must("unlock", name)
	a.want("0", "try", "any", name)
}

func TestWaitsForSeveral(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		event, mutex, semaphore := name+".event", name+".mutex", name+".semaphore"
		a.must("make", "event", event, "auto", "unset")
		a.must("make", "mutex", mutex, "owned")
		a.must("make", "semaphore", semaphore, 0, 2)
		for kind, object := range map[string]string{"event": event, "mutex": mutex, "semaphore": semaphore} {
			b.must("reach", kind, object, synchronize)
		}
		for i, signal := range [][]any{{"set", event}, {"unlock", mutex}, {"post", semaphore, 1}} {
			b.waits("any", event, mutex, semaphore)
			a.must(signal...)
			b.wakes(strconv.Itoa(i))
			if i == 1 {
				b.must("unlock", mutex)
				a.want("0", "try", "any", mutex)
			}
		}
		// The first of those that let through, and no other is touched.
		a.must("set", event)
		a.must("post", semaphore, 1)
		b.want("0", "try", "any", event, mutex, semaphore)
		b.want("2", "try", "any", event, mutex, semaphore)
		b.want("timeout", "try", "any", event, mutex, semaphore)

		// All, or none.
		b.waits("all", event, mutex, semaphore)
		a.must("set", event)
		a.must("post", semaphore, 1)
		b.asleep()
		a.want("0", "try", "any", event)
		a.want("0", "try", "any", semaphore)
		a.must("unlock", mutex)
		b.asleep()
		a.want("0", "try", "any", mutex)
		a.must("post", semaphore, 1)
		a.must("unlock", mutex)
		a.must("set", event)
		b.wakes("0")
		a.want("timeout", "try", "any", event, mutex, semaphore)
		b.must("unlock", mutex)
		a.want("1", "try", "any", event, mutex, semaphore)
	})
}

func TestKindsClash(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		make := map[string][]any{"event": {"auto", "set"}, "mutex": {"free"}, "semaphore": {1, 1}}
		for kind, state := range make {
			object := name + "." + kind
			a.want("new", append([]any{"make", kind, object}, state...)...)
			for other, state := range make {
				if other != kind {
					b.fails(invalidHandle, append([]any{"make", other, object}, state...)...)
					b.fails(invalidHandle, "reach", other, object, synchronize)
				}
			}
		}
	})
}

func TestSecurityOfWaitables(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Global\`)
	a.must("make", "event", name, "manual", "unset", "sddl=D:P(A;;0x100001;;;WD)")
	b.fails(accessDenied, "reach", "event", name, synchronize|modifyState)
	b.must("reach", "event", name, synchronize)
	b.fails(accessDenied, "set", name)
	b.waits("any", name)
	a.must("set", name)
	b.wakes("0")

	a.must("make", "semaphore", name+"2", 0, 1, "everyone-waits")
	if i := ask(t, a, "stat", name+"2"); !strings.Contains(i.Security, "(A;;0x120001;;;WD)") &&
		!strings.Contains(i.Security, "(A;;CCRCSY;;;WD)") {
		t.Errorf("security %q", i.Security)
	}
}

// TestStateShowsWhatCppMade: how the objects of another program stand.
func TestStateShowsWhatCppMade(t *testing.T) {
	inBoth(t, func(t *testing.T, p programs, name string) {
		a, b := p.cppProgram(t), p.goProgram(t)
		full := name
		if !strings.Contains(name, `\`) {
			full = `Local\` + name
		}
		look := func(object string, right func(s *inspect.State) bool) {
			t.Helper()
			for _, verb := range []string{"find", "stat"} {
				if i := ask(t, b, verb, full+object); i.State == nil || i.State.Waiters != -1 || !right(i.State) {
					t.Errorf("%s %s: %+v, state %+v", verb, object, i, i.State)
				}
			}
		}
		a.must("make", "event", name+".auto", "auto", "set")
		look(".auto", func(s *inspect.State) bool { return s.Reset != nil && *s.Reset == namedshm.AutoReset && s.Signaled })
		a.must("make", "event", name+".manual", "manual", "unset")
		look(".manual", func(s *inspect.State) bool {
			return s.Reset != nil && *s.Reset == namedshm.ManualReset && !s.Signaled
		})
		a.must("make", "semaphore", name+".semaphore", 2, 5)
		look(".semaphore", func(s *inspect.State) bool {
			return s.Signaled && s.Semaphore != nil && *s.Semaphore == inspect.SemaphoreState{Count: 2, Maximum: 5}
		})
		a.must("make", "mutex", name+".mutex", "free")
		look(".mutex", func(s *inspect.State) bool { return s.Signaled && s.Ownership == nil })
		a.want("0", "try", "any", name+".mutex")
		// Windows tells whose it is, Wine 8.0 does not.
		look(".mutex", func(s *inspect.State) bool { return !s.Signaled && s.Ownership != nil && !s.Abandoned })
		a.must("unlock", name+".mutex")
		a.must("forsake", name+".mutex")
		look(".mutex", func(s *inspect.State) bool { return s.Signaled && s.Ownership == nil && s.Abandoned })
	})
}

// TestNoWakeUpIsLost: each side waits for each of the other's signals, and gives one for it.
func TestNoWakeUpIsLost(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		const times = 2000
		for _, q := range []*program{a, b} {
			q.must("make", "event", name+".a", "auto", "unset")
			q.must("make", "event", name+".b", "auto", "unset")
		}
		a.tell("serve", name+".a", name+".b", times)
		b.tell("return", name+".b", name+".a", times)
		for _, q := range []*program{a, b} {
			q.wakes("")
			q.want("timeout", "try", "any", name+".a", name+".b")
		}
	})
}

// TestOneAtATime: both add to one number in shared memory, in steps that the mutex keeps apart.
func TestOneAtATime(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *program, name string) {
		const times = 1000
		a.share("create", name)
		b.share("open", name)
		for _, q := range []*program{a, b} {
			q.must("make", "mutex", name+".mutex", "free")
			q.tell("count", name+".mutex", times)
		}
		for _, q := range []*program{a, b} {
			q.wakes("")
		}
		sum, err := hex.DecodeString(a.must("read", 0, 8))
		if err != nil || binary.LittleEndian.Uint64(sum) != 2*times {
			t.Errorf("the sum is %x, %v; want %d", sum, err, 2*times)
		}
	})
}

// share creates or opens a section, and maps it.
func (q *program) share(verb, name string) {
	q.t.Helper()
	if q.isGo() {
		q.must(append([]any{verb, name}, map[string][]any{"create": {4096, "rw"}, "open": {"rw"}}[verb]...)...)
		q.must("map", 0, 0, "rw")
		return
	}
	q.must(append([]any{verb, name}, map[string][]any{"create": {4096, pageReadWrite}, "open": {mapAll}}[verb]...)...)
	q.must("map", mapAll, 0, 0)
}
