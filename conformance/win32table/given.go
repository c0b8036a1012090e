package win32table

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// given is a phrase of the table's column of that name, and what it means here. m is what the pattern's groups matched.
type given = spec.Phrase[func(w *world, m []string)]

func findGiven(r spec.Row) (begin func(*world, []string), m []string) {
	if r.AboutWaitables() {
		return spec.First(r.Given, waitableGivens, givens)
	}
	return spec.First(r.Given, givens)
}

// beginRow brings the world to where the row starts.
func (w *world) beginRow(r spec.Row) {
	if begin, m := findGiven(r); m != nil {
		begin(w, m)
		return
	}
	before, ok := w.Rows.Reference(r)
	if !ok {
		w.fail("nothing is known about the beginning %q", r.Given)
	}
	w.beginRow(before)
	w.perform(before)
}

func when(pattern string, begin func(w *world, m []string)) given {
	return spec.Whole(pattern, begin)
}

// both runs one beginning after another.
func both(begins ...func(*world, []string)) func(*world, []string) {
	return func(w *world, m []string) {
		for _, begin := range begins {
			begin(w, m)
		}
	}
}

func nothing(*world, []string) {}

// sectionOf begins with a section of the row's own name: group 1 of the phrase is its protection, or its size.
func sectionOf(w *world, m []string) {
	size, protect := uint64(4096), numbers["PAGE_READWRITE"]
	if len(m) > 1 && m[1] != "" {
		if p, ok := numbers[m[1]]; ok {
			protect = p
		} else {
			n, err := spec.Size(m[1])
			w.check(err)
			size = n
		}
	}
	w.begin(size, protect)
}

// viewOf begins with a view of the given access on a section of 128 KiB.
func viewOf(access uint32) func(*world, []string) {
	return func(w *world, _ []string) { w.beginView(128<<10, access) }
}

const (
	copyView  = 1
	writeView = 2
	readView  = 4
)

func secondView(access uint32) func(*world, []string) {
	return func(w *world, _ []string) { w.other = w.mapAt(w.handle, access, 0, 0) }
}

func unmapped(w *world, _ []string)     { w.must("UnmapViewOfFile", w.view) }
func closedHandle(w *world, _ []string) { w.must("CloseHandle", w.handle) }

// stale begins with a handle that is closed, and whose number stands for nothing else while the row is run: on Windows,
// Go makes handles for itself at any time, and a row that closes one of those ends the process. A system gives anew the
// lowest number that is free, or the one that came free last; so others come free below it, and after it.
func stale(begin func(*world, []string)) func(*world, []string) {
	spare := func(w *world) func() {
		var handles []any
		for range 64 { // a thread of Go takes four
			handles = append(handles, w.must("CreateEventW", 0, 0, 0, "-").Value)
		}
		return func() {
			for _, h := range handles {
				w.must("CloseHandle", h)
			}
		}
	}
	return func(w *world, m []string) {
		lower := spare(w)
		begin(w, m)
		later := spare(w)
		lower()
		closedHandle(w, m)
		later()
	}
}

var givens = []given{
	when(`-|nothing|name unused|no object "foo"|no directory "Globalx"|no such session|privileged(?: caller)?`, nothing),
	when(`page file backed, .*|no SeLockMemoryPrivilege|success of .*|pseudo-handle of the process`, nothing),
	when(`(?:-|caller in session 0 or .*); object from the create row`,
		func(w *world, _ []string) { w.createNamed(w.quoted()) }),

	when(`name open|name open \(same type\)|name open SEC_COMMIT|name exists|section handle|handle|RW handle|open handle`, sectionOf),
	when(`plain CreateFileMapping|created through the A function`, nothing),
	when(`name open, (PAGE_\w+)|(?:page-file section )?(PAGE_\w+)(?: section(?: open by name)?|, creator handle)`, func(w *world, m []string) {
		sectionOf(w, []string{"", m[1] + m[2]})
	}),
	when(`name open with (\d+) bytes`, sectionOf),
	when(`(?:section of )?(\d+)(?:-byte section| bytes?)`, sectionOf),
	when(`(\d+ \w+) section, handle with READ\|WRITE`, sectionOf),
	when(`(PAGE_\w+) section; OpenFileMapping\((.*)\)`, func(w *world, m []string) {
		sectionOf(w, m)
		access, err := parseBits(m[2])
		w.check(err)
		w.handle = w.openSection(w.Name(), access)
	}),
	when(`handle with READ only`, func(w *world, m []string) {
		sectionOf(w, nil)
		w.handle = w.openSection(w.Name(), readView)
	}),
	when(`current session is 1(; object from the create row)?`, func(w *world, m []string) {
		if m[1] != "" {
			w.createNamed(w.quoted())
		}
	}),
	when(`.*name "(N)".*|"([^"]*)" exists.*|a section "(S)" exists`, func(w *world, m []string) {
		w.createNamed(spec.Literal(m[1] + m[2] + m[3]))
	}),
	when(`an event "(E)" exists`, func(w *world, m []string) { w.make(spec.Literal(m[1]), plain["event"]) }),
	when(`an event handle|event handle|mutex handle`, func(w *world, m []string) {
		w.make(w.Name(), plain[map[bool]string{true: "mutex", false: "event"}[m[0] == "mutex handle"]])
	}),
	when(`composed e-acute name exists`, func(w *world, _ []string) { w.createNamed(w.Name() + spec.Composed) }),
	when(`both of CRE-015`, func(w *world, _ []string) {
		w.first = w.create("", 4096, 4).Value
		w.handle = w.create("", 4096, 4).Value
		w.view, w.other = w.mapAt(w.first, writeView, 0, 0), w.mapAt(w.handle, writeView, 0, 0)
	}),

	when(`any view|view|mapped view|page-file RW view|RW view|RW view of 128 KiB|parent has a view`, viewOf(writeView)),
	when(`address already used by a view`, viewOf(writeView)),
	when(`free aligned address`, both(viewOf(writeView), unmapped)),
	when(`view of (\d+) bytes`, func(w *world, m []string) {
		sectionOf(w, m)
		w.view = w.mapAt(w.handle, writeView, 0, 0)
	}),
	when(`RO view`, viewOf(readView)),
	when(`RX view of a PAGE_EXECUTE_READ section`, func(w *world, _ []string) {
		w.begin(4096, numbers["PAGE_EXECUTE_READ"])
		w.view = w.mapAt(w.handle, readView|numbers["FILE_MAP_EXECUTE"], 0, 0)
	}),
	when(`RW view of a section with (SEC_.*)`, func(w *world, m []string) {
		flags, err := parseBits(m[1])
		w.check(err)
		w.begin(128<<10, numbers["PAGE_READWRITE"]|flags)
		w.view = w.mapAt(w.handle, writeView, 0, 0)
	}),
	when(`RW view(?: [cp])?, its first page (PAGE_\w+)(,? ?(?:and )?written)?(?: and (PAGE_\w+) again)?`, func(w *world, m []string) {
		both(viewOf(writeView), secondView(writeView))(w, nil)
		w.must("VirtualProtect", w.view, 4096, numbers[m[1]])
		if m[2] != "" {
			w.write(w.view, "private")
		}
		if m[3] != "" {
			w.must("VirtualProtect", w.view, 4096, numbers[m[3]])
		}
	}),
	when(`copy view|FILE_MAP_COPY view c`, viewOf(copyView)),
	when(`copy view after a write to its first page`,
		both(viewOf(copyView), func(w *world, _ []string) { w.write(w.view, "private") })),
	when(`section mapped twice`, both(viewOf(writeView), secondView(writeView))),
	when(`RW view p and RO view q of one object`, both(viewOf(writeView), secondView(readView))),
	when(`page of c not yet written`, both(viewOf(copyView), secondView(writeView))),
	when(`c was written`, written),
	when(`c unmapped and mapped again`, both(written, unmapped, func(w *world, _ []string) {
		w.view = w.mapAt(w.handle, copyView, 0, 0)
	})),
	when(`second handle by name, view at offset (\d+)`, func(w *world, m []string) {
		w.shift, _ = strconv.ParseUint(m[1], 10, 64)
		w.beginView(2*w.shift, writeView)
		w.other = w.mapAt(w.openSection(w.Name(), readView|writeView), writeView, w.shift, 0)
	}),
	when(`SEC_RESERVE section, two views p and q`, reserved),
	when(`page committed(?: through p)?|next page not committed`, both(reserved, func(w *world, m []string) {
		w.must("VirtualAlloc", w.view, 4096, numbers["MEM_COMMIT"], numbers["PAGE_READWRITE"])
		w.write(w.view, "\x07")
		if m[0] == "next page not committed" {
			w.view += 4096
		}
	})),
	when(`view unmapped|view unmapped first|after unmap`, both(viewOf(writeView), unmapped)),

	when(`two handles, first closed`, secondHandle),
	when(`both closed`, both(secondHandle, closedHandle)),
	when(`closed handle|handle closed`, stale(sectionOf)),
	when(`HANDLE_FLAG_PROTECT_FROM_CLOSE`, both(sectionOf, func(w *world, _ []string) {
		w.must("SetHandleInformation", w.handle, 2, 2)
	})),
	when(`handle open; write, unmap, map again`, both(viewOf(writeView), func(w *world, _ []string) {
		w.write(w.view, "kept")
		w.must("UnmapViewOfFile", w.view)
		w.view = w.mapAt(w.handle, readView, 0, 0)
	})),

	when(`named section with a mapped view`, viewOf(writeView)),
	when(`only a view is left|old view`, onlyView),
	when(`all closed, created again`, both(onlyView, unmapped, func(w *world, _ []string) {
		w.beginView(4096, readView)
	})),
	when(`old view \+ new object`, both(onlyView, func(w *world, _ []string) {
		w.begin(4096, 4)
		w.other = w.mapAt(w.handle, writeView, 0, 0)
	})),

	when(`child holds the name`, childHolds),
	when(`child killed with TerminateProcess`, both(childHolds, opened, closedHandle, killed)),
	when(`parent closed its handle, child keeps one`, both(sectionOf, childOpens, closedHandle)),
	when(`child killed`, both(sectionOf, childOpens, closedHandle, killed)),
	when(`child keeps only a view \(its handle closed\)`, both(childHolds, func(w *world, _ []string) {
		w.childCall("CloseHandle", w.first)
	})),
	when(`parent has handle\+view, creator killed`, both(childHolds, opened, killed)),
	when(`child maps (\S+)`, both(viewOf(writeView), func(w *world, m []string) {
		w.startChild()
		h := w.childCall("OpenFileMappingW", readView|writeView, 0, wide(w.Name())).Value
		access, err := parseBits(m[1])
		w.check(err)
		w.other = w.childCall("MapViewOfFile", h, access, 0, 0).Value
	})),
	when(`own handle closed, duplicate in other process`, both(sectionOf, duplicatedInto, closedHandle)),
	when(`that process killed`, both(sectionOf, duplicatedInto, closedHandle, killed)),
	when(`bInheritHandle section, CreateProcess\(bInheritHandles TRUE\)`, both(sectionOf, func(w *world, _ []string) {
		w.must("SetHandleInformation", w.handle, 1, 1)
		c, err := startHeir(w.program, w.process, w.handle)
		w.check(err)
		w.child = c
	})),
	when(`bInheritHandles FALSE|handle not inheritable`, both(sectionOf, func(w *world, m []string) {
		if m[0] == "bInheritHandles FALSE" {
			w.must("SetHandleInformation", w.handle, 1, 1)
		}
		w.startChild()
	})),

	when(`empty file|empty RW file`, fileOf(0, 0xC0000000)),
	when(`(?:GENERIC_READ file handle|10000-byte file, read-only handle)`, fileOf(10000, 0x80000000)),
	when(`10000-byte file, (GENERIC_.*)`, func(w *world, m []string) {
		access, err := parseBits(m[1])
		w.check(err)
		fileOf(10000, access)(w, nil)
	}),
	when(`file section(?: of 10000)?|as FIL-004a`, func(w *world, m []string) {
		fileOf(0, 0xC0000000)(w, nil)
		a := w.call("CreateFileMappingW", w.handle, 0, 4, 10000, wide(w.Name()))
		w.first, w.handle = a.Value, a.Value
		if m[0] == "as FIL-004a" {
			w.handle = w.openSection(w.Name(), 0xF001F)
		}
	}),
	when(`both handles`, func(w *world, _ []string) {
		fileOf(0, 0xC0000000)(w, nil)
		first := w.must("CreateFileMappingW", w.handle, 0, 4, 10000, wide(w.Name())).Value
		second := w.create(w.Name(), 4096, 4)
		if second.Error != 183 {
			w.fail("a second creator gets %d, error %d", second.Value, second.Error)
		}
		w.view, w.other = w.mapAt(first, writeView, 0, 0), w.mapAt(second.Value, readView, 0, 0)
	}),

	when(`session != 0, token without SeCreateGlobalPrivilege, name unused`, unprivileged),
	when(`as GLO-001, name already exists`, both(func(w *world, _ []string) {
		s, created, err := namedshm.OpenOrCreate(w.quoted(), 4096, namedshm.ReadWrite,
			namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
		w.check(err)
		w.others = append(w.others, s)
		if !created {
			w.fail("%q is taken", s.Name())
		}
	}, unprivileged)),
}

// createNamed makes the object that the row is about, under a name of the table.
func (w *world) createNamed(name string) {
	a := w.create(name, 4096, 4)
	if a.Value == 0 || a.Error != 0 {
		w.fail("%q gives %d, error %d", name, a.Value, a.Error)
	}
	w.first, w.handle, w.protect = a.Value, a.Value, 4
}

var files atomic.Int64

// fileOf begins with a file of some bytes, and a handle of it.
func fileOf(size int64, access uint32) func(*world, []string) {
	return func(w *world, _ []string) {
		w.path = filepath.Join(w.program.Directory, fmt.Sprintf("file.%d.%d", os.Getpid(), files.Add(1)))
		f, err := os.Create(w.path)
		w.check(err)
		w.check(f.Truncate(size))
		w.check(f.Close())
		const openExisting = 3
		w.handle = w.must("CreateFileW", wide(w.path), access, openExisting).Value
	}
}

// written begins with a copy view and a shared one of the same bytes, each written.
func written(w *world, _ []string) {
	w.beginView(128<<10, copyView)
	w.other = w.mapAt(w.handle, writeView, 0, 0)
	w.write(w.view, "private")
	w.write(w.other, "shared!")
}

// secondHandle begins with two handles, of which the first is closed again.
func secondHandle(w *world, m []string) {
	sectionOf(w, m)
	w.handle = w.openSection(w.Name(), readView|writeView)
	w.must("CloseHandle", w.first)
	w.first = w.handle
}

// reserved begins with a section of which nothing is committed, and two views of it. It has no name: with one, a
// process on Unix could not tell the others what it commits.
func reserved(w *world, _ []string) {
	w.size = 256 << 10
	w.handle = w.create("", w.size, numbers["PAGE_READWRITE"]|numbers["SEC_RESERVE"]).Value
	w.view, w.other = w.mapAt(w.handle, writeView, 0, 0), w.mapAt(w.handle, writeView, 0, 0)
}

// onlyView begins with a view whose section has no handle any more.
func onlyView(w *world, _ []string) {
	w.beginView(4096, writeView)
	w.write(w.view, "old")
	w.must("CloseHandle", w.handle)
	w.first, w.handle = 0, 0
}

// childHolds begins with a section that a child made, mapped and wrote. first is the child's handle.
func childHolds(w *world, _ []string) {
	w.startChild()
	w.first = w.childCall("CreateFileMappingW", memory, 0, 4, 4096, wide(w.Name())).Value
	view := w.childCall("MapViewOfFile", w.first, writeView, 0, 0).Value
	w.wrote = []byte("held")
	w.childCall("poke", view, fmt.Sprintf("x:%x", w.wrote))
}

func childOpens(w *world, _ []string) {
	w.startChild()
	w.childCall("OpenFileMappingW", readView|writeView, 0, wide(w.Name()))
}

// opened has this process open and map what the child made.
func opened(w *world, _ []string) {
	w.handle = w.openSection(w.Name(), readView|writeView)
	w.view = w.mapAt(w.handle, readView, 0, 0)
}

// duplicatedInto has another process get a handle of the section.
func duplicatedInto(w *world, _ []string) {
	w.startChild()
	w.must("DuplicateInto", w.handle, w.child.cmd.Process.Pid)
}

func killed(w *world, _ []string) {
	w.check(w.child.kill())
	w.first = 0
}

func unprivileged(w *world, _ []string) {
	w.startChild()
	w.childCall("renounce")
}

// waitableGivens are what the rows about events, mutexes, semaphores and waits begin with.
var waitableGivens = []given{
	when(`(\w+) "N" open`, func(w *world, m []string) {
		if m[1] == "section" {
			w.begin(4096, 4)
			return
		}
		w.make(w.Name(), plain[m[1]])
	}),
	when(`"([EMS])" exists(?: unowned)?`, func(w *world, m []string) { w.make(w.Name(), plain[m[1]]) }),

	when(`auto-reset, SetEvent twice`, both(makes(plain["event"]), signaled, signaled)),
	when(`manual-reset, set`, both(makes(manualEvent), signaled)),
	when(`no waiter`, makes(object{kind: "Event", manual: 1, set: 1})),
	when(`manual-reset, (\d) waiters`, both(makes(manualEvent), waiters)),
	when(`auto-reset, (\d) waiters`, both(makes(plain["event"]), waiters)),
	when(`manual\+signaled "E" exists`, makes(object{kind: "Event", manual: 1, set: 1})),
	when(`handle with SYNCHRONIZE only`, only(plain["event"], 0x100000)),
	when(`handle with EVENT_MODIFY_STATE only`, only(plain["event"], 2)),
	when(`unsignaled event`, makes(plain["event"])),
	when(`closed handle`, stale(makes(plain["event"]))),

	when(`owned by this thread`, both(makes(plain["mutex"]), locked)),
	when(`last acquisition|one of two releases done`, both(makes(plain["mutex"]), locked, locked, unlocked)),
	when(`not owned`, makes(plain["mutex"])),
	when(`owner thread ended without release`, both(makes(plain["mutex"]), abandoned)),
	when(`released twice`, both(makes(plain["mutex"]), abandoned, func(w *world, m []string) {
		w.takes(w.handle, waitAbandoned)
		locked(w, m)
		unlocked(w, m)
		unlocked(w, m)
	})),
	when(`child process owns it`, both(makes(plain["mutex"]), childHas("Mutex"))),
	when(`child process exited owning it`, both(makes(plain["mutex"]), childHas("Mutex"),
		func(w *world, _ []string) { w.check(w.child.leave()) })),
	when(`child TerminateProcess-ed`, both(makes(plain["mutex"]), childHas("Mutex"),
		func(w *world, _ []string) { w.check(w.child.kill()) })),
	when(`SYNCHRONIZE-only handle, owner`, both(only(plain["mutex"], 0x100000), locked)),
	when(`owner closes one handle, others remain`, both(makes(plain["mutex"]), locked, func(w *world, _ []string) {
		second := w.openObject("Mutex", w.Name(), allRights["Mutex"]).Value
		w.must("CloseHandle", w.handle)
		w.handle = second
	})),

	when(`any`, makes(plain["semaphore"])),
	when(`count (\d)`, func(w *world, m []string) {
		n, err := strconv.Atoi(m[1])
		w.check(err)
		w.make(w.Name(), object{kind: "Semaphore", initial: n, maximum: 2})
	}),
	// the story that the rows tell has taken its one: SEM-009
	when(`"S"\(1,2\) exists`, both(makes(plain["semaphore"]), drained)),
	when(`as SEM-005`, both(makes(plain["semaphore"]), drained, func(w *world, _ []string) {
		// What the row SEM-005 does, which the table does not have.
		if a := w.call("ReleaseSemaphore", w.handle, 3); a.Value != 0 || a.Error != 298 || a.Out[0] != "-1" {
			w.fail("a release above the maximum gives %d, error %d, previous %v", a.Value, a.Error, a.Out)
		}
	})),
	when(`SYNCHRONIZE-only handle`, only(plain["semaphore"], 0x100000)),
	when(`SEMAPHORE_MODIFY_STATE-only handle`, only(plain["semaphore"], 2)),
	when(`all handles closed`, both(makes(plain["semaphore"]), func(w *world, _ []string) {
		second := w.openObject("Semaphore", w.Name(), allRights["Semaphore"]).Value
		w.must("CloseHandle", w.handle)
		w.must("CloseHandle", second)
	})),
	when(`that child killed`, both(makes(plain["semaphore"]), childHas("Semaphore"),
		func(w *world, _ []string) { w.check(w.child.kill()) })),

	when(`event unset, mutex abandoned at index 1`, both(several(plain["event"], plain["mutex"]), abandoned)),
	when(`event set, mutex abandoned`, both(several(setEvent, plain["mutex"]), abandoned)),
	when(`event unset, mutex free`, several(plain["event"], plain["mutex"])),
	when(`owned mutex, unset event`, both(several(plain["mutex"], plain["event"]), func(w *world, _ []string) {
		w.takes(w.mutex, 0)
	})),
	when(`64 signaled events, first manual-reset`, events64),
	when(`first reset`, both(events64, func(w *world, _ []string) { w.must("ResetEvent", w.lists[0][0]) })),
	when(`(\d+) handles`, func(w *world, m []string) {
		n, err := strconv.Atoi(m[1])
		w.check(err)
		objects := make([]object, n)
		for i := range objects {
			objects[i] = setEvent
		}
		several(objects...)(w, m)
	}),
	when(`same object twice \(even by different handles\)`, func(w *world, _ []string) {
		w.make(w.Name(), object{kind: "Event", manual: 1, set: 1})
		second := w.openObject("Event", w.Name(), allRights["Event"]).Value
		w.lists = [][]uint64{{w.handle, w.handle}, {w.handle, second}}
	}),
	when(`one bad handle`, both(stale(makes(plain["mutex"])), func(w *world, m []string) {
		closed := w.handle
		several(setEvent)(w, m)
		w.lists[0] = append(w.lists[0], closed)
	})),
	when(`pseudo-handle of the process`, func(w *world, _ []string) { w.lists = [][]uint64{{memory}} }),
}

var (
	manualEvent = object{kind: "Event", manual: 1}
	setEvent    = object{kind: "Event", set: 1}
)

// makes begins with an object of the row's own name.
func makes(o object) func(*world, []string) {
	return func(w *world, _ []string) { w.make(w.Name(), o) }
}

// only begins with a handle that has not all rights.
func only(o object, rights uint32) func(*world, []string) {
	return func(w *world, m []string) {
		makes(o)(w, m)
		w.handle = w.openObject(o.kind, w.Name(), rights).Value
	}
}

// several begins with objects to wait for together. The one that the row is about is the last.
func several(objects ...object) func(*world, []string) {
	return func(w *world, _ []string) {
		var list []uint64
		for i, o := range objects {
			h := w.make(fmt.Sprintf("%s.%d", w.Name(), i), o)
			if o.kind == "Mutex" {
				w.mutex = h
			}
			list = append(list, h)
		}
		w.lists = [][]uint64{list}
	}
}

func events64(w *world, m []string) {
	objects := make([]object, 64)
	for i := range objects {
		objects[i] = setEvent
	}
	objects[0].manual = 1
	several(objects...)(w, m)
}

func waiters(w *world, m []string) {
	n, err := strconv.Atoi(m[1])
	w.check(err)
	w.waiters = n
}

func signaled(w *world, _ []string) { w.must("SetEvent", w.handle) }
func locked(w *world, _ []string)   { w.takes(w.handle, 0) }
func unlocked(w *world, _ []string) { w.must("ReleaseMutex", w.handle) }

// abandoned has a thread end without releasing the mutex.
func abandoned(w *world, _ []string) {
	const owner = 1
	if event := w.waitOn(owner, w.handle, 0); event != 0 {
		w.fail("the owner's wait gives %#x", event)
	}
	w.on(owner, "endthread")
	w.threads = nil
}

// childHas has a child open the object and take it.
func childHas(kind string) func(*world, []string) {
	return func(w *world, _ []string) {
		w.startChild()
		h := w.childCall("Open"+kind+"W", allRights[kind], 0, wide(w.Name())).Value
		if a, err := w.child.call(0, "WaitForSingleObject", h, 0); err != nil || a.Value != 0 {
			w.fail("the child's wait gives %#x, %v", a.Value, err)
		}
	}
}

func drained(w *world, _ []string) { w.takes(w.first, 0) }
