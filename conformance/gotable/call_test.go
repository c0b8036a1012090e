package gotable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// outcome is what a call did.
type outcome struct {
	spec.Observation
	err     error
	section *namedshm.Section
	object  namedshm.Waitable
	absent  bool // the handle was not given to this process, or is none of this library's
	existed bool // a creator found an object of that name
	opened  bool // the object was opened, not created
	view    *namedshm.View
	faulted bool // the memory could not be touched
	size    int64

	waited   bool             // the call was a wait
	wait     namedshm.Outcome // how it ended, if neither timedOut nor with err
	timedOut bool
}

type call = spec.Phrase[func(w *world, m []string) (outcome, error)]

func does(pattern string, perform func(w *world, m []string) (outcome, error)) call {
	return spec.Whole(pattern, perform)
}

func findCall(r spec.Row) (perform func(*world, []string) (outcome, error), m []string) {
	switch {
	case r.AboutWaitables():
		return spec.First(r.Call, waitableCalls)
	case r.Area == "global-privilege":
		return spec.First(r.Call, privilegeCalls)
	}
	return spec.First(r.Call, calls)
}

// perform does the row's call. An error means that the test itself failed; what the library said is in the outcome.
func (w *world) perform(r spec.Row) (outcome, error) {
	saved := w.Row
	w.Row = r
	defer func() { w.Row = saved }()
	perform, m := findCall(r)
	if m == nil {
		return outcome{}, fmt.Errorf("nothing is known about the call %q", r.Call)
	}
	out, err := perform(w, m)
	if out.section != nil {
		w.section = out.section
	}
	if out.object != nil {
		w.object = out.object
	}
	if out.view != nil {
		w.view = out.view
	}
	return out, err
}

var calls = []call{
	does(`CreateFileMappingW?\((.*)\)(?: again)?`, callCreate),
	does(`OpenFileMappingW?(?:\((.*)\))?(?: trailing backslash)?`, callOpen),
	does(`MapViewOfFile\((.*)\)`, callMap),
	does(`NtQuerySection(?: on second handle)?`, func(w *world, _ []string) (outcome, error) {
		return outcome{size: w.section.Size()}, nil
	}),
	does(`granted access`, func(w *world, _ []string) (outcome, error) { return outcome{section: w.section}, nil }),
	does(`CloseHandle(?: again|\(only handle\))?`, func(w *world, _ []string) (outcome, error) {
		return outcome{err: w.section.Close()}, nil
	}),
	does(`UnmapViewOfFile`, func(w *world, _ []string) (outcome, error) {
		w.stale = w.view.Bytes()
		return outcome{err: w.view.Close()}, nil
	}),
	does(`FlushViewOfFile(?:\((?:base,0|old base)\))?`, func(w *world, _ []string) (outcome, error) {
		return outcome{err: w.view.Flush()}, nil
	}),
	does(`GetSystemInfo`, callSystemInfo),
	does(`address|addresses`, func(w *world, _ []string) (outcome, error) {
		var out outcome
		out.Numbers = []uint64{address(w.view)}
		if w.other != nil {
			out.Numbers = append(out.Numbers, address(w.other))
		}
		return out, nil
	}),
	does(`VirtualQuery before any write`, func(w *world, _ []string) (outcome, error) {
		return outcome{view: w.view}, nil
	}),

	does(`create \+ map new section`, callFresh),
	does(`map the new object`, callFresh),
	does(`read`, callRead),
	does(`read base`, func(w *world, _ []string) (outcome, error) {
		return outcome{faulted: peek(w.stale, 0)}, nil
	}),
	does(`write`, func(w *world, _ []string) (outcome, error) {
		if _, err := w.view.WriteAt([]byte{1}, 0); err == nil {
			return outcome{}, fmt.Errorf("WriteAt wrote through a view for reading")
		}
		return outcome{faulted: poke(w.view.Bytes(), 0, 1)}, nil
	}),
	does(`write byte (\d+)`, func(w *world, m []string) (outcome, error) {
		at, err := strconv.Atoi(m[1])
		b := w.view.Bytes()
		return outcome{faulted: err != nil || at >= cap(b) || poke(b[:cap(b)], at, 1)}, err
	}),
	does(`write p`, func(w *world, _ []string) (outcome, error) { return outcome{err: w.write(w.view, "x")}, nil }),
	does(`write p, read q|write through p|write first, read second|write either`, callWriteOne),
	does(`read q`, func(w *world, _ []string) (out outcome, err error) {
		out.Seen, err = w.sees(w.other)
		return out, err
	}),
	does(`write c`, func(w *world, _ []string) (out outcome, err error) {
		if w.other, err = w.mapWhole(w.section, namedshm.Read); err != nil {
			return out, err
		}
		if err = w.write(w.view, "private"); err != nil {
			return out, err
		}
		if changed, err := w.sees(w.view); !changed || err != nil {
			return out, fmt.Errorf("the copy view does not see its own write: %v", err)
		}
		out.Seen, err = w.sees(w.other)
		return out, err
	}),
	does(`write the shared page`, func(w *world, _ []string) (out outcome, err error) {
		if err = w.write(w.other, "later"); err == nil {
			out.Seen, err = w.sees(w.view)
		}
		return out, err
	}),
	does(`map a second copy view`, func(w *world, _ []string) (out outcome, err error) {
		v, err := w.mapWhole(w.section, namedshm.Copy)
		if err == nil {
			out.Got, err = read(v, len(w.wrote))
		}
		return out, err
	}),
	does(`child writes`, func(w *world, _ []string) (out outcome, err error) {
		w.wrote = []byte("from-child")
		if err = w.child.does("write " + string(w.wrote)); err == nil {
			out.Seen, err = w.sees(w.view)
		}
		return out, err
	}),
}

// createFirst makes the object that the row then opens.
func (w *world) createFirst() error {
	name, err := w.NameInCall()
	if err != nil {
		return err
	}
	return w.createNamed(name)
}

// createNamed makes the object that the row is about, under a name of the table.
func (w *world) createNamed(name string) error {
	s, existed, err := w.create(name, 4096, namedshm.PageReadWrite)
	if err == nil && existed {
		err = fmt.Errorf("%q is taken", name)
	}
	w.first, w.protect = s, namedshm.PageReadWrite
	return err
}

// creation is what a CreateFileMapping call of the table asks for.
type creation struct {
	name    string
	size    int64
	protect namedshm.Protection
	options []namedshm.SectionOption
}

func (w *world) readCreation(arguments string) (c creation, err error) {
	c = creation{size: 4096, protect: namedshm.PageReadWrite}
	if hex, ok := strings.CutPrefix(arguments, "flProtect="); ok {
		c.protect, err = parseProtection(hex)
		c.name = w.Name()
		return c, err
	}
	if name, ok := w.Named(arguments); ok {
		c.name = name
		return c, nil
	}
	for argument := range strings.SplitSeq(arguments, ",") {
		if err := w.readArgument(&c, strings.TrimSpace(argument)); err != nil {
			return c, err
		}
	}
	if !strings.Contains(arguments, "name") && strings.HasPrefix(w.Row.Given, "page file backed") {
		c.name = w.Name() // what is tried is the size; that there is a name makes it harder
	}
	return c, nil
}

func (w *world) readArgument(c *creation, argument string) (err error) {
	switch argument {
	case "INVALID_HANDLE_VALUE", "NULL", "same size", "no name", "0":
		return nil
	case "name", "same name":
		c.name = w.Name()
		return nil
	}
	if _, err := strconv.Atoi(argument); err == nil {
		argument = "size " + argument
	}
	if rest, ok := strings.CutPrefix(argument, "size "); ok {
		size, flags, _ := strings.Cut(spec.Bare(rest), " ")
		if err := c.readFlags(flags); err != nil {
			return err
		}
		c.size, err = parseSize(size)
		return err
	}
	page, flags, _ := strings.Cut(argument, "|")
	if err := c.readFlags(flags); err != nil {
		return err
	}
	c.protect, err = parseProtection(page)
	return err
}

// readFlags reads how the pages are charged: SEC_COMMIT is what Windows does where nothing is said.
func (c *creation) readFlags(flags string) error {
	switch flags {
	case "", "SEC_COMMIT":
	case "SEC_RESERVE":
		c.options = append(c.options, namedshm.NoCommit())
	default:
		return fmt.Errorf("%q cannot be said in this API", flags)
	}
	return nil
}

func callCreate(w *world, m []string) (out outcome, err error) {
	c, err := w.readCreation(m[1])
	if err != nil {
		return out, err
	}
	out.section, out.existed, out.err = w.create(c.name, c.size, c.protect, c.options...)
	if out.err == nil && !out.existed {
		w.protect = c.protect
	}
	return out, nil
}

func callOpen(w *world, m []string) (out outcome, err error) {
	out.opened = true
	name, access := "", namedshm.Read
	switch {
	case m[1] == "" && w.Row.Area == "lifetime", m[1] == "name":
		name = w.Name()
	default:
		var ok bool
		if name, ok = w.Named(m[1]); !ok {
			name = w.Name()
			if access, err = parseOpenAccess(m[1]); err != nil {
				return out, err
			}
		}
	}
	if strings.HasPrefix(m[1], "name of ") {
		if err := w.createNamed(name); err != nil {
			return out, err
		}
	}
	out.section, out.err = w.open(name, access)
	return out, nil
}

func callMap(w *world, m []string) (out outcome, err error) {
	access := w.section.Access() & namedshm.ReadWrite
	var offset, length int64
	for argument := range strings.SplitSeq(m[1], ",") {
		argument = strings.TrimSpace(argument)
		switch {
		case argument == "whole", argument == "handle", argument == "0" && w.Row.Area == "map":
		case strings.HasPrefix(argument, "offset "):
			offset, err = w.readOffset(strings.TrimPrefix(argument, "offset "))
		case strings.HasPrefix(argument, "length "):
			length, err = parseSize(strings.TrimPrefix(argument, "length "))
		default:
			access, err = parseAccess(argument)
		}
		if err != nil {
			return out, err
		}
	}
	out.view, out.err = w.mapRange(w.section, offset, length, access)
	return out, nil
}

func (w *world) readOffset(s string) (int64, error) {
	switch s {
	case "== size":
		return w.section.Size(), nil
	case "> size":
		return w.section.Size() + 65536, nil
	}
	return parseSize(s)
}

// callSystemInfo finds the page size and the granularity by what the library does.
func callSystemInfo(w *world, _ []string) (out outcome, err error) {
	if err := w.begin(1, namedshm.PageReadWrite); err != nil {
		return out, err
	}
	page := w.section.Size()
	big, _, err := w.create("", 1<<20, namedshm.PageReadWrite)
	if err != nil {
		return out, err
	}
	granularity := page
	for ; granularity < big.Size(); granularity += page {
		if v, err := w.mapRange(big, granularity, 0, namedshm.Read); err == nil {
			v.Close()
			break
		}
	}
	out.Numbers = []uint64{uint64(page), uint64(granularity)}
	return out, nil
}

// callFresh maps a new section whole and reads it.
func callFresh(w *world, _ []string) (out outcome, err error) {
	if w.section == nil {
		if err := w.begin(1<<20, namedshm.PageReadWrite); err != nil {
			return out, err
		}
	}
	v, err := w.mapWhole(w.section, namedshm.ReadWrite)
	if err == nil {
		out.Got, err = read(v, v.Len())
	}
	return out, err
}

// callRead reads what the row begins with: memory that is gone, its view, or what its handle leads to.
func callRead(w *world, _ []string) (out outcome, err error) {
	if w.stale != nil {
		out.faulted = peek(w.stale, 0)
		return out, nil
	}
	if w.view == nil {
		if w.view, err = w.mapWhole(w.section, namedshm.Read); err != nil {
			return out, err
		}
	}
	out.Got, err = read(w.view, len(w.wrote))
	return out, err
}

// callWriteOne writes through the row's first view and looks through its second; where the two are to be apart, the
// other way round as well.
func callWriteOne(w *world, m []string) (out outcome, err error) {
	if w.view == nil { // two unnamed sections
		if w.view, err = w.mapWhole(w.first, namedshm.ReadWrite); err != nil {
			return out, err
		}
		if w.other, err = w.mapWhole(w.section, namedshm.ReadWrite); err != nil {
			return out, err
		}
	}
	if m[0] == "write either" {
		if err := w.write(w.other, "new"); err != nil {
			return out, err
		}
		if out.Seen, err = w.sees(w.view); out.Seen || err != nil {
			return out, err
		}
	}
	if w.wrote = []byte("seen?"); w.other.Offset() > 0 {
		_, err = w.view.WriteAt(w.wrote, w.other.Offset())
	} else {
		_, err = w.view.WriteAt(w.wrote, 0)
	}
	if err == nil {
		out.Seen, err = w.sees(w.other)
	}
	return out, err
}
