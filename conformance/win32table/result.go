package win32table

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unsafe"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// addressOf is where a variable of this process lies, which in another one is no view.
func addressOf(p *int) uintptr { return uintptr(unsafe.Pointer(p)) }

// expectation is a phrase of the column expected_result and what it demands of an outcome. A phrase may hold several.
type expectation = spec.Phrase[func(w *world, out outcome, m []string) error]

func expect(pattern string, judge func(w *world, out outcome, m []string) error) expectation {
	return spec.Part(pattern, judge)
}

// verdicts say what a result is; a row needs one of them.
var verdicts = []expectation{
	expect(`^(?:NULL|FALSE|FILE_TYPE_UNKNOWN)\b|^duplicate succeeds, map fails$`,
		func(w *world, out outcome, _ []string) error { return w.failed(out, 0) }),
	expect(`^WAIT_FAILED\b`, func(w *world, out outcome, _ []string) error { return w.failed(out, waitFailed) }),
	expect(`^depends on .*: handle or NULL`, func(w *world, out outcome, _ []string) error {
		if out.Value != 0 {
			return nil
		}
		return w.failed(out, 0)
	}),
	expect(`^(?:TRUE|p$|works\b)`, func(w *world, out outcome, _ []string) error { return w.succeeded(out) }),
	expect(`^(?:reserved for system use|handle|non-NULL handle|new distinct handle|same object|new object|existing object)\b`, gaveHandle),
	expect(`^view\b`, func(w *world, out outcome, _ []string) error {
		if out.view%65536 != 0 {
			return fmt.Errorf("the view lies at %#x", out.view)
		}
		return w.succeeded(out)
	}),
	expect(`^0x([0-9A-F]+)$`, func(w *world, out outcome, m []string) error {
		if out.waited {
			return waitGave(w, out, m)
		}
		return granted(w, out, m)
	}),
	expect(`^size (\d+)|^(\d+) exactly`, func(_ *world, out outcome, m []string) error {
		return spec.Number("size", out.size, cmp.Or(m[1], m[2]))
	}),
	expect(`^attributes stay SEC_COMMIT`, func(_ *world, out outcome, _ []string) error {
		return spec.Number("attributes", out.flags, fmt.Sprint(numbers["SEC_COMMIT"]))
	}),
	expect(`^region (\d+)$`, mapped),
	expect(`^access violation`, func(_ *world, out outcome, _ []string) error {
		if !out.touched || !out.faulted {
			return errors.New("the memory can be touched")
		}
		return nil
	}),
	expect(`^(?:ok|succeeds)\b`, func(_ *world, out outcome, _ []string) error {
		if out.faulted || !out.touched {
			return errors.New("the memory cannot be touched")
		}
		return nil
	}),
	expect(`^flags (\d+)`, func(_ *world, out outcome, m []string) error {
		return spec.Number("flags", out.Numbers[0], m[1])
	}),
	expect(`^unchanged\b`, func(*world, outcome, []string) error { return nil }), // the call has looked itself
	expect(`HANDLE_FLAG_INHERIT set$`, inheritable),
	expect(`^not mapped\b`, func(_ *world, out outcome, _ []string) error {
		const memMapped = 0x40000
		if out.region.kind != 0 && out.region.kind != memMapped {
			return nil // memory of the process's own, which has come to lie there: no view
		}
		return spec.Number("state", out.region.state, fmt.Sprint(numbers["MEM_FREE"]))
	}),
	expect(`^MEM_COMMIT, Protect and AllocationProtect with (PAGE_\w+)$`, func(_ *world, out outcome, m []string) error {
		want := fmt.Sprint(numbers["PAGE_READWRITE"] | numbers[m[1]])
		return errors.Join(spec.Number("protection", out.region.protect, want),
			spec.Number("allocation protection", out.region.allowed, want))
	}),
	expect(`MEM_|Protect|^address rounded down|^first page:`, describes),

	expect(`^WAIT_OBJECT_0(?:\+(\d+))?`, func(w *world, out outcome, m []string) error {
		return waitGave(w, out, []string{"", cmp.Or(m[1], "0")})
	}),
	expect(`^WAIT_TIMEOUT\b`, func(w *world, out outcome, _ []string) error {
		return waitGave(w, out, []string{"", "102"})
	}),
	expect(`^WAIT_ABANDONED(?:_0\+\d+ =)? 0x(\d+)\b`, waitGave),
	expect(`^a WAIT_ABANDONED value \(0x80\.\.\)`, func(_ *world, out outcome, _ []string) error {
		if !out.waited || out.Value < waitAbandoned || out.Value >= waitAbandoned+64 {
			return fmt.Errorf("the wait gives %#x", out.Value)
		}
		return nil
	}),
}

// details are what a result says besides. Some of them look at the objects, and change them.
var details = []expectation{
	expect(spec.Granted.String(), granted),
	expect(`limited to (read)$`, func(w *world, out outcome, _ []string) error {
		return w.capable(out.section, w.Rows.GrantedTo(numbers["PAGE_READONLY"]))
	}),
	expect(`.\bregion (\d+)$`, mapped),
	expect(`^view (PAGE_\w+)`, func(w *world, out outcome, m []string) error {
		r := w.query(out.view)
		return errors.Join(spec.Number("protection", r.protect, fmt.Sprint(numbers[m[1]])),
			spec.Number("allocation protection", r.allowed, fmt.Sprint(numbers[m[1]])))
	}),
	expect(`^view exactly there$`, func(_ *world, out outcome, _ []string) error {
		return spec.Number("address", out.view, fmt.Sprint(out.Numbers[0]))
	}),
	expect(`\(no read, no write\)`, func(w *world, out outcome, _ []string) error {
		if _, faulted := w.peek(out.view, 1); !faulted || !w.poke(out.view, "x") {
			return errors.New("a view without access can be touched")
		}
		return nil
	}),
	expect(`\(.*\b(read only|no write|writes are private|read and write|read, write|readable too)\b.*\)`, usable),
	expect(`^view .*\bshared$`, func(w *world, out outcome, _ []string) error {
		return usable(w, out, []string{"", "read and write"})
	}),
	expect(`, attributes (SEC_\w+)$|, (SEC_\w+)$`, func(_ *world, out outcome, m []string) error {
		return spec.Number("attributes", out.flags, fmt.Sprint(numbers[cmp.Or(m[1], m[2])]))
	}),
	expect(`NtQuerySection reports (SEC_[\w|]+)$`, func(_ *world, out outcome, m []string) error {
		want, err := parseBits(m[1])
		return errors.Join(err, spec.Number("attributes", out.flags, fmt.Sprint(want)))
	}),
	expect(`NtQuerySection reports the same attributes`, func(_ *world, out outcome, _ []string) error {
		return spec.Number("attributes", out.flags, fmt.Sprint(out.size))
	}),
	expect(`attributes of first creation kept`, func(w *world, out outcome, _ []string) error {
		return spec.Number("attributes", w.must("NtQuerySection", out.section).Number(1), fmt.Sprint(numbers["SEC_COMMIT"]))
	}),
	expect(`file grown$`, func(w *world, out outcome, _ []string) error {
		return spec.Number("size", w.must("NtQuerySection", out.section).Number(0), "10000")
	}),
	expect(`new handle is inheritable`, inheritable),
	expect(`old protect (PAGE_[\w|]+)$`, func(_ *world, out outcome, m []string) error {
		want, err := parseBits(m[1])
		return errors.Join(err, spec.Number("old protection", out.Numbers[0], fmt.Sprint(want)))
	}),
	expect(`same handle value$`, func(_ *world, out outcome, _ []string) error {
		return spec.Number("handle", out.Numbers[0], fmt.Sprint(out.Numbers[1]))
	}),

	expect(`^WAIT_OBJECT_0, count (\d+)$`, func(w *world, _ outcome, m []string) error {
		count := 0
		for w.waitOn(0, w.handle, 0) == 0 {
			count++
		}
		return spec.Number("count", uint64(count), m[1])
	}),
	expect(`; (caller|nobody) owns it$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.handle, m[1] == "caller")
	}),
	expect(`, mutex (kept|released)$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.mutex, m[1] == "kept")
	}),
	expect(`; initial ownership (NOT taken|taken)$`, func(w *world, _ outcome, m []string) error {
		return w.ownedNow(w.handle, m[1] == "taken")
	}),
	expect(`, (only that|no) event consumed$`, func(w *world, out outcome, m []string) error {
		for i, h := range w.lists[0] {
			if i == 0 {
				continue // the row has reset it
			}
			consumed := m[1] == "only that" && i == int(out.Value)
			if set := w.waitOn(0, h, 0) == 0; set == consumed {
				return fmt.Errorf("event %d is set: %v", i, set)
			}
		}
		return nil
	}),
}

// judged reports whether anything is known about the row's result.
func judged(r spec.Row) bool {
	_, m := spec.First(r.Result, verdicts)
	return m != nil || spec.IsShown(r)
}

// judge looks at what the call has shown, at the first verdict that a result is, and at all details.
func (w *world) judge(r spec.Row, out outcome) error {
	if err := out.Judge(r, w.wrote); err != nil {
		return err
	}
	if verdict, m := spec.First(r.Result, verdicts); m != nil {
		if err := verdict(w, out, m); err != nil {
			return err
		}
	}
	for detail, m := range spec.All(r.Result, details) {
		if err := detail(w, out, m); err != nil {
			return err
		}
	}
	return nil
}

// failed wants the row's error.
func (w *world) failed(out outcome, value uint64) error {
	want, ok := w.Row.Code()
	switch {
	case !ok:
		return fmt.Errorf("the row has no error number: %q", w.Row.Number)
	case !out.isCall || out.Value != value:
		return fmt.Errorf("the call gives %#x", out.Value)
	case !out.Touched || out.Error != want:
		return fmt.Errorf("error %d, want %d", out.Error, want)
	}
	return nil
}

// succeeded wants a value, and that the last error is left alone.
func (w *world) succeeded(out outcome) error {
	switch {
	case !out.isCall || out.Value == 0:
		return fmt.Errorf("the call gives %d, error %d", out.Value, out.Error)
	case out.Touched:
		return fmt.Errorf("the call succeeds and writes the last error: %d", out.Error)
	}
	return nil
}

// gaveHandle wants a handle, with the row's last error, and that it leads to the existing object exactly when that is
// ERROR_ALREADY_EXISTS, or when it was opened.
func gaveHandle(w *world, out outcome, _ []string) error {
	if !out.isCall || out.Value == 0 || out.Value%4 != 0 || out.Value == memory {
		return fmt.Errorf("no handle: %#x, error %d", out.Value, out.Error)
	}
	code, ok := w.Row.Code()
	if ok != out.Touched || out.Error != code {
		return fmt.Errorf("last error %d, touched: %v, want %q", out.Error, out.Touched, w.Row.Number)
	}
	existing := out.opened || code == 183
	if w.first == 0 || w.first == out.Value || w.child != nil {
		return nil
	}
	if out.object != 0 {
		if out.kind == "Timer" || out.kind == "Job" {
			return nil
		}
		if same := w.sameObject(w.first, out.object, out.kind); same != existing {
			return fmt.Errorf("the two handles lead to the same object: %v", same)
		}
		return nil
	}
	if same, known := w.shareMemory(w.first, out.section); known && same != existing {
		return fmt.Errorf("the two handles lead to the same section: %v", same)
	}
	return nil
}

// shareMemory writes through one handle and reads through another; known is false where that cannot be.
func (w *world) shareMemory(a, b uint64) (shared, known bool) {
	p := w.call("MapViewOfFile", a, writeView, 0, 1).Value
	q := w.call("MapViewOfFile", b, readView, 0, 1).Value
	if p == 0 || q == 0 {
		return false, false
	}
	w.poke(p, "\x55")
	first, _ := w.peek(q, 1)
	w.poke(p, "\x56")
	second, _ := w.peek(q, 1)
	return string(first) == "\x55" && string(second) == "\x56", true
}

// sameObject reports whether two handles of one kind are of one object: a change through a is seen through b. b may
// have no right but to wait. A mutex must be free, and is free again afterwards.
func (w *world) sameObject(a, b uint64, kind string) bool {
	const other = 3
	switch kind {
	case "Event":
		w.must("ResetEvent", a)
		early := w.waitOn(0, b, 0)
		w.must("SetEvent", a)
		return early == waitTimeout && w.waitOn(0, b, 0) == 0
	case "Mutex":
		w.takes(a, 0)
		early := w.waitOn(other, b, 0)
		w.must("ReleaseMutex", a)
		late := w.waitOn(other, b, 0)
		w.on(other, "ReleaseMutex", b)
		return early == waitTimeout && late == 0
	}
	for w.waitOn(0, a, 0) == 0 {
	}
	early := w.waitOn(0, b, 0)
	w.must("ReleaseSemaphore", a, 1)
	return early == waitTimeout && w.waitOn(0, b, 0) == 0
}

// mapped is the length of the whole pages that are mapped.
func mapped(w *world, out outcome, m []string) error {
	if out.view == 0 {
		return fmt.Errorf("no view: error %d", out.Error)
	}
	return spec.Number("region", w.query(out.view).size, m[1])
}

func granted(w *world, out outcome, m []string) error {
	mask, err := strconv.ParseUint(m[1], 16, 32)
	if err != nil || out.section == 0 {
		return fmt.Errorf("no handle: error %d, %w", out.Error, err)
	}
	return w.capable(out.section, mask)
}

// capable finds out what a handle was granted by what it can do: without the right to map it is denied, and with the
// right it is only the section's protection that can forbid.
func (w *world) capable(handle, mask uint64) error {
	const query, mapWrite, mapRead, mapExecute = 1, 2, 4, 8
	protection := w.Rows.GrantedTo(w.protect)
	for _, try := range []struct {
		access uint32
		rights uint64
	}{{4, mapRead}, {1, mapRead}, {2, mapWrite}, {6, mapWrite}, {0x24, mapRead | mapExecute},
		{0x22, mapWrite | mapExecute}, {0, mapRead}} {
		want := uint32(0)
		switch {
		case try.rights&^mask != 0:
			want = 5
		case try.rights&^protection != 0 && w.program.Wine:
			continue // Wine maps what the protection forbids
		case try.rights&^protection != 0:
			want = 87
		}
		a := w.call("MapViewOfFile", handle, try.access, 0, 0)
		if (a.Value == 0) != (want != 0) || a.Error != want {
			return fmt.Errorf("with %#x granted, a view for %#x gives %d, error %d, want %d", mask, try.access, a.Value, a.Error,
				want)
		}
	}
	a := w.call("NtQuerySection", handle)
	if want := mask&query != 0; (a.Value != 0) != want {
		return fmt.Errorf("with %#x granted, NtQuerySection gives %d, error %d", mask, a.Value, a.Error)
	}
	return nil
}

// usable touches the view: it can be read; and written or not, for others to see or not.
func usable(w *world, out outcome, m []string) error {
	if strings.Contains(w.Row.Result, "no read") {
		return nil
	}
	if _, faulted := w.peek(out.view, 1); faulted {
		return errors.New("the view cannot be read")
	}
	faulted := w.poke(out.view, "M")
	if m[1] == "read only" || m[1] == "no write" {
		if !faulted {
			return errors.New("the view can be written")
		}
		return nil
	}
	if faulted {
		return errors.New("the view cannot be written")
	}
	fresh := w.mapAt(w.openSection(w.Name(), readView), readView, 0, 0)
	b, _ := w.peek(fresh, 1)
	if private := strings.Contains(m[1], "private"); (string(b) == "M") == private {
		return fmt.Errorf("what the view wrote is seen by others: %v", !private)
	}
	return nil
}

func inheritable(_ *world, out outcome, _ []string) error {
	if len(out.Numbers) == 0 {
		return fmt.Errorf("no handle: error %d", out.Error)
	}
	return spec.Number("flags", out.Numbers[0], "1")
}

// waitGave wants what Windows' function returns, in hexadecimal, and of a wait that ended no error.
func waitGave(_ *world, out outcome, m []string) error {
	want, err := strconv.ParseUint(m[1], 16, 32)
	if err == nil && (!out.waited || out.Value != want || out.Touched) {
		err = fmt.Errorf("the wait gives %#x, error %d, want %#x", out.Value, out.Error, want)
	}
	return err
}

// ownedNow asks in another thread whether somebody has a mutex, and looks whether it is this one.
func (w *world) ownedNow(mutex uint64, want bool) error {
	const other = 2
	event := w.waitOn(other, mutex, 0)
	if (event != 0) != want {
		return fmt.Errorf("another thread's wait gives %#x", event)
	}
	a := w.call("ReleaseMutex", mutex)
	if (a.Value != 0) != want || !want && a.Error != 288 {
		return fmt.Errorf("ReleaseMutex gives %d, error %d", a.Value, a.Error)
	}
	return nil
}

// words are what a result says of a region: a pattern, and the number that it is about.
var words = []struct {
	pattern *regexp.Regexp
	of      func(r *region) uint64
}{
	{regexp.MustCompile(`\b(MEM_(?:RESERVE|COMMIT|FREE))\b`), func(r *region) uint64 { return r.state }},
	{regexp.MustCompile(`\b(MEM_MAPPED)\b|\bType (0)`), func(r *region) uint64 { return r.kind }},
	{regexp.MustCompile(`(?:^|[ ,])Protect (PAGE_\w+|0)|first page: (PAGE_\w+)|Protect = AllocationProtect = (PAGE_\w+)`), func(r *region) uint64 { return r.protect }},
	{regexp.MustCompile(`AllocationProtect (PAGE_\w+|0)|AllocationProtect = (PAGE_\w+)`),
		func(r *region) uint64 { return r.allowed }},
	{regexp.MustCompile(`(?:RegionSize[ =]|first page: \w+, region )(\d+)`), func(r *region) uint64 { return r.size }},
	{regexp.MustCompile(`AllocationBase (NULL)`), func(r *region) uint64 { return r.allocation }},
}

// describes holds a region against what a result says of it.
func describes(w *world, out outcome, _ []string) error {
	if out.region == nil {
		return errors.New("no region")
	}
	r, result := out.region, w.Row.Result
	for _, word := range words {
		m := word.pattern.FindStringSubmatch(result)
		if m == nil {
			continue
		}
		text := cmp.Or(m[1:]...)
		want, known := numbers[text]
		if !known && text != "NULL" {
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return fmt.Errorf("%q is no word that is known", text)
			}
			want = uint32(n)
		}
		if got := word.of(r); got != uint64(want) {
			return fmt.Errorf("%s: %#x, want %s", m[0], got, text)
		}
	}
	switch {
	case strings.Contains(result, "AllocationBase=base") && r.allocation != w.view,
		strings.Contains(result, "whole size") && r.size != w.size,
		strings.Contains(result, "AllocationProtect unchanged") && r.allowed != uint64(numbers["PAGE_READWRITE"]),
		strings.Contains(result, "rounded down") && (r.base != w.view || r.size == 0):
		return fmt.Errorf("%+v", *r)
	}
	if _, word, found := strings.Cut(result, "rest stays "); found {
		if rest := w.query(w.view + r.size); rest.protect != uint64(numbers[word]) {
			return fmt.Errorf("the rest: %+v", rest)
		}
	}
	return nil
}
