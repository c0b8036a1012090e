package windowsbuild

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// Numbers of the Win32 headers, for the program that makes the calls itself.
const (
	pageReadOnly  = 0x02
	pageReadWrite = 0x04
	secReserve    = 0x04000000
	mapWrite      = 0x02
	mapRead       = 0x04
	mapAll        = 0xF001F

	fileNotFound  = 2
	accessDenied  = 5
	invalidHandle = 6
	alreadyExists = 183
)

const first, second = "Message from first process.", "Message from second process."

// unique is a name that no other test, and no run of this one, has used.
func unique(t *testing.T, prefix string) string {
	return fmt.Sprintf(`%s%s-%d`, prefix, strings.ReplaceAll(t.Name(), "/", "."), os.Getpid())
}

// inBoth runs a test for a name in each namespace, and for a plain one.
func inBoth(t *testing.T, test func(t *testing.T, p programs, name string)) {
	for namespace, prefix := range map[string]string{"Local": `Local\`, "Global": `Global\`, "plain": ""} {
		t.Run(namespace, func(t *testing.T) { test(t, need(t), unique(t, prefix)) })
	}
}

func TestGoMeetsGo(t *testing.T) {
	inBoth(t, func(t *testing.T, p programs, name string) {
		a, b := p.goProgram(t), p.goProgram(t)
		b.fails(fileNotFound, "open", name, "r")
		a.must("create", name, 256, "rw")
		a.must("map", 0, 256, "rw")
		a.write(0, first)
		if size := b.must("open", name, "rw"); size != "4096" {
			t.Errorf("the opener is told %s bytes, want a page", size)
		}
		b.must("map", 0, 0, "rw")
		b.wantText(0, first)
		b.write(4000, second)
		a.must("unmap")
		a.must("map", 0, 0, "r")
		a.wantText(4000, second)
		b.fails(alreadyExists, "create", name, 256, "rw")
	})
}

func TestGoCreatesAndCppOpens(t *testing.T) {
	inBoth(t, func(t *testing.T, p programs, name string) {
		a, b := p.goProgram(t), p.cppProgram(t)
		a.must("create", name, 256, "rw")
		a.must("map", 0, 256, "rw")
		a.write(0, first)
		b.must("open", name, mapAll)
		b.must("map", mapAll, 0, 256)
		b.wantText(0, first)
		b.write(100, second)
		a.wantText(100, second)
	})
}

func TestCppCreatesAndGoOpens(t *testing.T) {
	inBoth(t, func(t *testing.T, p programs, name string) {
		a, b := p.cppProgram(t), p.goProgram(t)
		if was := a.must("create", name, 256, pageReadWrite); was != "new" {
			t.Fatal(was)
		}
		a.must("map", mapAll, 0, 256)
		a.write(0, first)
		if size := b.must("open", name, "rw"); size != "4096" {
			t.Errorf("size %s, want a page", size)
		}
		b.must("map", 0, 256, "rw")
		b.wantText(0, first)
		b.write(100, second)
		a.wantText(100, second)
		// A copy-on-write view keeps what is written to itself.
		b.must("unmap")
		b.must("map", 0, 256, "c")
		b.write(100, first)
		b.wantText(100, first)
		a.wantText(100, second)
	})
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\größe/漢字😀.*-`)
	a.must("create", name, 1, "rw")
	b.must("open", name, mapRead)
	b.fails(fileNotFound, "open", strings.Replace(name, "größe", "GRÖSSE", 1), mapRead)
	a.must("close")
	b.must("close")
	// The other way, and each refuses the name of the other's object of another kind.
	b.must("make", "event", name, "manual", "unset")
	a.fails(invalidHandle, "create", name, 1, "rw")
	a.fails(invalidHandle, "open", name, "r")
	// A C++ program may leave the prefix away.
	b.must("create", strings.TrimPrefix(name, `Local\`)+"2", 1, pageReadWrite)
	a.must("open", name+"2", "r")
}

func TestTheNameDiesWithTheLastHandle(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\`)
	a.must("create", name, 1, "rw")
	a.must("map", 0, 0, "rw")
	a.write(0, first)
	b.must("open", name, mapRead)
	b.must("map", mapRead, 0, 0)
	a.must("close")
	b.must("close")
	a.fails(fileNotFound, "stat", name)
	// The views go on, and a new section of the name has nothing to do with them.
	b.wantText(0, first)
	b.must("create", name, 1, pageReadWrite)
	b.must("map", mapAll, 0, 0)
	b.wantText(0, strings.Repeat("\x00", len(first)))
	b.write(0, second)
	a.wantText(0, first)
}

func TestTheNameDiesWithTheKilledHolder(t *testing.T) {
	p := need(t)
	for _, holder := range []struct {
		kind   string
		start  func(*testing.T) *program
		create []any
	}{
		{"Go", p.goProgram, []any{"rw"}},
		{"C++", p.cppProgram, []any{pageReadWrite}},
	} {
		for _, prefix := range []string{`Local\`, `Global\`} {
			t.Run(holder.kind+" "+strings.TrimSuffix(prefix, `\`), func(t *testing.T) {
				victim, other := holder.start(t), p.goProgram(t)
				name := strings.ReplaceAll(unique(t, prefix), "+", "p")
				victim.must(append([]any{"create", name, 1 << 20}, holder.create...)...)
				other.must("open", name, "r")
				other.must("close")
				// TerminateProcess. That the process has ended means that its handles are closed.
				other.must("kill", victim.must("pid"))
				other.fails(fileNotFound, "open", name, "r")
				other.must("create", name, 1, "rw")
				other.must("map", 0, 0, "rw")
				other.wantText(0, "\x00\x00\x00\x00")
			})
		}
	}
}

// TestKillNine ends the holder from outside: Wine's server learns of that from the closed connection, a moment later
// than whoever killed, so the opener asks until the name is gone.
func TestKillNine(t *testing.T) {
	p := need(t)
	victim, other := p.goProgram(t), p.goProgram(t)
	name := unique(t, `Global\`)
	victim.must("create", name, 1<<20, "rw")
	other.must("open", name, "r")
	other.must("close")
	victim.kill()
	for other.tell("open", name, "r"); other.answer().code != fileNotFound; other.tell("open", name, "r") {
		other.must("close")
	}
}

func TestReadIsEnforced(t *testing.T) {
	p := need(t)
	a, b := p.cppProgram(t), p.goProgram(t)
	name := unique(t, `Local\`)
	a.must("create", name, 1, pageReadWrite)
	a.must("map", mapAll, 0, 0)
	a.write(0, first)
	b.must("open", name, "r")
	b.fails(accessDenied, "map", 0, 0, "rw")
	b.must("map", 0, 0, "r")
	b.fails(accessDenied, "write", 0, "00")
	b.wantText(0, first)
	// A creator's handle has what its creator asked for, not all that the section allows.
	b.must("create", name+"2", 1, "r")
	b.fails(accessDenied, "map", 0, 0, "rw")
	a.must("open", name+"2", mapWrite|mapRead)
	a.must("map", mapWrite, 0, 0)
}

func TestSecurity(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Global\`)
	// Whoever made it may not write it either, by any other handle.
	a.must("create", name, 1, "rw", "sddl=D:P(A;;0x20005;;;WD)")
	b.fails(accessDenied, "open", name, mapWrite)
	b.must("open", name, mapRead)
	b.fails(accessDenied, "map", mapWrite, 0, 0)
	b.must("map", mapRead, 0, 0)
	a.must("map", 0, 0, "rw")
	a.write(0, first)
	b.wantText(0, first)

	a.must("create", name+"2", 1, "rw", "everyone-reads")
	b.must("open", name+"2", mapRead)
	if info := ask(t, a, "stat", name+"2"); !strings.Contains(info.Security, "(A;;CCLCRC;;;WD)") {
		t.Errorf("security %q lets not everyone read, or lets them do more", info.Security)
	}
	a.fails(int(namedshm.Code(1338)), "create", name+"3", 1, "rw", "sddl=everybody")
}

// info is what the tests look at of a namedshm.Info.
type info struct {
	Name, Kind, Access, Security string
	Size                         int64
	Handles                      int
	Holders                      []struct {
		PID     int
		Command string
		Handles int
	}
	State *inspect.State
}

func ask(t *testing.T, a *program, words ...any) (i info) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.must(words...)), &i); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestListShowsWhatCppMade(t *testing.T) {
	inBoth(t, func(t *testing.T, p programs, name string) {
		a, b := p.cppProgram(t), p.goProgram(t)
		a.must("create", name, 70000, pageReadWrite)
		a.must("make", "event", name+".event", "manual", "unset")
		pid, err := strconv.Atoi(a.must("pid"))
		if err != nil {
			t.Fatal(err)
		}
		b.must("open", name, "r")
		full := name
		if !strings.Contains(name, `\`) {
			full = `Local\` + name
		}
		for _, verb := range []string{"find", "stat"} {
			i := ask(t, b, verb, full)
			if i.Name != full || i.Kind != "section" || i.Size != 73728 || i.Access != "read|write" || i.Handles != 2 {
				t.Errorf("%s: %+v", verb, i)
			}
			found := false
			for _, h := range i.Holders {
				found = found || h.PID == pid && h.Command == "peer.exe" && h.Handles == 1
			}
			if !found || len(i.Holders) != 2 {
				t.Errorf("%s: holders %+v, want peer.exe with process id %d, and actor.exe", verb, i.Holders, pid)
			}
			if i := ask(t, b, verb, full+".event"); i.Kind != "event" || i.Handles != 1 {
				t.Errorf("%s: %+v, want an event", verb, i)
			}
		}
		b.must("close")
		a.must("close")
		if i := ask(t, b, "find", full); i.Name != "" {
			t.Errorf("still listed: %+v", i)
		}
	})
}

func TestReservedByCppUsedByGo(t *testing.T) {
	p := need(t)
	a, b := p.cppProgram(t), p.goProgram(t)
	name := unique(t, `Local\`)
	const middle = 1 << 19
	a.must("create", name, 2*middle, pageReadWrite|secReserve)
	a.must("map", mapAll, 0, 0)
	a.must("commit", middle, 4096) // so that the view is in several states
	for offset, want := range map[int]string{0: "reserve", middle: "commit", middle + 4096: "reserve"} {
		if state := a.must("state", offset); state != want {
			t.Fatalf("the page at %d is in state %q before the library came, want %q", offset, state, want)
		}
	}
	if size := b.must("open", name, "rw"); size != strconv.Itoa(2*middle) {
		t.Errorf("size %s", size)
	}
	b.must("map", 0, 0, "rw")
	b.write(2*middle-64, first)
	a.wantText(2*middle-64, first)
	// What one process commits is committed for all; but Wine 8.0 forgets to tell the others when it reaches to the
	// end of the view, so only the first half is looked at from here.
	for _, offset := range []int{0, 65536, middle - 4096, middle} {
		if state := a.must("state", offset); state != "commit" {
			t.Errorf("the page at %d is in state %q, though it is in a view of the library", offset, state)
		}
	}
}

func TestNoCommitByGoUsedByCpp(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\`)
	a.must("create", name, 1<<20, "rw", "no-commit")
	b.must("open", name, mapAll)
	b.must("map", mapAll, 0, 0)
	if state := b.must("state", 65536); state != "reserve" {
		t.Errorf("a page that nobody committed is in state %q", state)
	}
	b.must("commit", 65536, 65536)
	b.write(65536, first)
	a.must("map", 0, 0, "r")
	a.wantText(65536, first)

	// More than the machine has, in use where it is mapped.
	const size int64 = 1 << 40
	if told := a.must("create", name+"2", size, "rw", "no-commit"); told != strconv.FormatInt(size, 10) {
		t.Errorf("size %s", told)
	}
	a.must("map", size-65536, 0, "rw")
	a.write(0, second)
	b.must("open", name+"2", mapAll)
	b.must("map", mapAll, size-65536, 0)
	b.wantText(0, second)
}

func TestWaitOpen(t *testing.T) {
	p := need(t)
	a, b := p.goProgram(t), p.cppProgram(t)
	name := unique(t, `Local\`)
	a.tell("wait", name, "r")
	if line := a.line(); line != "waiting" {
		t.Fatal(line)
	}
	b.must("create", name, 1, pageReadOnly)
	if got := a.answer(); got.result != "4096" {
		t.Errorf("%+v", got)
	}
}
