package gotable

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// expectation is a phrase of the column expected_result and what it demands of an outcome. A phrase may hold several.
type expectation = spec.Phrase[func(w *world, out outcome, m []string) error]

func expect(pattern string, judge func(w *world, out outcome, m []string) error) expectation {
	return spec.Part(pattern, judge)
}

// verdicts say what a result is; a row needs one of them.
var verdicts = []expectation{
	expect(`^(NULL|FALSE|WAIT_FAILED)\b`, func(w *world, out outcome, _ []string) error { return w.failed(out) }),
	expect(`^depends on .*: handle or NULL`, func(w *world, out outcome, _ []string) error {
		if out.err == nil {
			return nil
		}
		return w.failed(out)
	}),
	expect(`^TRUE\b`, succeeded),
	expect(`^(handle|non-NULL handle|new distinct handle|same object|new object)\b`, gaveHandle),
	expect(`^view\b`, func(w *world, out outcome, _ []string) error {
		if out.err != nil || out.view == nil {
			return fmt.Errorf("no view: %v", out.err)
		}
		return nil
	}),
	expect(`^0x([0-9A-F]+)$`, func(w *world, out outcome, m []string) error {
		if out.waited {
			return waitGave(w, out, m)
		}
		return granted(w, out, m)
	}),
	expect(`^size (\d+)`, func(w *world, out outcome, m []string) error {
		return spec.Number("size", uint64(out.size), m[1])
	}),
	expect(`^region (\d+)$`, region),
	expect(`^access violation`, func(_ *world, out outcome, _ []string) error {
		if !out.faulted {
			return errors.New("the memory can be touched")
		}
		return nil
	}),
	expect(`^(ok|succeeds)\b`, func(_ *world, out outcome, _ []string) error {
		if out.faulted || out.err != nil {
			return fmt.Errorf("faulted: %v, error: %v", out.faulted, out.err)
		}
		return nil
	}),
	expect(`^Protect = AllocationProtect = PAGE_\w+$`, succeeded),
}

// details are what a result says besides.
var details = []expectation{
	expect(`granted 0x([0-9A-F]+)`, granted),
	expect(`limited to (read)$`, func(w *world, out outcome, _ []string) error {
		mask, _ := grantedTo(w.Rows, namedshm.PageReadOnly)
		return w.capable(out.section, mask)
	}),
	expect(`.\bregion (\d+)`, region),
	expect(`^(?:view|Protect = AllocationProtect =) (PAGE_\w+)`, viewProtected),
	expect(`\(no read, no write\)`, noAccess),
	expect(`\(.*\b(read only|no write|writes are private|read and write|read, write|readable too)\b.*\)`, usable),
	expect(`\bshared$`, func(w *world, out outcome, m []string) error {
		return usable(w, out, []string{"", "read and write"})
	}),
}

// judged reports whether anything is known about the row's result.
func judged(r spec.Row) bool {
	_, m := spec.First(r.Result, verdicts, waitVerdicts)
	return m != nil || spec.IsShown(r)
}

func (w *world) judge(r spec.Row, out outcome) error {
	if err := out.Judge(r, w.wrote); err != nil {
		return err
	}
	for judge, m := range spec.All(r.Result, verdicts, waitVerdicts, details, waitDetails) {
		if err := judge(w, out, m); err != nil {
			return err
		}
	}
	return nil
}

// failed wants the row's error.
func (w *world) failed(out outcome) error {
	number, ok := w.Row.Code()
	want := namedshm.Code(number)
	if !ok {
		return fmt.Errorf("the row has no error number: %q", w.Row.Number)
	}
	var e *namedshm.Error
	switch {
	case out.err == nil:
		return fmt.Errorf("no error, want %v", want)
	case !errors.As(out.err, &e):
		return fmt.Errorf("%T is not this package's error: %v", out.err, out.err)
	case e.Code != want || !errors.Is(out.err, want):
		return fmt.Errorf("error %v, want %v", out.err, want)
	case want.Symbol() != w.Row.Symbol:
		return fmt.Errorf("%d is called %q, want %q", want, want.Symbol(), w.Row.Symbol)
	}
	return nil
}

func succeeded(_ *world, out outcome, _ []string) error { return out.err }

// gaveHandle wants a handle, and that it leads to the existing object exactly when the last error is
// ERROR_ALREADY_EXISTS, or when it was opened.
func gaveHandle(w *world, out outcome, _ []string) error {
	if out.err != nil || out.section == nil && out.object == nil && !out.absent {
		return fmt.Errorf("no handle: %v", out.err)
	}
	existing := out.opened
	if number, ok := w.Row.Code(); ok {
		code := namedshm.Code(number)
		existing = code == namedshm.ErrAlreadyExists
		if existing != out.existed {
			return fmt.Errorf("existed: %v, want last error %v", out.existed, code)
		}
	}
	if out.object != nil && w.made != nil && out.object != w.made {
		same, err := sameObject(w.made, out.object)
		if err == nil && same != existing {
			err = fmt.Errorf("the two handles lead to the same object: %v", same)
		}
		return err
	}
	if w.first == nil || out.section == nil || w.first == out.section {
		return nil
	}
	shared, known := w.shareMemory(w.first, out.section)
	if known && shared != existing {
		return fmt.Errorf("the two handles lead to the same object: %v", shared)
	}
	return nil
}

// shareMemory writes through one handle and reads through another; known is false where that cannot be.
func (w *world) shareMemory(a, b *namedshm.Section) (shared, known bool) {
	p, err := w.mapRange(a, 0, 1, namedshm.Write)
	if err != nil {
		return false, false
	}
	defer p.Close()
	q, err := w.mapRange(b, 0, 1, namedshm.Read)
	if err != nil {
		return false, false
	}
	defer q.Close()
	p.Bytes()[0]++
	return p.Bytes()[0] == q.Bytes()[0], true
}

// region is the length of the whole pages that are mapped.
func region(_ *world, out outcome, m []string) error {
	if out.view == nil {
		return fmt.Errorf("no view: %v", out.err)
	}
	return spec.Number("region", uint64(cap(out.view.Bytes())), m[1])
}

func granted(w *world, out outcome, m []string) error {
	mask, err := strconv.ParseUint(m[1], 16, 32)
	if err != nil || out.section == nil {
		return fmt.Errorf("no handle: %v, %v", out.err, err)
	}
	return w.capable(out.section, mask)
}

// capable finds out what a handle was granted by what it can map: without the right it is denied, and with the right
// it is only the section's protection that can forbid.
func (w *world) capable(s *namedshm.Section, mask uint64) error {
	protection, _ := grantedTo(w.Rows, w.protect)
	for _, try := range []struct {
		access namedshm.Access
		rights uint64
	}{
		{namedshm.Read, mapReadRight},
		{namedshm.Copy, mapReadRight},
		{namedshm.ReadWrite, mapReadRight | mapWriteRight},
		{namedshm.Read | namedshm.Execute, mapReadRight | mapExecuteRight},
		{namedshm.ReadWrite | namedshm.Execute, mapReadRight | mapWriteRight | mapExecuteRight},
	} {
		var want error
		switch {
		case try.rights&^mask != 0:
			want = namedshm.ErrAccessDenied
		case try.rights&^protection != 0 && spec.UnderWine():
			continue // Wine maps what the protection forbids (its DIFF rows)
		case try.rights&^protection != 0:
			want = namedshm.ErrInvalidParameter
		}
		v, err := s.Map(0, 0, try.access)
		if err == nil {
			v.Close()
		}
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			return fmt.Errorf("with %#x granted, a view for %v gives %v, want %v", mask, try.access, err, want)
		}
	}
	return nil
}

// viewProtected asks the system what the view's pages may be used for.
func viewProtected(w *world, out outcome, m []string) error {
	if out.view == nil {
		return fmt.Errorf("no view: %v", out.err)
	}
	if m[1] == "PAGE_NOACCESS" {
		return noAccess(w, out, m)
	}
	got, err := pageProtection(address(out.view))
	if err != nil {
		return err
	}
	if got != "" && got != m[1] {
		return fmt.Errorf("the view is %s, want %s", got, m[1])
	}
	return nil
}

func noAccess(_ *world, out outcome, _ []string) error {
	var b [1]byte
	_, readErr := out.view.ReadAt(b[:], 0)
	_, writeErr := out.view.WriteAt(b[:], 0)
	if out.view.Bytes() != nil || !errors.Is(readErr, namedshm.ErrAccessDenied) ||
		!errors.Is(writeErr, namedshm.ErrAccessDenied) {
		return fmt.Errorf("a view without access gives %d bytes, and %v, %v", len(out.view.Bytes()), readErr, writeErr)
	}
	return nil
}

// usable touches the view: it can be read; and written or not, for others to see or not.
func usable(w *world, out outcome, m []string) error {
	if strings.Contains(w.Row.Result, "no read") {
		return nil
	}
	v := out.view
	if peek(v.Bytes(), 0) {
		return errors.New("the view cannot be read")
	}
	if m[1] == "read only" || m[1] == "no write" {
		if _, err := v.WriteAt([]byte{1}, 0); !errors.Is(err, namedshm.ErrAccessDenied) || !poke(v.Bytes(), 0, 1) {
			return fmt.Errorf("the view can be written: %v", err)
		}
		return nil
	}
	if poke(v.Bytes(), 0, 77) || v.Bytes()[0] != 77 {
		return errors.New("the view cannot be written")
	}
	look, err := w.open(w.Name(), namedshm.Read)
	if err != nil {
		return err
	}
	fresh, err := w.mapWhole(look, namedshm.Read)
	if err != nil {
		return err
	}
	private := strings.Contains(m[1], "private")
	if seen := fresh.Bytes()[0] == 77; seen == private {
		return fmt.Errorf("what the view wrote is seen by others: %v", seen)
	}
	return nil
}
