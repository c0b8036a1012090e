package wine

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
	"golang.org/x/sys/unix"
)

// Where in the helper's scratch the arguments of calls lie.
const (
	handleAt     = 0x100 // what is opened
	viewAt       = 0x108 // where it is mapped
	lengthAt     = 0x110
	contextAt    = 0x118
	attributesAt = 0x140 // OBJECT_ATTRIBUTES
	stringAt     = 0x170 // UNICODE_STRING
	factsAt      = 0x180 // SECTION_BASIC_INFORMATION
	textAt       = 0x200 // a name, or an entry of a directory
	textLen      = 0x7000
)

// Numbers of the Win32 and NT headers.
const (
	sectionQuery    = 0x1
	sectionMapWrite = 0x2
	sectionMapRead  = 0x4
	directoryQuery  = 0x1
	pageReadOnly    = 0x02
	pageReadWrite   = 0x04
	viewShare       = 1
	genericRead     = 0x80000000
	genericWrite    = 0x40000000
)

func (p *Prefix) sections(ctx context.Context) (found []SectionInfo, err error) {
	h, err := p.startHelper(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer h.close()
	err = h.during(ctx, func() error {
		for _, namespace := range []kernel.Namespace{kernel.Global, kernel.Local} {
			names, err := h.list(namespace)
			if err != nil {
				return err
			}
			for _, name := range names {
				size, err := h.size(name)
				if errors.Is(err, fault.FileNotFound) {
					continue // it died since
				}
				if err != nil && !errors.Is(err, fault.AccessDenied) {
					return err
				}
				found = append(found, SectionInfo{Name: name.String(), Size: size})
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b SectionInfo) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(found), err
}

// directory is the path of a namespace in the prefix's tree of objects.
func (h *helper) directory(namespace kernel.Namespace) (string, error) {
	if namespace == kernel.Global {
		return `\BaseNamedObjects`, nil
	}
	if h.session != "" {
		return h.session, nil
	}
	pid, _, err := h.win32("GetCurrentProcessId")
	if err != nil {
		return "", err
	}
	if ok, code, err := h.win32("ProcessIdToSessionId", pid, h.scratch(contextAt)); err != nil || uint32(ok) == 0 {
		return "", cmpError(err, code)
	}
	b, err := h.peek(h.scratch(contextAt), 4)
	if err != nil {
		return "", err
	}
	h.session = fmt.Sprintf(`\Sessions\%d\BaseNamedObjects`, binary.LittleEndian.Uint32(b))
	return h.session, nil
}

// attributes puts an object's path where calls expect it.
func (h *helper) attributes(path string) (uint64, error) {
	text := wide(path)
	if len(text) > textLen {
		return 0, &fault.Fault{Code: fault.FilenameTooLong,
			Cause: fmt.Errorf("a prefix can be asked for names of at most %d UTF-16 units", textLen/2-64)}
	}
	if err := h.poke(h.scratch(textAt), text); err != nil {
		return 0, err
	}
	var b []byte
	word := binary.LittleEndian.AppendUint64
	b = word(b, 48)                        // OBJECT_ATTRIBUTES: its length
	b = word(b, 0)                         // below no directory
	b = word(b, h.scratch(stringAt))       // the name
	b = word(word(word(b, 0), 0), 0)       // no attributes, no security
	b = word(b, uint64(len(text))*0x10001) // UNICODE_STRING: length, and room for it
	b = word(b, h.scratch(textAt))
	return h.scratch(attributesAt), h.poke(h.scratch(attributesAt), b)
}

// open opens something by its path; the caller closes it.
func (h *helper) open(call, path string, access uint64) (handle uint64, err error) {
	attributes, err := h.attributes(path)
	if err != nil {
		return 0, err
	}
	if _, err := h.native(call, h.scratch(handleAt), access, attributes); err != nil {
		return 0, err
	}
	return h.word(handleAt)
}

// word is eight bytes of the scratch.
func (h *helper) word(at uint64) (uint64, error) {
	b, err := h.peek(h.scratch(at), 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// closeHandle gives a handle back. When the helper is gone, so are its handles.
func (h *helper) closeHandle(handle uint64) { h.native("NtClose", handle) }

// list is the names of a namespace's sections.
func (h *helper) list(namespace kernel.Namespace) (names []kernel.Name, err error) {
	path, err := h.directory(namespace)
	if err != nil {
		return nil, err
	}
	directory, err := h.open("NtOpenDirectoryObject", path, directoryQuery)
	if err != nil {
		return nil, err
	}
	defer h.closeHandle(directory)
	const noMoreEntries = 0x8000001A
	for restart := uint64(1); ; restart = 0 {
		status, err := h.native("NtQueryDirectoryObject", directory, h.scratch(textAt), textLen, 1, restart,
			h.scratch(contextAt), h.scratch(lengthAt))
		if status == noMoreEntries {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		name, kind, err := h.entry()
		if err != nil {
			return nil, err
		}
		if kind == "Section" {
			names = append(names, kernel.Name{Namespace: namespace, Base: name})
		}
	}
}

// entry is the entry of a directory that was just read: two UNICODE_STRINGs, of the name and of the kind.
func (h *helper) entry() (name, kind string, err error) {
	head, err := h.peek(h.scratch(textAt), 32)
	if err != nil {
		return "", "", err
	}
	var texts [2]string
	for i := range texts {
		length := int(binary.LittleEndian.Uint16(head[16*i:]))
		b, err := h.peek(binary.LittleEndian.Uint64(head[16*i+8:]), length)
		if err != nil {
			return "", "", err
		}
		texts[i] = narrow(b)
	}
	return texts[0], texts[1], nil
}

// path is a name's path in the tree of objects.
func (h *helper) path(name kernel.Name) (string, error) {
	directory, err := h.directory(name.Namespace)
	return directory + `\` + name.Base, err
}

// size asks for a section's size; it is -1 where that is refused.
func (h *helper) size(name kernel.Name) (int64, error) {
	path, err := h.path(name)
	if err != nil {
		return -1, err
	}
	section, err := h.open("NtOpenSection", path, sectionQuery)
	if err != nil {
		return -1, err
	}
	defer h.closeHandle(section)
	return h.sizeOf(section)
}

func (h *helper) sizeOf(section uint64) (int64, error) {
	if _, err := h.native("NtQuerySection", section, 0, h.scratch(factsAt), 24, 0); err != nil {
		return -1, err
	}
	size, err := h.word(factsAt + 16)
	return int64(size), err
}

// exists reports whether a section has the name, without mapping it.
func (h *helper) exists(name kernel.Name) (bool, error) {
	path, err := h.path(name)
	if err != nil {
		return false, err
	}
	section, err := h.open("NtOpenSection", path, sectionQuery)
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Code != fault.FileNotFound && f.Code != fault.InvalidHandle, nil
	}
	if err == nil {
		h.closeHandle(section)
	}
	return err == nil, err
}

// backing is a section's memory, as the kernel knows it.
type backing struct {
	size          int64
	device, inode uint64
	text          string // the file's path according to the kernel
}

// same reports whether a file is the memory. The kernel numbers devices differently for maps and for stat on file
// systems with several volumes; there the file's name, which Wine made up at random, has to do.
func (b *backing) same(st *unix.Stat_t, text string) bool {
	return st.Ino == b.inode && (uint64(st.Dev) == b.device || text == b.text)
}

// look opens a section, maps the beginning of it as far as access goes, closes its handle, and asks the kernel whose
// pages are there. While use runs they stay mapped, so that the file cannot be given to something else.
func (h *helper) look(name kernel.Name, access namedshm.Access, use func(*backing) error) error {
	path, err := h.path(name)
	if err != nil {
		return err
	}
	rights, protection := uint64(sectionQuery|sectionMapRead), uint64(pageReadOnly)
	if access&namedshm.Write != 0 {
		rights, protection = rights|sectionMapWrite, pageReadWrite
	}
	section, err := h.open("NtOpenSection", path, rights)
	if err != nil {
		return err
	}
	at, size, err := h.mapBeginning(section, protection)
	h.closeHandle(section)
	if err != nil {
		return err
	}
	defer h.native("NtUnmapViewOfSection", thisProcess, at)
	found, err := h.mappedAt(at)
	if err != nil {
		return err
	}
	found.size = size
	return use(found)
}

// mapBeginning maps the first pages of a section, however large it is.
func (h *helper) mapBeginning(section, protection uint64) (at uint64, size int64, err error) {
	if size, err = h.sizeOf(section); err != nil {
		return 0, 0, err
	}
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(min(size, 4096)))
	if err := h.poke(h.scratch(viewAt), b); err != nil {
		return 0, 0, err
	}
	_, err = h.native("NtMapViewOfSection", section, thisProcess, h.scratch(viewAt), 0, 0, 0, h.scratch(lengthAt),
		viewShare, 0, protection)
	if err != nil {
		return 0, 0, err
	}
	at, err = h.word(viewAt)
	return at, size, err
}

// mappedAt is what the kernel says of an address of the helper.
func (h *helper) mappedAt(address uint64) (*backing, error) {
	file, err := h.self.open("maps", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		// from-to permissions offset major:minor inode path
		fields := strings.SplitN(lines.Text(), " ", 6)
		from, _, found := strings.Cut(fields[0], "-")
		if start, err := strconv.ParseUint(from, 16, 64); !found || err != nil || start != address || len(fields) < 6 {
			continue
		}
		major, minor, _ := strings.Cut(fields[3], ":")
		high, _ := strconv.ParseUint(major, 16, 32)
		low, _ := strconv.ParseUint(minor, 16, 32)
		inode, text, _ := strings.Cut(strings.TrimLeft(fields[4]+" "+fields[5], " "), " ")
		number, _ := strconv.ParseUint(inode, 10, 64)
		return &backing{device: unix.Mkdev(uint32(high), uint32(low)), inode: number, text: strings.TrimLeft(text, " ")}, nil
	}
	return nil, fmt.Errorf("the helper, process %d, has no mapping at %#x", h.cmd.Process.Pid, address)
}

// memory finds the memory among the wineserver's files and opens it; path is where.
func (s *server) memory(b *backing, access namedshm.Access) (file *os.File, st *unix.Stat_t, path string, err error) {
	table, err := s.open("fd", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, nil, "", err
	}
	defer table.Close()
	names, err := table.Readdirnames(-1)
	if err != nil {
		return nil, nil, "", err
	}
	for _, name := range names {
		text := linkAt(table, name)
		if !strings.HasPrefix(text, "/") {
			continue // a pipe or a socket
		}
		st := new(unix.Stat_t)
		if unix.Fstatat(int(table.Fd()), name, st, 0) != nil || !b.same(st, text) {
			continue
		}
		if file, err = reopen(table, name, b, text, access); file != nil || err != nil {
			return file, st, filepath.Join(table.Name(), name), err
		}
	}
	return nil, nil, "", fmt.Errorf("wineserver %d has no descriptor for inode %d (%s)", s.pid, b.inode, b.text)
}

// reopen opens a descriptor of the wineserver's if it is still the file that it was: O_PATH does nothing to a file, and
// only one that is right is opened for real. It is nil for another.
func reopen(table *os.File, name string, b *backing, text string, access namedshm.Access) (*os.File, error) {
	at, err := openAt(table, name, unix.O_PATH)
	if err != nil {
		return nil, nil
	}
	defer at.Close()
	var st unix.Stat_t
	if unix.Fstat(int(at.Fd()), &st) != nil || !b.same(&st, text) {
		return nil, nil
	}
	mode := unix.O_RDONLY
	if access&namedshm.Write != 0 {
		mode = unix.O_RDWR
	}
	fd, err := unix.Open(openFile(os.Getpid(), int(at.Fd())), mode|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(fd), at.Name()), nil
}

func (p *Prefix) open(ctx context.Context, name string, access namedshm.Access) (*Attachment, error) {
	parsed, err := parse(name, access)
	if err != nil {
		return nil, err
	}
	h, err := p.startHelper(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer h.close()
	return h.attach(ctx, parsed, access)
}

// parse checks what is asked for, before anything is started.
func parse(name string, access namedshm.Access) (kernel.Name, error) {
	parsed, err := kernel.ParseName(name)
	switch {
	case err != nil:
		return parsed, err
	case parsed.Namespace == kernel.Unnamed:
		return parsed, fault.BadHandle("the name is empty")
	case access&namedshm.Read == 0 && access&namedshm.Write == 0, access&^(namedshm.ReadWrite|namedshm.Copy) != 0:
		return parsed, &fault.Fault{Code: fault.InvalidParameter,
			Cause: errors.New("the access is neither Read nor ReadWrite")}
	}
	return parsed, nil
}

// attach makes a section of the memory that has the name now.
func (h *helper) attach(ctx context.Context, name kernel.Name, access namedshm.Access) (a *Attachment, err error) {
	err = h.during(ctx, func() error {
		return h.look(name, access, func(b *backing) error {
			file, st, path, err := h.server.memory(b, access)
			if err != nil {
				return err
			}
			defer file.Close()
			s, err := adopt("open", name.String(), "", file, b.size, access)
			if err != nil {
				return err
			}
			a = &Attachment{
				Section: s, Prefix: *h.prefix, name: name.String(),
				Device: uint64(st.Dev), Inode: st.Ino, file: path,
			}
			return nil
		})
	})
	return a, err
}

// current reports whether the name still refers to a section's memory. Asking only whether the name and the memory are
// both there is cheaper, and wrong only while a view of the old memory outlives a new section of the name.
func (h *helper) current(ctx context.Context, name kernel.Name, s *Attachment, thoroughly bool) (same bool, err error) {
	var st unix.Stat_t
	descriptor := filepath.Join("fd", filepath.Base(s.file))
	same = unix.Fstatat(int(h.server.directory.Fd()), descriptor, &st, 0) == nil && uint64(st.Dev) == s.Device &&
		st.Ino == s.Inode
	err = h.during(ctx, func() error {
		if same && !thoroughly {
			there, err := h.exists(name)
			if err == nil && !there {
				return &fault.Fault{Code: fault.FileNotFound}
			}
			return err
		}
		return h.look(name, namedshm.Read, func(b *backing) error {
			same = same && b.inode == s.Inode
			return nil
		})
	})
	return same, err
}

func (p *Prefix) publish(ctx context.Context, s *namedshm.Section, name string) (*Publication, error) {
	parsed, err := parse(name, namedshm.Read)
	if err != nil {
		return nil, err
	}
	memory, err := inside.Of(s).Memory()
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	h, err := p.startHelper(ctx, memory)
	if err != nil {
		return nil, err
	}
	writable := s.Access()&namedshm.Write != 0
	if err := h.during(ctx, func() error { return h.create(parsed, writable) }); err != nil {
		h.close()
		return nil, err
	}
	return &Publication{helper: h, done: h.ended}, nil
}

// create names the memory that the helper was given as its standard error. Wine gives that handle the right to write
// only; a handle to the file with more rights can be obtained from it, as its owner.
func (h *helper) create(name kernel.Name, writable bool) error {
	const standardError = uint64(0xFFFFFFF4)
	given, _, err := h.win32("GetStdHandle", standardError)
	if err != nil {
		return err
	}
	rights, protection := uint64(genericRead), uint64(pageReadOnly)
	if writable {
		rights, protection = genericRead|genericWrite, pageReadWrite
	}
	ok, code, err := h.win32("DuplicateHandle", thisProcess, given, thisProcess, h.scratch(handleAt), rights, 0, 0)
	if err != nil || uint32(ok) == 0 {
		return cmpError(err, code)
	}
	file, err := h.word(handleAt)
	if err != nil {
		return err
	}
	path := append(wide(name.String()), 0, 0)
	if len(path) > textLen {
		return &fault.Fault{Code: fault.FilenameTooLong}
	}
	if err := h.poke(h.scratch(textAt), path); err != nil {
		return err
	}
	section, code, err := h.win32("CreateFileMappingW", file, 0, protection, 0, 0, h.scratch(textAt))
	switch {
	case err != nil || section == 0:
		return cmpError(err, code)
	case fault.Code(code) == fault.AlreadyExists:
		h.closeHandle(section)
		return &fault.Fault{Code: fault.AlreadyExists}
	}
	return nil
}
