package win32table

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// outcome is what a call did.
type outcome struct {
	Answer
	spec.Observation
	isCall  bool // Value and Error are those of the row's call
	waited  bool // the call was a wait
	opened  bool // the object was opened, not created
	section uint64
	object  uint64 // a handle of an event, a mutex or a semaphore
	kind    string
	view    uint64
	faulted bool // the memory could not be touched
	touched bool // memory was touched, or tried to be
	size    uint64
	flags   uint64 // attributes of a section
	region  *region
}

type call = spec.Phrase[func(w *world, m []string) outcome]

func does(pattern string, perform func(w *world, m []string) outcome) call {
	return spec.Whole(pattern, perform)
}

func findCall(r spec.Row) (perform func(*world, []string) outcome, m []string) {
	if r.AboutWaitables() {
		return spec.First(r.Call, waitableCalls)
	}
	return spec.First(r.Call, calls)
}

// perform does the row's call.
func (w *world) perform(r spec.Row) outcome {
	saved := w.Row
	w.Row = r
	defer func() { w.Row = saved }()
	perform, m := findCall(r)
	if m == nil {
		w.fail("nothing is known about the call %q", r.Call)
	}
	out := perform(w, m)
	if out.section != 0 {
		w.handle = out.section
	}
	if out.object != 0 {
		w.handle = out.object
	}
	if out.view != 0 {
		w.view = out.view
	}
	return out
}

// simply is the outcome of a call that only succeeds or fails.
func simply(a Answer) outcome { return outcome{Answer: a, isCall: true} }

// shown is the outcome of what only looks.
func shown(o spec.Observation) outcome { return outcome{Observation: o} }

var calls = []call{
	does(`CreateFileMapping([AW]?)\((.*)\)(?: again)?`, callCreate),
	does(`OpenFileMapping([AW]?)(?:\((.*)\))?(?: trailing backslash)?`, callOpen),
	does(`MapViewOfFile\((.*)\)`, callMap),
	does(`MapViewOfFileEx\((.*)\)`, func(w *world, m []string) outcome {
		base := map[string]uint64{"that address": w.view, "address": w.view, "address not 64 KiB aligned": 1<<32 + 4096,
			"address 1": 1}[m[1]]
		if w.handle == 0 {
			w.begin(4096, 4)
		}
		out := simply(w.call("MapViewOfFileEx", w.handle, writeView, 0, 0, base))
		out.view = out.Value
		out.Numbers = []uint64{base}
		return out
	}),
	does(`NtQuerySection(?: on second handle)?`, func(w *world, _ []string) outcome {
		a := w.call("NtQuerySection", w.handle)
		return outcome{Answer: a, size: a.Number(0), flags: a.Number(1)}
	}),
	does(`granted access`, func(w *world, _ []string) outcome { return outcome{section: w.handle} }),
	does(`CloseHandle(?: again|\(only handle\))?`, func(w *world, _ []string) outcome {
		return simply(w.call("CloseHandle", w.handle))
	}),
	does(`CloseHandle\((INVALID_HANDLE_VALUE|unknown)\)`, func(w *world, m []string) outcome {
		return simply(w.call("CloseHandle", unknown(m[1])))
	}),
	does(`UnmapViewOfFile(?:\((.*)\))?`, func(w *world, m []string) outcome {
		a := w.call("UnmapViewOfFile", w.place(m[1]))
		if a.Value != 0 {
			w.views = without(w.views, w.view) // by whatever address inside
		}
		return simply(a)
	}),
	does(`FlushViewOfFile(?:\((.*?)(?:,(\d+))?\))?`, func(w *world, m []string) outcome {
		length, _ := strconv.Atoi(m[2])
		return simply(w.call("FlushViewOfFile", w.place(m[1]), length))
	}),
	does(`GetSystemInfo`, callSystemInfo),
	does(`address|addresses`, func(w *world, _ []string) outcome {
		return shown(spec.Observation{Numbers: []uint64{w.view, w.other}})
	}),
	does(`VirtualQuery(?:\((\w+(?:\+\d+)?)\))?(?: before any write| of that address in the child)?`, func(w *world, m []string) outcome {
		if strings.HasSuffix(m[0], "in the child") {
			return callChildQuery(w)
		}
		r := w.query(w.place(m[1]))
		return outcome{region: &r}
	}),
	does(`VirtualProtect\((?:(first page), )?(PAGE_\w+)\)`, func(w *world, m []string) outcome {
		out := simply(w.call("VirtualProtect", w.view, 4096, numbers[m[2]]))
		out.Numbers = []uint64{out.Number(0)}
		return out
	}),
	does(`VirtualAlloc\(p,(\d+),(MEM_\w+),(PAGE_\w+)\)`, func(w *world, m []string) outcome {
		return simply(w.call("VirtualAlloc", w.view, m[1], numbers[m[2]], numbers[m[3]]))
	}),
	does(`VirtualFree\((?:p|base),(\d+),(MEM_\w+)\)`, func(w *world, m []string) outcome {
		return simply(w.call("VirtualFree", w.view, m[1], numbers[m[2]]))
	}),
	does(`DuplicateHandle\((?:access )?(.*)\)(?:, map (.*?)| in one process)?`, callDuplicate),
	does(`DuplicateHandle into another process`, func(w *world, _ []string) outcome {
		w.begin(4096, 4)
		w.startChild()
		return simply(w.call("DuplicateInto", w.handle, w.child.cmd.Process.Pid))
	}),
	does(`child maps the same handle value`, func(w *world, _ []string) outcome {
		a, err := w.child.call(0, "MapViewOfFile", w.handle, writeView, 0, 0)
		w.check(err)
		w.other = a.Value
		w.view = w.mapAt(w.handle, readView, 0, 0)
		return simply(a)
	}),
	does(`CompareObjectHandles\((.*)\)`, func(w *world, m []string) outcome {
		first := cmp.Or(w.handle, unknown("INVALID_HANDLE_VALUE"))
		second := unknown("unknown")
		switch m[1] {
		case "a duplicate of it":
			second = w.must("DuplicateHandle", first, 0, 0, 2).Number(0) // DUPLICATE_SAME_ACCESS
		case "another section":
			second = w.create("", 4096, 4).Value
		}
		return simply(w.call("CompareObjectHandles", first, second))
	}),
	does(`GetHandleInformation`, func(w *world, _ []string) outcome {
		w.begin(4096, 4)
		a := w.must("GetHandleInformation", w.handle)
		return shown(spec.Observation{Numbers: []uint64{a.Number(0)}})
	}),
	does(`WaitForSingleObject\(h,0\)`, func(w *world, _ []string) outcome {
		return outcome{Answer: w.call("WaitForSingleObject", w.handle, 0), isCall: true, waited: true}
	}),
	does(`GetFileType`, func(w *world, _ []string) outcome { return simply(w.call("GetFileType", w.handle)) }),
	does(`GetLastError`, callUntouched),
	does(`file size`, func(w *world, _ []string) outcome {
		i, err := os.Stat(w.path)
		w.check(err)
		return outcome{size: uint64(i.Size())}
	}),
	does(`child maps the value`, func(w *world, _ []string) outcome {
		a, err := w.child.call(0, "MapViewOfFile", w.handle, writeView, 0, 0)
		w.check(err)
		return simply(a)
	}),

	does(`create \+ map new section|map the new object`, func(w *world, _ []string) outcome {
		if w.handle == 0 {
			w.begin(1<<20, 4)
		}
		v := w.mapAt(w.handle, writeView, 0, 0)
		got, _ := w.peek(v, int(w.query(v).size))
		return shown(spec.Observation{Got: got})
	}),
	does(`read`, func(w *world, _ []string) (out outcome) {
		if w.view == 0 {
			w.view = w.mapAt(w.handle, readView, 0, 0)
		}
		out.touched = true
		out.Got, out.faulted = w.peek(w.view, max(len(w.wrote), 1))
		return out
	}),
	does(`read base|read p`, func(w *world, _ []string) outcome {
		_, faulted := w.peek(w.view, 1)
		return outcome{touched: true, faulted: faulted}
	}),
	does(`write|write p`, func(w *world, _ []string) outcome {
		return outcome{touched: true, faulted: w.poke(w.view, "\x01")}
	}),
	does(`write byte (\d+)`, func(w *world, m []string) outcome {
		at, _ := strconv.ParseUint(m[1], 10, 64)
		return outcome{touched: true, faulted: w.poke(w.view+at, "\x01")}
	}),
	does(`write p, read q|write through p|write first, read second|write either|write one view, read the other`, callWriteOne),
	does(`read q`, func(w *world, _ []string) outcome { return shown(spec.Observation{Seen: w.sees(w.other)}) }),
	does(`write c`, func(w *world, _ []string) outcome {
		w.other = w.mapAt(w.handle, readView, 0, 0)
		w.write(w.view, "private")
		if !w.sees(w.view) {
			w.fail("the copy view does not see its own write")
		}
		return shown(spec.Observation{Seen: w.sees(w.other)})
	}),
	does(`write the shared page`, func(w *world, _ []string) outcome {
		w.write(w.other, "later")
		return shown(spec.Observation{Seen: w.sees(w.view)})
	}),
	does(`map a second copy view`, func(w *world, _ []string) outcome {
		got, _ := w.peek(w.mapAt(w.handle, copyView, 0, 0), len(w.wrote))
		return shown(spec.Observation{Got: got})
	}),
	does(`child writes`, func(w *world, _ []string) outcome {
		w.wrote = []byte("from-child")
		w.childCall("poke", w.other, fmt.Sprintf("x:%x", w.wrote))
		return shown(spec.Observation{Seen: w.sees(w.view)})
	}),
	does(`CreateEvent/CreateMutex/CreateSemaphore\(".*"\)`, func(w *world, _ []string) outcome {
		name := w.quoted()
		w.childCall("CreateEventW", 0, 0, 0, wide(name+".e"))
		w.childCall("CreateMutexW", 0, 0, wide(name+".m"))
		return outcome{Answer: w.childCall("CreateSemaphoreW", 0, 0, 1, wide(name+".s")), isCall: true}
	}),
}

// place is the address that a phrase means.
func (w *world) place(phrase string) uint64 {
	word, plus, _ := strings.Cut(phrase, "+")
	shift, _ := strconv.ParseUint(plus, 10, 64)
	switch word {
	case "1":
		return 1
	case "NULL":
		return 0
	case "stack address":
		var local int
		return uint64(addressOf(&local))
	case "unmapped":
		viewOf(writeView)(w, nil)
		unmapped(w, nil)
	case "q":
		return w.other + shift
	}
	return w.view + shift
}

// unknown is a handle that leads nowhere.
func unknown(phrase string) uint64 {
	switch phrase {
	case "INVALID_HANDLE_VALUE":
		return memory
	case "NULL handle", "NULL":
		return 0
	}
	return 0x7ffffff0
}

// creation is what a CreateFileMapping call of the table asks for.
type creation struct {
	name    string
	file    uint64
	inherit int
	size    uint64
	protect uint32
}

func (w *world) readCreation(text string) creation {
	c := creation{size: 4096, protect: 4, file: memory, name: "-"}
	encode := wide
	if strings.HasPrefix(w.Row.Call, "CreateFileMappingA") {
		encode = ansi
	}
	if w.Row.Area == "file-backed" {
		c.file, c.size = w.handle, 0
	}
	if hex, ok := strings.CutPrefix(text, "flProtect="); ok {
		n, err := strconv.ParseUint(hex, 0, 32)
		w.check(err)
		c.protect, c.name = uint32(n), wide(w.Name())
		return c
	}
	if name, ok := w.Named(text); ok {
		c.name = encode(name)
		return c
	}
	for argument := range strings.SplitSeq(text, ",") {
		w.readArgument(&c, strings.TrimSpace(argument))
	}
	if !strings.Contains(text, "name") && strings.HasPrefix(w.Row.Given, "page file backed") {
		c.name = wide(w.Name()) // what is tried is the size or the flags; that there is a name makes it harder
		if m := regexp.MustCompile(`(\d+) bytes`).FindStringSubmatch(w.Row.Given); m != nil {
			c.size, _ = strconv.ParseUint(m[1], 10, 64)
		}
	}
	return c
}

func (w *world) readArgument(c *creation, argument string) {
	switch argument {
	case "INVALID_HANDLE_VALUE", "NULL", "same size", "no name", "0", "hFile":
		return
	case "hFile=NULL":
		c.file = 0
		return
	case "hFile=event":
		c.file = w.handle
		return
	case "name", "same name", `"F"`:
		c.name = wide(w.Name())
		return
	case "SECURITY_ATTRIBUTES.bInheritHandle TRUE":
		c.inherit, c.name = 1, wide(w.Name())
		return
	}
	if _, err := strconv.Atoi(argument); err == nil || argument == "2 MiB" {
		argument = "size " + argument
	}
	if rest, ok := strings.CutPrefix(argument, "size "); ok {
		size, flags, _ := strings.Cut(spec.Bare(rest), " SEC_")
		n, err := spec.Size(size)
		w.check(err)
		c.size = n
		if flags == "" {
			return
		}
		argument = "|SEC_" + flags
	}
	bits, err := parseBits(argument)
	w.check(err)
	if strings.HasPrefix(argument, "PAGE_") {
		c.protect = bits
	} else {
		c.protect |= bits
	}
}

func callCreate(w *world, m []string) outcome {
	if w.Row.Area == "global-privilege" {
		a, err := w.child.call(0, "CreateFileMappingW", memory, 0, 4, 4096, wide(w.quoted()))
		w.check(err)
		return outcome{Answer: a, isCall: true}
	}
	if w.Row.Given == "created through the A function" {
		a := w.must("CreateFileMappingA", memory, 0, 4, 4096, ansi(w.Name()))
		w.first, w.protect = a.Value, 4
	}
	c := w.readCreation(m[2])
	function := "CreateFileMappingW"
	if m[1] == "A" {
		function = "CreateFileMappingA"
	}
	a := w.call(function, c.file, c.inherit, c.protect, c.size, c.name)
	if a.Value != 0 && a.Error == 0 {
		w.protect, w.size = c.protect&0xff, c.size
	}
	out := outcome{Answer: a, isCall: true, section: a.Value}
	if a.Value != 0 && strings.Contains(w.Row.Result, "NtQuerySection") {
		out.flags, out.size = w.must("NtQuerySection", a.Value).Number(1), uint64(c.protect&0xff800000)
	}
	if c.inherit != 0 {
		out.Numbers = []uint64{w.must("GetHandleInformation", a.Value).Number(0)}
	}
	return out
}

func callOpen(w *world, m []string) outcome {
	if w.Row.Area == "global-privilege" {
		a, err := w.child.call(0, "OpenFileMappingW", readView|writeView, 0, wide(w.quoted()))
		w.check(err)
		return outcome{Answer: a, isCall: true, opened: true}
	}
	name, access, inherit, encode := "", uint32(readView), 0, wide
	if m[1] == "A" {
		encode = ansi
	}
	function := "OpenFileMapping" + strings.TrimSuffix("W", m[1]+m[1])
	if m[1] == "A" {
		function = "OpenFileMappingA"
	}
	switch {
	case m[2] == "" && w.Row.Area == "lifetime", m[2] == "name":
		name = w.Name()
	case m[2] == "NULL":
		return simply(w.call(function, access, 0, "-"))
	case m[2] == "bInheritHandle TRUE":
		w.begin(4096, 4)
		name, inherit = w.Name(), 1
	default:
		var ok bool
		if name, ok = w.Named(m[2]); !ok {
			name = w.Name()
			bits, err := parseBits(m[2])
			w.check(err)
			access = bits
		}
	}
	if strings.HasPrefix(m[2], "name of ") && w.Row.Result[0] != 'N' {
		w.createNamed(name)
	}
	a := w.call(function, access, inherit, encode(name))
	out := outcome{Answer: a, isCall: true, opened: true, section: a.Value}
	if inherit != 0 && a.Value != 0 {
		out.Numbers = []uint64{w.must("GetHandleInformation", a.Value).Number(0)}
	}
	return out
}

func callMap(w *world, m []string) outcome {
	handle, access := w.handle, uint32(readView|writeView)
	if w.Row.ID == "CRE-006b" {
		access = readView
	}
	var offset, length uint64
	for argument := range strings.SplitSeq(m[1], ",") {
		argument = strings.TrimSpace(argument)
		var err error
		switch {
		case argument == "whole", argument == "handle", argument == "event", argument == "0" &&
			w.Row.Area != "protection-matrix":
		case argument == "NULL handle", argument == "unknown handle", argument == "INVALID_HANDLE_VALUE":
			handle = unknown(argument)
		case strings.HasPrefix(argument, "offset "):
			offset, err = w.readOffset(strings.TrimPrefix(argument, "offset "))
		case strings.HasPrefix(argument, "length "):
			length, err = spec.Size(strings.TrimPrefix(argument, "length "))
		default:
			access, err = parseBits(argument)
		}
		w.check(err)
	}
	out := simply(w.call("MapViewOfFile", handle, access, offset, length))
	out.view = out.Value
	return out
}

func (w *world) readOffset(s string) (uint64, error) {
	switch s {
	case "== size":
		return w.size, nil
	case "> size":
		return w.size + 65536, nil
	}
	return spec.Size(s)
}

// callSystemInfo finds the page size and the granularity by what the calls do.
func callSystemInfo(w *world, _ []string) outcome {
	w.begin(1, 4)
	page := w.query(w.mapAt(w.handle, readView, 0, 0)).size
	big := w.create("", 1<<20, 4).Value
	granularity := page
	for w.call("MapViewOfFile", big, readView, granularity, 0).Value == 0 && granularity < 1<<20 {
		granularity += page
	}
	return shown(spec.Observation{Numbers: []uint64{page, granularity}})
}

// callDuplicate duplicates the row's handle and maps with the duplicate, as the row says.
func callDuplicate(w *world, m []string) outcome {
	if m[1] == "SAME_ACCESS|CLOSE_SOURCE" {
		a := w.call("DuplicateHandle", w.handle, 0, 0, 3)
		out := simply(a)
		out.Numbers = []uint64{a.Number(0), w.handle}
		return out
	}
	access, err := parseBits(m[1])
	w.check(err)
	a := w.call("DuplicateHandle", w.handle, access, 0, 0)
	if m[2] == "" {
		return simply(a)
	}
	if a.Value == 0 {
		w.fail("DuplicateHandle gives error %d", a.Error)
	}
	access, err = parseBits(m[2])
	w.check(err)
	out := simply(w.call("MapViewOfFile", a.Number(0), access, 0, 0))
	out.view = out.Value
	return out
}

// callUntouched makes the calls that leave the last error alone when they succeed.
func callUntouched(w *world, _ []string) outcome {
	w.begin(4096, 4)
	for _, a := range []Answer{
		w.must("OpenFileMappingW", readView, 0, wide(w.Name())),
		w.must("MapViewOfFile", w.handle, readView, 0, 0),
	} {
		if a.Touched {
			w.fail("the last error is %d after a success", a.Error)
		}
		w.view = a.Value
	}
	for _, a := range []Answer{w.must("UnmapViewOfFile", w.view), w.must("CloseHandle", w.handle)} {
		if a.Touched {
			w.fail("the last error is %d after a success", a.Error)
		}
	}
	return outcome{}
}

func callChildQuery(w *world) outcome {
	w.startChild()
	a := w.childCall("VirtualQuery", w.view)
	return outcome{region: &region{state: a.Number(4), kind: a.Number(6)}}
}

// callWriteOne writes through the row's first view and looks through its second; where the two are to be apart, the
// other way round as well.
func callWriteOne(w *world, m []string) (out outcome) {
	if m[0] == "write either" {
		w.write(w.other, "new")
		if out.Seen = w.sees(w.view); out.Seen {
			return out
		}
	}
	w.write(w.view+w.shift, "seen?")
	out.Seen = w.sees(w.other)
	return out
}
