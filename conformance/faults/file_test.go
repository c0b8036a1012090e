//go:build linux

package faults

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/win32"
)

// Sections over files, as package win32 makes them, and sections of memory that is there already, as package wine
// adopts Wine's: their memory is a file that outlives them. Whatever becomes of an operation, the file has then the
// bytes and the length that it ought to have, and those who lock parts of it still do.

// The kinds of such sections. Without the last one a program opens the file by its path, makes the section and closes
// the file again, all in one operation.
const (
	overPath       = "over"       // a path
	overDescriptor = "descriptor" // a descriptor of the program's
	adopted        = "adopted"
)

// A file begins with a stamp and a mark, both of zeros at first. fileLen is no whole number of pages but for what is
// adopted, and grownLen not either.
const (
	markAt     = 8
	textAt     = 16
	fileLen    = 5000
	grownLen   = 10000
	adoptedLen = 8192
)

// mark is what a view's flush brings into the file.
var mark = []byte("flushed!")

// written is what a new file has.
func written(kind string) []byte {
	b := make([]byte, fileLen)
	if kind == adopted {
		b = make([]byte, adoptedLen)
	}
	for i := textAt; i < len(b); i++ {
		b[i] = byte(1 + i%251)
	}
	return b
}

// onMemfd is where a section over a file can have a name, and memory can be adopted.
func onMemfd(s setting) bool { return local(s) && s.backing == "" }

var fileScenes = []scene{
	{name: "create over a file", does: request{Op: "openorcreate", Kind: overPath}, only: onMemfd},
	{name: "create over a file at first", does: request{Op: "openorcreate", Kind: overPath}, fresh: true, only: onMemfd},
	{name: "create over a file that grows", does: request{Op: "openorcreate", Kind: overDescriptor, Size: grownLen},
		only: onMemfd},
	{name: "create over a file for reading",
		does: request{Op: "openorcreate", Kind: overPath, Access: uint32(namedshm.Read)}, only: onMemfd},
	{name: "create over a file of a held name", does: request{Op: "openorcreate", Kind: overDescriptor}, held: true,
		only: onMemfd},
	{name: "create over a file of a dead name", does: request{Op: "openorcreate", Kind: overDescriptor}, dead: true,
		only: onMemfd},
	{name: "create over a locked file", does: request{Op: "openorcreate", Kind: overPath}, held: true, locked: true,
		only: onMemfd},
	{name: "create over a file unnamed", does: request{Op: "openorcreate", Kind: overPath, Name: unnamed, Size: grownLen},
		only: local},

	{name: "open over a file", does: request{Op: "open", Kind: overPath}, held: true, only: onMemfd},
	{name: "open over a file for reading", does: request{Op: "open", Kind: overPath, Access: uint32(namedshm.Read)},
		held: true, only: onMemfd},
	{name: "open over a file that is searched for", does: request{Op: "open", Kind: overPath}, held: true, hidden: true,
		only: onMemfd},
	{name: "open over a locked file", does: request{Op: "open", Kind: overPath}, held: true, locked: true, only: onMemfd},
	{name: "close over a file", does: request{Op: "close", Kind: overPath}, opened: true, only: onMemfd},
	{name: "close over a locked file", does: request{Op: "close", Kind: overPath}, opened: true, held: true, locked: true,
		only: onMemfd},
	{name: "gc over a file", does: request{Op: "bury", Kind: overPath}, dead: true, only: onMemfd},

	{name: "map a file", does: request{Op: "map", Kind: overPath}, opened: true, held: true, only: onMemfd},
	{name: "map a file copy-on-write", does: request{Op: "map", Kind: overPath, Access: uint32(namedshm.Copy)},
		opened: true, only: onMemfd},
	{name: "flush to a file", does: request{Op: "flush", Kind: overPath}, opened: true, held: true, mapped: true,
		only: onMemfd},
	{name: "unmap a file", does: request{Op: "close", Kind: overPath}, opened: true, held: true, mapped: true,
		only: onMemfd},

	{name: "adopt", does: request{Op: "create", Kind: adopted}, only: onMemfd},
	{name: "adopt for reading", does: request{Op: "create", Kind: adopted, Access: uint32(namedshm.Read)}, only: onMemfd},
	{name: "adopt under a held name", does: request{Op: "create", Kind: adopted}, held: true, only: onMemfd},
	{name: "adopt unnamed", does: request{Op: "create", Kind: adopted, Name: unnamed}, only: onMemfd},
	{name: "adopt a locked file", does: request{Op: "create", Kind: adopted}, locked: true, only: onMemfd},
	{name: "open what was adopted", does: request{Op: "open", Kind: adopted}, held: true, only: onMemfd},
	{name: "map what was adopted", does: request{Op: "map", Kind: adopted}, opened: true, only: onMemfd},
	{name: "lend what was adopted", does: request{Op: "lend", Kind: adopted}, opened: true, only: onMemfd},
	{name: "close what was adopted", does: request{Op: "close", Kind: adopted}, opened: true, only: onMemfd},
}

// hasFile says that the scene's section is of a file.
func (r *request) hasFile() bool {
	return slices.Contains([]string{overPath, overDescriptor, adopted}, r.Kind)
}

// over is a handle of package win32's to a section, and overView a view of it.
type (
	over     struct{ handle win32.Handle }
	overView struct{ at uintptr }
)

func (o over) Close() error     { return win32.CloseHandle(o.handle) }
func (v overView) Close() error { return win32.UnmapViewOfFile(v.at) }

// file is the program's own descriptor of a file: opened once, until it is forgotten.
func (s *stage) file(path string) (*os.File, error) {
	if f := s.files[path]; f != nil {
		return f, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		s.files[path] = f
	}
	return f, err
}

// fileOperations are what an actor can do with files.
var fileOperations = map[string]operation{
	"file": func(context.Context, *stage, *request, *reply) (any, error) { return nil, nil }, // it is open by now
	"lock": func(_ context.Context, _ *stage, r *request, _ *reply) (any, error) {
		return nil, unix.FcntlFlock(r.file.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: r.Number, Len: 1})
	},
	// What was kept open for the lock's sake is closed with the next file.
	"free": func(_ context.Context, _ *stage, r *request, _ *reply) (any, error) {
		if err := unix.FcntlFlock(r.file.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK}); err != nil {
			return nil, err
		}
		next, err := win32.CreateFile(wide("/dev/null"), win32.GENERIC_READ, 0, nil, win32.OPEN_EXISTING, 0, 0)
		if err != nil {
			return nil, err
		}
		return nil, win32.CloseHandle(next)
	},
	"forget": func(_ context.Context, s *stage, _ *request, _ *reply) (any, error) {
		var all []error
		for _, f := range s.files {
			all = append(all, f.Close())
		}
		clear(s.files)
		return nil, errors.Join(all...)
	},
	"lend": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		memory, err := inside.Of(s.held[r.Handle].(*namedshm.Section)).Memory()
		if err != nil {
			return nil, adoptionError("lend", r.Name, err)
		}
		return memory, nil
	},
	"flush": func(_ context.Context, s *stage, r *request, _ *reply) (any, error) {
		v := s.held[r.Handle].(overView)
		copy(win32.Bytes(v.at+markAt, len(mark)), mark)
		return nil, win32.FlushViewOfFile(v.at, 0)
	},
}

// wide is a name as package win32 takes it.
func wide(name string) *uint16 {
	p, err := win32.UTF16PtrFromString(name)
	if err != nil {
		panic(err)
	}
	return p
}

// createOver makes a section of a file or, over one, opens that which has the name.
func createOver(r *request) (made any, created bool, err error) {
	if r.Kind == adopted {
		made, err = adopt(r)
		return made, err == nil, err
	}
	file := win32.Handle(0)
	access, protection := uint32(win32.GENERIC_READ), uint32(win32.PAGE_READONLY)
	if namedshm.Access(r.Access)&namedshm.Write != 0 {
		access, protection = access|win32.GENERIC_WRITE, win32.PAGE_READWRITE
	}
	if r.Kind == overDescriptor {
		file = win32.Handle(r.file.Fd())
	} else {
		file, err = win32.CreateFile(wide(r.Path), access, 0, nil, win32.OPEN_EXISTING, 0, 0)
		if err != nil {
			return nil, false, err
		}
	}
	section, err := win32.CreateFileMapping(file, nil, protection, 0, uint32(r.Size), wide(r.Name))
	if r.Kind == overPath {
		if closeErr := win32.CloseHandle(file); closeErr != nil {
			return nil, false, closeErr
		}
	}
	if section == 0 {
		return nil, false, err
	}
	return over{section}, err == nil, nil
}

// createNew is createOver for a name that must be free.
func createNew(r *request) (any, error) {
	made, created, err := createOver(r)
	if err != nil || created {
		return made, err
	}
	return nil, cmp.Or(made.(over).Close(), error(win32.ERROR_ALREADY_EXISTS))
}

// adopt is what package wine does with Wine's memory.
func adopt(r *request) (any, error) {
	return namedshm.Create(r.Name, adoptedLen, namedshm.Access(r.Access), inside.Over(r.file))
}

// adoptionError is what package wine makes of an error.
func adoptionError(op, name string, err error) error {
	return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(fault.CodeOf(err)), Cause: err}
}

func openOver(r *request) (any, error) {
	access := uint32(win32.FILE_MAP_READ)
	if namedshm.Access(r.Access)&namedshm.Write != 0 {
		access = win32.FILE_MAP_ALL_ACCESS
	}
	section, err := win32.OpenFileMapping(access, false, wide(r.Name))
	if err != nil {
		return nil, err
	}
	return over{section}, nil
}

func (o over) view(access namedshm.Access) (overView, error) {
	want := uint32(win32.FILE_MAP_READ)
	switch {
	case access == namedshm.Copy:
		want = win32.FILE_MAP_COPY
	case access&namedshm.Write != 0:
		want = win32.FILE_MAP_WRITE
	}
	at, err := win32.MapViewOfFile(o.handle, want, 0, 0, 0)
	return overView{at}, err
}

// stampFile is stamp for a section of a file: besides the stamp there is what was written, and zeros after that.
func stampFile(_ context.Context, s *stage, r *request, answer *reply) (_ any, err error) {
	var b []byte
	switch section := s.held[r.Handle].(type) {
	case over:
		var info win32.SectionBasicInformation
		if err := win32.NtQuerySection(section.handle, &info); err != nil {
			return nil, err
		}
		if info.Attributes != win32.SEC_FILE || info.Size != cmp.Or(r.Size, fileLen) {
			return nil, fmt.Errorf("the section is %+v", info)
		}
		v, err := section.view(namedshm.ReadWrite)
		if err != nil {
			return nil, err
		}
		defer v.Close()
		b = win32.Bytes(v.at, int(info.Size))
	case *namedshm.Section:
		v, err := section.Map(0, 0, namedshm.ReadWrite)
		if err != nil {
			return nil, err
		}
		defer v.Close()
		b = v.Bytes()
	}
	p := (*atomic.Int64)(unsafe.Pointer(&b[0]))
	p.CompareAndSwap(0, r.Number)
	answer.Number = p.Load()
	return nil, spoiled(r.Kind, b)
}

// spoiled says what is wrong with a file's bytes after the mark.
func spoiled(kind string, b []byte) error {
	want := written(kind)
	switch {
	case len(b) < len(want):
		return fmt.Errorf("the file was cut to %d bytes", len(b))
	case !bytes.Equal(b[textAt:len(want)], want[textAt:]):
		return errors.New("the file's bytes have changed")
	case len(bytes.Trim(b[len(want):], "\x00")) != 0:
		return errors.New("what the file grew by is not zero")
	}
	return nil
}

// Which byte of the file each one locks.
const (
	victimsByte = 100
	holdersByte = 200
)

// layFile makes the file of a play. The victim has it open, and both have a part of it locked if anybody has.
func (p *play) layFile() {
	p.t.Helper()
	if !p.does.hasFile() {
		return
	}
	p.path = filepath.Join(p.Root, fmt.Sprintf("file%d", newStamp()))
	if err := os.WriteFile(p.path, written(p.does.Kind), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.victim.must(request{Op: "forget"})
	p.victim.must(request{Op: "file", Path: p.path})
	if p.locked {
		p.victim.must(request{Op: "lock", Path: p.path, Number: victimsByte})
		p.holder.must(request{Op: "lock", Path: p.path, Number: holdersByte})
	}
}

// hide takes the record of the way to the holder's memory out of the entry: a handle may have none.
func (p *play) hide() {
	p.t.Helper()
	const slotsAt, slotLen = 512, 16
	entries := p.Leftovers(p.t)
	if len(entries) != 1 {
		p.t.Fatalf("%q are there", entries)
	}
	f, err := os.OpenFile(entries[0], os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(make([]byte, slotLen), slotsAt)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		p.t.Fatal(err)
	}
}

// fileIntact checks the file. complete says that whoever was to make it grow has done so.
func (p *play) fileIntact(complete bool, f actors.Fault) {
	p.t.Helper()
	if !p.does.hasFile() {
		return
	}
	b, err := os.ReadFile(p.path)
	if err == nil {
		err = spoiled(p.does.Kind, b)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", p.where, err)
	}
	lengths := []int{len(written(p.does.Kind))}
	switch {
	case p.does.Size == 0:
	case complete || p.held || p.opened || p.dead:
		lengths = []int{grownLen}
	case f.Errno == 0 || f.Call.Name() != "fallocate":
		lengths = append(lengths, grownLen)
	}
	if !slices.Contains(lengths, len(b)) {
		p.t.Fatalf("%s: the file has %d bytes, want one of %d", p.where, len(b), lengths)
	}
	if got := *(*int64)(unsafe.Pointer(&b[0])); p.stamp != 0 && got != p.stamp {
		p.t.Fatalf("%s: the stamp has not come to the file", p.where)
	}
	want := make([]byte, len(mark))
	if p.does.Op == "flush" {
		want = mark
	}
	if got := b[markAt:textAt]; !bytes.Equal(got, want) {
		p.t.Fatalf("%s: the file has the mark %q, want %q", p.where, got, want)
	}
}

// locksKept checks that a process still has its part of the file locked, and frees it.
func (p *play) locksKept(by *actor, at int64) {
	p.t.Helper()
	if !p.locked {
		return
	}
	f, err := os.Open(p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	seen := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &seen); err != nil {
		p.t.Fatal(err)
	}
	if seen.Type != unix.F_WRLCK || int(seen.Pid) != by.PID {
		p.t.Fatalf("%s: the lock that a process had on its own file is gone: %+v, want %d", p.where, seen, by.PID)
	}
	by.must(request{Op: "free", Path: p.path})
}

// TestFileGrowsMeanwhile: a process that is about to make a file longer finds no room for it, and what it had begun is
// taken back; but not what another process has made of the file meanwhile.
func TestFileGrowsMeanwhile(t *testing.T) {
	if !actors.CanFail {
		t.Skip("system calls can be made to fail on amd64 alone")
	}
	const muchLonger = 2 * grownLen
	w := newWorld(t, setting{namedshm.Local, "file"})
	victim, other := w.start(t), w.start(t)
	path := filepath.Join(w.Root, "file")
	for _, e := range []unix.Errno{unix.ENOSPC, unix.EIO} {
		if err := os.WriteFile(path, written(overPath), 0o600); err != nil {
			t.Fatal(err)
		}
		tr := actors.Trace(t, victim.Process)
		victim.Ask(request{Op: "create", Kind: overPath, Path: path, Size: grownLen, Marked: true})
		_, happened := tr.FailAt(0, func(c actors.Call) []unix.Errno {
			if c.Name() != "fallocate" {
				return nil
			}
			h := other.must(request{Op: "create", Kind: overPath, Path: path, Size: muchLonger}).Handle
			other.must(request{Op: "stamp", Kind: overPath, Size: muchLonger, Handle: h, Number: newStamp()})
			other.must(request{Op: "close", Handle: h})
			return []unix.Errno{e}
		}, false)
		tr.LetGo()
		if got := victim.answer(); !happened || got.Error == nil || !slices.Contains(codes[e], got.code()) {
			t.Fatalf("%v: %v", e, got)
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) != muchLonger || spoiled(overPath, b) != nil {
			t.Errorf("%v: of the other's file %d bytes are left, want %d; %v", e, len(b), muchLonger, err)
		}
		victim.must(request{Op: "forget"})
		other.must(request{Op: "forget"})
	}
}
