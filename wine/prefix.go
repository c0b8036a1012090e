package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/inside"
)

// Flavor says what created a prefix.
type Flavor string

// The flavors.
const (
	Wine   Flavor = "wine"
	Proton Flavor = "proton" // Steam's: the prefix is compatdata/<app>/pfx
)

// Prefix is a running prefix: a wineserver and the programs that it serves. It is a snapshot: when its wineserver has
// ended, its methods fail with [ErrEnded].
type Prefix struct {
	Path      string    `json:"path"`             // WINEPREFIX, as its own programs see it
	Flavor    Flavor    `json:"kind"`             // wine or proton
	App       string    `json:"app,omitempty"`    // the name of Proton's directory: usually the Steam application number
	Server    int       `json:"server"`           // the wineserver's process id
	Loader    string    `json:"loader,omitempty"` // the wine program that starts programs in it
	Processes []Process `json:"processes"`        // the Windows programs, without Wine's own services
}

// Process is a Windows program.
type Process struct {
	PID  int    `json:"pid"`  // the Linux process id
	Name string `json:"name"` // "game.exe"
}

// SectionInfo describes a named section in a prefix.
type SectionInfo struct {
	Name string `json:"name"` // with Local\ or Global\
	Size int64  `json:"size"` // in bytes, -1 if unknown
}

var (
	// ErrEnded is the error of every call on a prefix after its wineserver has ended.
	ErrEnded = errors.New("the prefix has ended: its wineserver is gone")
	// ErrNoPrefix is the error of [Find] if no running prefix of this user is the requested one.
	ErrNoPrefix = errors.New("no such prefix is running")
)

// Prefixes returns the running prefixes of this user, sorted by path. It excludes any that another user could
// influence: all user ids of the wineserver, and the prefix's directory and the server's directory with its lock and
// socket, must be this user's.
//
// It fails if this process's user id is not mapped in its user namespace; the error says so.
func Prefixes() ([]Prefix, error) { return prefixes() }

// Find returns the running prefix for a path (WINEPREFIX, or Proton's directory above it) or for a Steam application
// number. The empty string means the only one that is running.
//
// Errors: [ErrNoPrefix], with what is running instead; an error that lists the prefixes if several match; an error that
// names the user if the prefix belongs to another one.
func Find(which string) (*Prefix, error) {
	all, err := prefixes()
	if err != nil {
		return nil, err
	}
	var found []Prefix
	for _, p := range all {
		if which == "" || p.is(which) {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("%d prefixes are running, say which: %s", len(found), paths(found))
	}
	if err := foreign(which); err != nil {
		return nil, err
	}
	if which == "" || len(all) == 0 {
		return nil, fmt.Errorf("%w: this user has no Windows program running under Wine", ErrNoPrefix)
	}
	return nil, fmt.Errorf("%s: %w; there are: %s", which, ErrNoPrefix, paths(all))
}

// is reports whether a word means the prefix.
func (p *Prefix) is(which string) bool {
	if p.App != "" && which == p.App {
		return true
	}
	absolute, err := filepath.Abs(which)
	if err != nil || !strings.Contains(which, "/") && which != "." && which != ".." {
		return false
	}
	return sameDirectory(absolute, p.Path) || p.Flavor == Proton && sameDirectory(absolute, filepath.Dir(p.Path))
}

// String returns a short description of the prefix.
func (p *Prefix) String() string {
	if p.App != "" {
		return p.Path + " (Proton, " + p.App + ")"
	}
	return p.Path
}

// OtherNamespaces returns the kinds of namespace, out of "user", "mnt" and "pid", that the prefix does not share with
// this process: a container stands between them.
func (p *Prefix) OtherNamespaces() (kinds []string) {
	for _, kind := range []string{"user", "mnt", "pid"} {
		if !p.sameNamespace(kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Check reports whether the prefix could be entered, without entering it: its wineserver still serves it, and its wine
// program exists and can be changed only by this user and root. The error says what is in the way.
func (p *Prefix) Check() error { return p.wrap("check", "", p.check()) }

func paths(of []Prefix) string {
	words := make([]string, len(of))
	for i := range of {
		words[i] = of[i].Path
	}
	return strings.Join(words, ", ")
}

// Sections lists the named sections of the prefix, sorted by name: the Local ones of the session that its programs run
// in, and the Global ones.
func (p *Prefix) Sections(ctx context.Context) ([]SectionInfo, error) {
	found, err := p.sections(ctx)
	return found, p.wrap("list", "", err)
}

// Attachment is a section of a prefix, attached to: the views of its Section are the Windows program's own pages. It
// keeps the memory, but not the name: if the Windows program closes its handle and creates the name again, the
// attachment keeps the old bytes. [Follow] reports when that has happened.
//
// Wine's sections do not promise what this library's do beyond that: the memory has no seals. Nobody shrinks it, but
// nothing prevents programs of the same user from doing so; ReadAt and WriteAt then fail with an error.
type Attachment struct {
	Section *namedshm.Section // of the memory, without a native name: see [Attachment.Link]
	Prefix  Prefix
	Device  uint64 // of the file that is the memory
	Inode   uint64
	name    string // with Local\ or Global\
	file    string // the wineserver's descriptor, as a path in /proc
}

// Name is the section's name in the prefix, with Local\ or Global\ before it.
func (a *Attachment) Name() string { return a.name }

// Close closes the Section.
func (a *Attachment) Close() error { return a.Section.Close() }

// Open opens a section of the prefix by its Windows name. access must be Read, or ReadWrite to write the Windows
// program's memory.
//
// The errors are those of [namedshm.Open], as Windows gives them inside the prefix: [namedshm.ErrFileNotFound],
// [namedshm.ErrInvalidHandle] for an object of another kind, [namedshm.ErrAccessDenied] if the section forbids writing.
// If the helper cannot be started, the error says what to run.
func (p *Prefix) Open(ctx context.Context, name string, access namedshm.Access) (*Attachment, error) {
	a, err := p.open(ctx, name, access)
	return a, p.wrap("open", name, err)
}

// Path is the path of the memory's file, for programs that map files. It is valid for as long as the prefix's
// wineserver has the section.
func (a *Attachment) Path() string { return a.file }

// Link gives the section's memory a native name too, so that every native program of this user opens it as it opens any
// section of this library. The name lives as long as any native handle does, and keeps the memory, though not the
// Windows name: when the Windows program has closed its handle, Link's section keeps the old bytes. name must be a
// Local one.
//
// Native programs have the access of this section: if it was opened for reading, they cannot write it.
//
// Errors: [namedshm.ErrAlreadyExists] if a native object has the name; [namedshm.ErrInvalidParameter] if the memory is
// a file that does not end at a page boundary.
func (a *Attachment) Link(name string) (*namedshm.Section, error) {
	linked, err := a.link(name)
	return linked, a.Prefix.wrap("link", name, err)
}

func (a *Attachment) link(name string) (*namedshm.Section, error) {
	memory, err := inside.Of(a.Section).Memory()
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	return adopt("link", name, name, memory, a.Section.Size(), a.Section.Access())
}

// SectionOfFile returns a section of a whole file's memory: for a file in /dev/shm that programs in other languages
// map, to publish it in a prefix. access is Read or ReadWrite. The section is private to this process and keeps the
// file open itself.
//
// The file's owner can truncate it under everybody; accessing what is gone crashes a process.
func SectionOfFile(file *os.File, access namedshm.Access) (*namedshm.Section, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return adopt("create", file.Name(), "", file, st.Size(), access)
}

// adopt makes a section of memory that is there already. Its error is that of an operation on what.
func adopt(op, what, name string, memory *os.File, size int64, access namedshm.Access) (*namedshm.Section, error) {
	s, err := namedshm.Create(name, size, access, inside.Over(memory))
	if e, ok := errors.AsType[*namedshm.Error](err); ok {
		e.Op, e.Name = op, what
	}
	return s, err
}

// Publication is a native section's Windows name in a prefix. The name lives until Close, or until the prefix ends.
type Publication struct {
	helper *helper
	done   chan struct{}
}

// Publish gives a native section a Windows name in the prefix. A Windows program that creates that name then gets
// ERROR_ALREADY_EXISTS and the shared pages, with the native section's size; one that opens it finds it. Its views can
// write if the handle s can. s may be closed afterwards; the memory lives until both sides are done.
//
// The publication does not keep the prefix alive: when its last program has ended the prefix ends, and the name with
// it. A prefix that is not running has no names; [Offer] publishes when it starts.
//
// Errors: [namedshm.ErrAlreadyExists] if the Windows program was first, [namedshm.ErrInvalidHandle] if an object of
// another kind has the name, an error that matches [errors.ErrUnsupported] for a Global section of this library, which
// has no descriptor to pass on.
func (p *Prefix) Publish(ctx context.Context, s *namedshm.Section, name string) (*Publication, error) {
	pub, err := p.publish(ctx, s, name)
	return pub, p.wrap("publish", name, err)
}

// Done returns a channel that is closed when the name is gone: after Close, or when the prefix has ended.
func (p *Publication) Done() <-chan struct{} { return p.done }

// Close withdraws the name. Windows programs that have opened it keep the memory, and the name as long as their handles
// are open.
func (p *Publication) Close() error { return p.helper.close() }

// wrap adds operation and name to an error; one of the context or of the prefix passes as it is.
func (p *Prefix) wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var ready *namedshm.Error
	if errors.As(err, &ready) {
		return err
	}
	if e := codeError(op, name, err); e != nil {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if name != "" {
		op += " " + name
	}
	return fmt.Errorf("%s in %s: %w", op, p.Path, err)
}
