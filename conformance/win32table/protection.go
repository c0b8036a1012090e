package win32table

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// viewProtections are those of views, by what MapViewOfFile is asked for: 0x00 to 0x0f, and the same with
// FILE_MAP_EXECUTE, 0x20. FILE_MAP_COPY is 1, FILE_MAP_WRITE 2, FILE_MAP_READ 4, SECTION_MAP_EXECUTE 8.
var viewProtections = [2][16]uint64{
	{0x01, 0x08, 0x04, 0x04, 0x02, 0x02, 0x04, 0x04, 0x01, 0x01, 0x04, 0x04, 0x02, 0x02, 0x04, 0x04},
	{0x01, 0x80, 0x40, 0x40, 0x20, 0x20, 0x40, 0x40, 0x01, 0x01, 0x40, 0x40, 0x20, 0x20, 0x40, 0x40},
}

// viewsOf are the protections that views of a section can have, by the section's.
var viewsOf = map[uint64][]uint64{
	0x02: {0x01, 0x02, 0x08},
	0x04: {0x01, 0x02, 0x04, 0x08},
	0x08: {0x01, 0x02, 0x08},
	0x20: {0x01, 0x02, 0x08, 0x20, 0x80},
	0x40: {0x01, 0x02, 0x04, 0x08, 0x20, 0x40, 0x80},
	0x80: {0x01, 0x02, 0x08, 0x20, 0x80},
}

// pagesOf are the protections that pages of a view can be given, by the view's.
var pagesOf = map[uint64][]uint64{
	0x01: {0x01},
	0x02: {0x01, 0x02, 0x08},
	0x04: {0x01, 0x02, 0x04, 0x08},
	0x08: {0x01, 0x02, 0x08},
	0x20: {0x01, 0x02, 0x08, 0x10, 0x20},
	0x40: {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80},
	0x80: {0x01, 0x02, 0x08, 0x10, 0x20, 0x80},
}

// ownPage is what a protection is told as when the page has been written and is the view's own.
var ownPage = map[uint64]uint64{0x08: 0x04, 0x80: 0x40}

var (
	protections   = []uint64{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80}
	noProtections = []uint64{0x00, 0x03, 0x06, 0x0c, 0x30, 0x50, 0x90, 0xc0, 0xff}
)

// page is the unit of protection. Each view here has three: one that a protection is tried on, one behind it that
// nobody writes, and one before it that is left alone.
const page = 4096

// Protections tries every protection on views of every kind, and what is told and what can be done before, between and
// after: all sections without a name, and some with one and over a file.
func Protections(t *testing.T, p Program) {
	process := p.starting(t)
	defer process.kill()
	every := []uint64{0x02, 0x04, 0x08, 0x20, 0x40, 0x80}
	tried := 0
	try := func(kind string, sections []uint64, make func(w *world, protect uint64)) {
		for _, section := range sections {
			tr := &trial{world: world{program: &p, process: process}, section: section}
			if err := tr.run(func() { make(&tr.world, section) }, 0, 0); err != nil {
				t.Fatalf("%s, section %#x: %v", kind, section, err)
			}
			seen := map[uint64]bool{} // each view's pages are tried once, however many ways to ask for it there are
			for access := range uint64(0x30) {
				if access&0x10 != 0 {
					continue
				}
				view := viewProtections[access/0x20][access%0x10]
				for _, protect := range append([]uint64{0}, protections...) {
					if protect != 0 && seen[view] {
						continue
					}
					tried++
					if err := tr.run(nil, access, protect); err != nil {
						t.Errorf("%s, section %#x, access %#x, protection %#x: %v", kind, section, access, protect, err)
					}
				}
				seen[view] = true
			}
			tr.close()
		}
	}
	try("memory", every, func(w *world, protect uint64) { w.handle = w.create("", 3*page, uint32(protect)).Value })
	for _, prefix := range p.Namespaces {
		if p.Wine {
			break // a name changes nothing there
		}
		try(prefix, []uint64{0x04, 0x40}, func(w *world, protect uint64) {
			w.handle = w.create(fmt.Sprintf("%sprotections.%d.%d", prefix, os.Getpid(), protect), 3*page, uint32(protect)).Value
		})
	}
	path := filepath.Join(p.Directory, fmt.Sprintf("protections.%d", os.Getpid()))
	defer os.Remove(path)
	try("file", []uint64{0x02, 0x04, 0x08}, func(w *world, protect uint64) {
		w.check(os.WriteFile(path, make([]byte, 3*page), 0o600))
		const readAndWrite, openExisting = 0xC0000000, 3
		file := w.must("CreateFileW", wide(path), uint32(readAndWrite), openExisting).Value
		w.handle = w.must("CreateFileMappingW", file, 0, protect, 0, "-").Value
	})
	t.Logf("%d protections tried", tried)
}

// trial is one section, of which views are made.
type trial struct {
	world
	section  uint64
	observer uint64 // another view of it, that is only read
	value    byte   // that was last written; no two writes are of one
}

// run tries a protection on a page of a new view, 0 for those that it cannot have, or makes the section.
func (tr *trial) run(make func(), access, protect uint64) (err error) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = f.error
		default:
			panic(f)
		}
	}()
	if make != nil {
		make()
		tr.observer = tr.mapAt(tr.handle, readView, 0, 0)
		return nil
	}
	view := viewProtections[access/0x20][access%0x10]
	a := tr.call("MapViewOfFile", tr.handle, access, 0, 0)
	if !slices.Contains(viewsOf[tr.section], view) {
		if a.Value != 0 || a.Error != 5 {
			tr.fail("the view is at %#x, error %d, want 5", a.Value, a.Error)
		}
		return nil
	}
	if a.Value == 0 || a.Touched {
		tr.fail("the view is at %#x, error %d", a.Value, a.Error)
	}
	tr.view = a.Value
	defer tr.call("UnmapViewOfFile", tr.view)
	tr.shows("the view", 0, 3, view, view)
	switch {
	case slices.Contains(pagesOf[view], protect):
		tr.changed(view, protect)
	case protect == 0:
		for _, wrong := range slices.Concat(noProtections, protections) {
			// Wine allows that
			if !slices.Contains(pagesOf[view], wrong) && !(tr.program.Wine && view == 0x20 && wrong == 0x80) {
				tr.refused(wrong, view)
			}
		}
	}
	return nil
}

// refused wants a protection refused, and nothing changed by that.
func (tr *trial) refused(protect, view uint64) {
	a := tr.call("VirtualProtect", tr.view+page, page, protect)
	if a.Value != 0 || a.Error != 87 {
		tr.fail("VirtualProtect to %#x gives %d, error %d, want 87", protect, a.Value, a.Error)
	}
	tr.shows("what was refused", 0, 3, view, view)
}

// changed wants a page's protection changed, with all that follows.
func (tr *trial) changed(view, protect uint64) {
	shares := func(protect uint64) bool { return protect == 0x04 || protect == 0x40 }
	tr.protects(1, protect, view)
	if protect != view {
		tr.shows("the page", 1, 1, protect, view)
		tr.shows("the page before", 0, 1, view, view)
		tr.shows("the page behind", 2, 1, view, view)
	}
	after := protect
	if own := ownPage[protect]; own != 0 && !tr.program.Wine {
		after = own // which Wine does not tell
	}
	written := tr.writes(1, protect, shares(protect))
	tr.protectIs("after a write", 1, after)
	tr.protects(1, 0x01, after)
	if _, faulted := tr.peek(tr.view+page, 1); !faulted {
		tr.fail("a closed page can be read")
	}
	tr.protects(1, view, 0x01)
	back := view
	if own := ownPage[view]; own != 0 && written && !tr.program.Wine {
		back = own
	}
	tr.protectIs("back at the view's protection", 1, back)
	if got, faulted := tr.peek(tr.view+page, 1); view != 0x01 && written && (faulted || got[0] != tr.value) {
		tr.fail("back at the view's protection the page has lost what was written to it: %v", got)
	}
	if ownPage[protect] == 0 || !shares(view) || tr.program.Wine {
		return
	}
	tr.writes(1, view, false) // the page stays the view's own
	tr.protects(2, protect, view)
	tr.protects(2, 0x01, protect) // nothing was written
	tr.protects(2, view, 0x01)
	tr.writes(2, view, true)
}

// protects changes the protection of a page.
func (tr *trial) protects(at, protect, old uint64) {
	a := tr.call("VirtualProtect", tr.view+at*page, page, protect)
	if a.Value == 0 || a.Touched || a.Number(0) != old {
		tr.fail("VirtualProtect to %#x gives %d, error %d, old protection %#x, want %#x", protect, a.Value, a.Error,
			a.Number(0), old)
	}
}

// writes writes a page, if it can be, for all to see or not.
func (tr *trial) writes(at, protect uint64, shared bool) (written bool) {
	can := slices.Contains([]uint64{0x04, 0x08, 0x40, 0x80}, protect)
	tr.value++
	if faulted := tr.poke(tr.view+at*page, string(rune(tr.value&0x7f))); faulted == can {
		tr.fail("a page of protection %#x can be written: %v", protect, !faulted)
	}
	tr.value &= 0x7f
	if !can {
		return false
	}
	if tr.program.Wine && ownPage[protect] != 0 {
		return true // Wine writes for all where the view is a shared one
	}
	got, _ := tr.peek(tr.observer+at*page, 1)
	if seen := got[0] == tr.value; seen != shared {
		tr.fail("what is written to a page of protection %#x is seen by others: %v", protect, seen)
	}
	return true
}

// shows wants a range of pages told.
func (tr *trial) shows(what string, at, pages, protect, view uint64) {
	want := region{tr.view + at*page, tr.view, view, pages * page, uint64(numbers["MEM_COMMIT"]), protect,
		uint64(numbers["MEM_MAPPED"])}
	if got := tr.query(tr.view + at*page); got != want {
		tr.fail("%s is %#x, want %#x", what, got, want)
	}
}

func (tr *trial) protectIs(what string, at, protect uint64) {
	if got := tr.query(tr.view + at*page).protect; got != protect {
		tr.fail("%s the page's protection is %#x, want %#x", what, got, protect)
	}
}
