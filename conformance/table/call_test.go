package table

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
)

// outcome is what a call did.
type outcome struct {
	err     error
	section *namedshm.Section
	object  namedshm.Waitable
	absent  bool // the handle was not given to this process, or is none of this library's
	existed bool // a creator found an object of that name
	opened  bool // the object was opened, not created
	view    *namedshm.View
	got     []byte // bytes that were read
	seen    bool   // what was written in one place was seen in the other
	faulted bool   // the memory could not be touched
	size    int64
	numbers []uint64

	waited   bool             // the call was a wait
	wait     namedshm.Outcome // how it ended, if neither timedOut nor with err
	timedOut bool
	elapsed  time.Duration
	released int  // how many waits a pulse ended
	taken    bool // somebody has the mutex
}

type call struct {
	pattern *regexp.Regexp
	perform func(w *world, m []string) (outcome, error)
}

func does(pattern string, perform func(w *world, m []string) (outcome, error)) call {
	return call{regexp.MustCompile(`^(?:` + pattern + `)$`), perform}
}

func findCall(r row) (call, []string) {
	list := calls
	switch {
	case aboutWaitables[r.area]:
		list = waitableCalls
	case r.area == "global-privilege":
		list = privilegeCalls
	}
	for _, c := range list {
		if m := c.pattern.FindStringSubmatch(r.call); m != nil {
			return c, m
		}
	}
	return call{}, nil
}

// perform does the row's call. An error means that the test itself failed; what the library said is in the outcome.
func (w *world) perform(r row) (outcome, error) {
	saved := w.row
	w.row = r
	defer func() { w.row = saved }()
	c, m := findCall(r)
	if m == nil {
		return outcome{}, fmt.Errorf("nothing is known about the call %q", r.call)
	}
	out, err := c.perform(w, m)
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
		out := outcome{numbers: []uint64{address(w.view)}}
		if w.other != nil {
			out.numbers = append(out.numbers, address(w.other))
		}
		return out, nil
	}),
	does(`VirtualQuery before any write`, func(w *world, _ []string) (outcome, error) { return outcome{view: w.view}, nil }),

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
		out.seen, err = w.sees(w.other)
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
		out.seen, err = w.sees(w.other)
		return out, err
	}),
	does(`write the shared page`, func(w *world, _ []string) (out outcome, err error) {
		if err = w.write(w.other, "later"); err == nil {
			out.seen, err = w.sees(w.view)
		}
		return out, err
	}),
	does(`map a second copy view`, func(w *world, _ []string) (out outcome, err error) {
		v, err := w.mapWhole(w.section, namedshm.Copy)
		if err == nil {
			out.got, err = read(v, len(w.wrote))
		}
		return out, err
	}),
	does(`child writes`, func(w *world, _ []string) (out outcome, err error) {
		w.wrote = []byte("from-child")
		if err = w.child.does("write " + string(w.wrote)); err == nil {
			out.seen, err = w.sees(w.view)
		}
		return out, err
	}),
}

const (
	composed   = "\u00e9"
	decomposed = "e\u0301"
)

// described are the names that the table tells in words.
var described = map[string]string{
	"only whitespace":                        " \t\r\n",
	`control characters and * ? : < > | " /`: "\x01\x1f\x7f * ? : < > | \" /",
	"CJK plus a surrogate pair":              "\u6f22\u5b57\U0001F600",
	"a lone surrogate":                       "lone\xed\xa0\x80",
	`\ alone`:                                `\`,
	`Global\ with nothing after`:             `Global\`,
	`Local\ with nothing after`:              `Local\`,
}

var (
	charsPattern   = regexp.MustCompile(`^name of (\d+) chars$`)
	quotedPattern  = regexp.MustCompile(`^"(.*)"(?:\+(\d+) chars)?$`)
	literalPattern = regexp.MustCompile(`^name (.+)$`)
	ordinary       = regexp.MustCompile(`^[A-Za-z_/]+$`)
	reservedWords  = regexp.MustCompile(`(?i)^(global|local|session)$`)
)

// named reads a name out of a call's argument: ok is false where the argument holds none.
func (w *world) named(argument string) (name string, ok bool) {
	if m := charsPattern.FindStringSubmatch(argument); m != nil {
		n, _ := strconv.Atoi(m[1])
		return w.pad("", n), true
	}
	if argument == "decomposed form" {
		return w.name() + decomposed, true
	}
	if m := quotedPattern.FindStringSubmatch(argument); m != nil {
		switch {
		case m[2] != "":
			n, _ := strconv.Atoi(m[2])
			return w.pad(m[1], n), true
		case strings.HasSuffix(m[1], "..."): // any name there
			return strings.TrimSuffix(m[1], "...") + strings.ReplaceAll(w.name(), `\`, "."), true
		}
		return w.literal(m[1]), true
	}
	m := literalPattern.FindStringSubmatch(argument)
	if m == nil {
		return "", false
	}
	if q := quotedPattern.FindStringSubmatch(m[1]); q != nil {
		return w.literal(q[1]), true
	}
	if words, ok := described[bare(m[1])]; ok {
		return words, true
	}
	return w.literal(bare(m[1])), true
}

// pad makes a name of n characters behind a prefix.
func (w *world) pad(prefix string, n int) string {
	unique := strings.ReplaceAll(w.name(), `\`, ".")
	return prefix + unique + strings.Repeat("n", n-len(unique))
}

// literal is a name as the table has it, made this process's own where it is an ordinary word, so that two runs of
// this test on one machine do not meet.
func (w *world) literal(s string) string {
	prefix, rest := "", s
	for _, p := range []string{`Global\`, `Local\`} {
		if after, ok := strings.CutPrefix(s, p); ok {
			prefix, rest = p, after
		}
	}
	first, tail, nested := strings.Cut(rest, `\`)
	if !ordinary.MatchString(first) || reservedWords.MatchString(first) {
		return s
	}
	first += fmt.Sprintf(".%d", os.Getpid())
	if nested {
		tail = `\` + tail
	}
	return prefix + first + tail
}

var argumentPattern = regexp.MustCompile(`\((.*)\)$`)

// createFirst makes the object that the row then opens.
func (w *world) createFirst() error {
	m := argumentPattern.FindStringSubmatch(w.row.call)
	if m == nil {
		return fmt.Errorf("no argument in %q", w.row.call)
	}
	name, ok := w.named(m[1])
	if !ok {
		return fmt.Errorf("no name in %q", w.row.call)
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
	options []namedshm.Option
}

func (w *world) readCreation(arguments string) (c creation, err error) {
	c = creation{size: 4096, protect: namedshm.PageReadWrite}
	if hex, ok := strings.CutPrefix(arguments, "flProtect="); ok {
		c.protect, err = parseProtection(hex)
		c.name = w.name()
		return c, err
	}
	if name, ok := w.named(arguments); ok {
		c.name = name
		return c, nil
	}
	for argument := range strings.SplitSeq(arguments, ",") {
		if err := w.readArgument(&c, strings.TrimSpace(argument)); err != nil {
			return c, err
		}
	}
	if !strings.Contains(arguments, "name") && strings.HasPrefix(w.row.given, "page file backed") {
		c.name = w.name() // what is tried is the size; that there is a name makes it harder
	}
	return c, nil
}

func (w *world) readArgument(c *creation, argument string) (err error) {
	switch argument {
	case "INVALID_HANDLE_VALUE", "NULL", "same size", "no name", "0":
		return nil
	case "name", "same name":
		c.name = w.name()
		return nil
	}
	if _, err := strconv.Atoi(argument); err == nil {
		argument = "size " + argument
	}
	if rest, ok := strings.CutPrefix(argument, "size "); ok {
		size, flags, _ := strings.Cut(bare(rest), " ")
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
	case m[1] == "" && w.row.area == "lifetime", m[1] == "name":
		name = w.name()
	default:
		var ok bool
		if name, ok = w.named(m[1]); !ok {
			name = w.name()
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
		case argument == "whole", argument == "handle", argument == "0" && w.row.area == "map":
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
	out.numbers = []uint64{uint64(page), uint64(granularity)}
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
		out.got, err = read(v, v.Len())
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
	out.got, err = read(w.view, len(w.wrote))
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
		if out.seen, err = w.sees(w.view); out.seen || err != nil {
			return out, err
		}
	}
	if w.wrote = []byte("seen?"); w.other.Offset() > 0 {
		_, err = w.view.WriteAt(w.wrote, w.other.Offset())
	} else {
		_, err = w.view.WriteAt(w.wrote, 0)
	}
	if err == nil {
		out.seen, err = w.sees(w.other)
	}
	return out, err
}
