package gotable

import (
	"fmt"
	"strconv"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// given is a phrase of the table's column of that name, and what it means here. m is what the pattern's groups matched.
type given = spec.Phrase[func(w *world, m []string) error]

func findGiven(r spec.Row) (begin func(*world, []string) error, m []string) {
	switch {
	case r.AboutWaitables():
		return spec.First(r.Given, waitableGivens, givens)
	case r.Area == "global-privilege":
		return spec.First(r.Given, privilegeGivens)
	}
	return spec.First(r.Given, givens)
}

// beginRow brings the world to where the row starts.
func (w *world) beginRow(r spec.Row) error {
	if begin, m := findGiven(r); m != nil {
		return begin(w, m)
	}
	if before, ok := w.Rows.Reference(r); ok {
		if err := w.beginRow(before); err != nil {
			return err
		}
		out, err := w.perform(before)
		if err != nil {
			return err
		}
		if out.err != nil && !refused(before) {
			return fmt.Errorf("row %s, with which this one begins: %w", before.ID, out.err)
		}
		return nil
	}
	return fmt.Errorf("nothing is known about the beginning %q", r.Given)
}

func when(pattern string, begin func(w *world, m []string) error) given {
	return spec.Whole(pattern, begin)
}

func nothing(*world, []string) error { return nil }

// sectionOf begins with a section of the test's own name: group 1 of the phrase is its protection, or its size.
func sectionOf(w *world, m []string) error {
	size, protection := int64(4096), namedshm.PageReadWrite
	if len(m) > 1 && m[1] != "" {
		if p, ok := protections[m[1]]; ok {
			protection = p
		} else if n, err := parseSize(m[1]); err == nil {
			size = n
		} else {
			return err
		}
	}
	return w.begin(size, protection)
}

// viewOf begins with a view of the given access on a section of 128 KiB.
func viewOf(access namedshm.Access) func(*world, []string) error {
	return func(w *world, _ []string) error { return w.beginView(128<<10, access) }
}

func closeView(w *world, _ []string) error {
	w.stale = w.view.Bytes()
	return w.view.Close()
}

// both runs one beginning after another.
func both(begins ...func(*world, []string) error) func(*world, []string) error {
	return func(w *world, m []string) error {
		for _, begin := range begins {
			if err := begin(w, m); err != nil {
				return err
			}
		}
		return nil
	}
}

var givens = []given{
	when(`-|nothing|name unused|no object "foo"|no directory "Globalx"|no such session|privileged(?: caller)?`, nothing),
	when(`page file backed, .*`, nothing),
	when(`(?:-|caller in session 0 or .*); object from the create row`, func(w *world, _ []string) error {
		return w.createFirst()
	}),

	when(`name open|name open \(same type\)|name open SEC_COMMIT`, sectionOf),
	when(`name open, (PAGE_\w+)`, sectionOf),
	when(`name open with (\d+) bytes`, sectionOf),
	when(`(PAGE_\w+) section(?: open by name)?`, sectionOf),
	when(`(?:section of )?(\d+)(?:-byte section| bytes?)`, sectionOf),
	when(`page-file section (PAGE_\w+), creator handle`, sectionOf),
	when(`(\d+ \w+) section, handle with READ\|WRITE`, sectionOf),
	when(`(PAGE_\w+) section; OpenFileMapping\((.*)\)`, func(w *world, m []string) error {
		if err := sectionOf(w, m); err != nil {
			return err
		}
		access, err := parseOpenAccess(m[2])
		if err != nil {
			return err
		}
		w.section, err = w.open(w.Name(), access)
		return err
	}),
	when(`.*name "(N)".*|"([^"]*)" exists.*|a section "(S)" exists`, func(w *world, m []string) error {
		return w.createNamed(spec.Literal(m[1] + m[2] + m[3]))
	}),
	when(`an event "(E)" exists`, func(w *world, m []string) error { return w.make(spec.Literal(m[1]), anEvent) }),
	when(`composed e-acute name exists`, func(w *world, _ []string) error {
		return w.createNamed(w.Name() + spec.Composed)
	}),
	when(`both of CRE-015`, func(w *world, _ []string) (err error) {
		if w.first, _, err = w.create("", 4096, namedshm.PageReadWrite); err == nil {
			w.section, _, err = w.create("", 4096, namedshm.PageReadWrite)
		}
		return err
	}),

	when(`any view|mapped view|page-file RW view|RW view|RW view of 128 KiB`, viewOf(namedshm.ReadWrite)),
	when(`RO view`, viewOf(namedshm.Read)),
	when(`copy view|FILE_MAP_COPY view c`, viewOf(namedshm.Copy)),
	when(`section mapped twice`, both(viewOf(namedshm.ReadWrite), secondView(namedshm.ReadWrite))),
	when(`RW view p and RO view q of one object`, both(viewOf(namedshm.ReadWrite), secondView(namedshm.Read))),
	when(`page of c not yet written`, both(viewOf(namedshm.Copy), secondView(namedshm.ReadWrite))),
	when(`c was written`, written),
	when(`c unmapped and mapped again`, both(written, closeView, func(w *world, _ []string) (err error) {
		w.stale = nil
		w.view, err = w.mapWhole(w.section, namedshm.Copy)
		return err
	})),
	when(`second handle by name, view at offset (\d+)`, offsetView),
	when(`page committed|as RSV-006`, reserved), // RSV-006 only asks for what Windows calls the pages
	when(`view unmapped|view unmapped first|after unmap`, both(viewOf(namedshm.ReadWrite), closeView)),

	when(`open handle`, sectionOf),
	when(`two handles, first closed`, secondHandle),
	when(`both closed`, both(secondHandle, closed)),
	when(`closed handle|handle closed`, both(sectionOf, func(w *world, _ []string) error { return w.section.Close() })),
	when(`handle open; write, unmap, map again`, both(viewOf(namedshm.ReadWrite), func(w *world, _ []string) (err error) {
		if err = w.write(w.view, "kept"); err == nil {
			err = w.view.Close()
		}
		if err == nil {
			w.view, err = w.mapWhole(w.section, namedshm.Read)
		}
		return err
	})),

	when(`named section with a mapped view`, viewOf(namedshm.ReadWrite)),
	when(`only a view is left|old view`, onlyView),
	when(`all closed, created again`, both(onlyView, closeView, func(w *world, _ []string) error {
		w.view, w.stale = nil, nil
		return w.begin(4096, namedshm.PageReadWrite)
	})),
	when(`old view \+ new object`, both(onlyView, func(w *world, _ []string) (err error) {
		if err = w.begin(4096, namedshm.PageReadWrite); err == nil {
			w.other, err = w.mapWhole(w.section, namedshm.ReadWrite)
		}
		return err
	})),

	when(`child holds the name`, childHolds),
	when(`child killed with TerminateProcess`, both(childHolds, opened, closed, killed)),
	when(`parent closed its handle, child keeps one`, both(sectionOf, childOpens, closed)),
	when(`child killed`, both(sectionOf, childOpens, closed, killed)),
	when(`child keeps only a view \(its handle closed\)`, both(childHolds, func(w *world, _ []string) error {
		return w.child.does("close")
	})),
	when(`parent has handle\+view, creator killed`, both(childHolds, opened, killed)),
	when(`child maps (\S+)`, both(viewOf(namedshm.ReadWrite), func(w *world, m []string) error {
		if err := w.startChild(); err != nil {
			return err
		}
		return w.child.does("open "+w.Name(), "map "+m[1])
	})),
}

// secondView begins with one more view of the section.
func secondView(access namedshm.Access) func(*world, []string) error {
	return func(w *world, _ []string) (err error) {
		w.other, err = w.mapWhole(w.section, access)
		return err
	}
}

// written begins with a copy view and a shared one of the same bytes, each written.
func written(w *world, _ []string) (err error) {
	if err = w.beginView(128<<10, namedshm.Copy); err == nil {
		w.other, err = w.mapWhole(w.section, namedshm.ReadWrite)
	}
	if err == nil {
		err = w.write(w.view, "private")
	}
	if err == nil {
		err = w.write(w.other, "shared!")
	}
	return err
}

// secondHandle begins with two handles, of which the first is closed again.
func secondHandle(w *world, m []string) (err error) {
	if err = sectionOf(w, m); err != nil {
		return err
	}
	if w.section, err = w.open(w.Name(), namedshm.ReadWrite); err != nil {
		return err
	}
	first := w.first
	w.first = w.section
	return first.Close()
}

func offsetView(w *world, m []string) error {
	offset, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return err
	}
	if err := w.beginView(2*offset, namedshm.ReadWrite); err != nil {
		return err
	}
	second, err := w.open(w.Name(), namedshm.ReadWrite)
	if err != nil {
		return err
	}
	w.other, err = w.mapRange(second, offset, 0, namedshm.ReadWrite)
	return err
}

// reserved begins with a section of which nothing is committed, and two views of it. This library commits what is
// mapped.
func reserved(w *world, _ []string) (err error) {
	if err = w.begin(256<<10, namedshm.PageReadWrite, namedshm.NoCommit()); err == nil {
		w.view, err = w.mapWhole(w.section, namedshm.ReadWrite)
	}
	if err == nil {
		w.other, err = w.mapWhole(w.section, namedshm.ReadWrite)
	}
	if err == nil {
		err = w.write(w.view, "\x07")
	}
	return err
}

// onlyView begins with a view whose section has no handle any more.
func onlyView(w *world, _ []string) error {
	if err := w.beginView(4096, namedshm.ReadWrite); err != nil {
		return err
	}
	if err := w.write(w.view, "old"); err != nil {
		return err
	}
	w.first = nil
	return w.section.Close()
}

// childHolds begins with a section that a child made, mapped and wrote.
func childHolds(w *world, _ []string) error {
	if err := w.startChild(); err != nil {
		return err
	}
	w.wrote = []byte("held")
	return w.child.does("create "+w.Name(), "map READ|WRITE", "write held")
}

func childOpens(w *world, _ []string) error {
	if err := w.startChild(); err != nil {
		return err
	}
	return w.child.does("open " + w.Name())
}

// opened has this process open and map what the child made.
func opened(w *world, _ []string) (err error) {
	if w.section, err = w.open(w.Name(), namedshm.ReadWrite); err == nil {
		w.view, err = w.mapWhole(w.section, namedshm.Read)
	}
	return err
}

// closed closes this process's handle and views, and leaves the name to others.
func closed(w *world, _ []string) error {
	w.first = nil
	if w.view != nil {
		if err := w.view.Close(); err != nil {
			return err
		}
	}
	return w.section.Close()
}

func killed(w *world, _ []string) error { return w.child.kill() }
