package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Kind is who made a prefix.
type Kind string

// The kinds.
const (
	Wine   Kind = "wine"
	Proton Kind = "proton" // Steam's: the prefix is compatdata/<app>/pfx
)

// Prefix is one that runs: a wineserver, and the programs that it serves. It is a description, and grows old: when its
// wineserver has ended, its methods fail with [ErrEnded].
type Prefix struct {
	Path      string    `json:"path"`             // WINEPREFIX, as its own programs call it
	Kind      Kind      `json:"kind"`             // wine or proton
	App       string    `json:"app,omitempty"`    // the name of Proton's directory: mostly Steam's number of the application
	Server    int       `json:"server"`           // the wineserver's process id
	Loader    string    `json:"loader,omitempty"` // the wine program that starts programs in it
	Processes []Process `json:"processes"`        // the Windows programs, without Wine's own services

	environ []string // the wineserver's
}

// Process is a Windows program.
type Process struct {
	PID  int    `json:"pid"`  // Linux' number
	Name string `json:"name"` // "game.exe"
}

// Info describes a named section in a prefix.
type Info struct {
	Name string `json:"name"` // with Local\ or Global\
	Size int64  `json:"size"` // in bytes, -1 where the system does not tell
}

var (
	// ErrEnded is the error of every call on a prefix whose wineserver has ended.
	ErrEnded = errors.New("the prefix has ended: its wineserver is gone")
	// ErrNoPrefix is the error of [Find] where no prefix of this user runs that was asked for.
	ErrNoPrefix = errors.New("no such prefix runs")
)

// Prefixes is the prefixes of this user that run now, sorted by path.
func Prefixes() ([]Prefix, error) { return prefixes() }

// Find is the running prefix that is meant by a path (WINEPREFIX, or Proton's directory above it), or by Steam's number
// of the application. The empty string means the only one that runs.
//
// Errors: [ErrNoPrefix], with what runs instead; an error that names them when several are meant, and one that says whose
// a prefix of another user is.
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
		return nil, fmt.Errorf("%d prefixes run, say which: %s", len(found), paths(found))
	}
	if err := foreign(which); err != nil {
		return nil, err
	}
	if which == "" || len(all) == 0 {
		return nil, fmt.Errorf("%w: no Windows program of this user runs under Wine", ErrNoPrefix)
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
	return sameDirectory(absolute, p.Path) || p.Kind == Proton && sameDirectory(absolute, filepath.Dir(p.Path))
}

// String is the prefix in a few words.
func (p *Prefix) String() string {
	if p.App != "" {
		return p.Path + " (Proton, " + p.App + ")"
	}
	return p.Path
}

// Apart is the kinds of namespace, of "user", "mnt" and "pid", in which the prefix is not in this process's: a container
// stands between them.
func (p *Prefix) Apart() (kinds []string) {
	for _, kind := range []string{"user", "mnt", "pid"} {
		if !p.sameNamespace(kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func paths(of []Prefix) string {
	words := make([]string, len(of))
	for i := range of {
		words[i] = of[i].Path
	}
	return strings.Join(words, ", ")
}

// Sections lists the named sections of the prefix, sorted by name: the Local ones of the session that its programs run
// in, and the Global ones.
func (p *Prefix) Sections(ctx context.Context) ([]Info, error) {
	found, err := p.sections(ctx)
	return found, p.wrap("list", "", err)
}

// Section is a section of a prefix: its views are the Windows program's own pages. It keeps the memory, but not the name:
// the Windows program closes its handle and has the name anew, while this one goes on with the old bytes. [Follow] tells
// when that has happened.
//
// What a section of this library promises beyond that, Wine's do not: the memory has no seals. Nobody shrinks it, but
// nothing forbids that to programs of the same user; ReadAt and WriteAt then fail with an error.
type Section struct {
	*namedshm.Section
	Prefix Prefix
	Device uint64 // of the file that is the memory
	Inode  uint64
	name   string // with Local\ or Global\
	file   string // the wineserver's descriptor, as a path in /proc
}

// Name is the section's name in the prefix, with Local\ or Global\ before it.
func (s *Section) Name() string { return s.name }

// Open opens a section of the prefix by its Windows name. access is Read, or ReadWrite where the Windows program's memory
// is to be written; nothing else.
//
// Errors are those of [namedshm.Open], as Windows gives them inside the prefix: [namedshm.ErrFileNotFound],
// [namedshm.ErrInvalidHandle] for an object of another kind, [namedshm.ErrAccessDenied] where the section forbids writing.
// Where the helper cannot be started the error says what to run.
func (p *Prefix) Open(ctx context.Context, name string, access namedshm.Access) (*Section, error) {
	s, err := p.open(ctx, name, access)
	return s, p.wrap("open", name, err)
}

// Path is the memory's file, for programs that map files: it leads there for as long as the prefix's wineserver has the
// section.
func (s *Section) Path() string { return s.file }

// Link gives the section's memory a native name too, so that every native program of this user opens it as it opens any
// section of this library. The name lives as long as any native handle does, and holds the memory, though not the Windows
// name: when the Windows program has closed its handle, Link's section goes on with the old bytes. name is a Local one.
//
// Native programs may do what this section may: those who open one that was opened for reading cannot write it.
//
// Errors: [namedshm.ErrAlreadyExists] where a native object has the name; [namedshm.ErrInvalidParameter] where the memory is
// a file that does not end at a page.
func (s *Section) Link(name string) (*namedshm.Section, error) {
	linked, err := s.link(name)
	return linked, s.Prefix.wrap("link", name, err)
}

func (s *Section) link(name string) (*namedshm.Section, error) {
	memory, err := kernel.KernelSection(s.Section).Memory()
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	return adopt(name, memory, s.Size(), s.Access())
}

// FromFile is a section of a file's memory, all of it: for a file in /dev/shm that programs in other languages map, to
// publish it in a prefix. access is Read or ReadWrite. The section is this process's own and holds the file open by itself.
//
// The file's owner can cut it short under everybody; touching what is gone ends a process.
func FromFile(file *os.File, access namedshm.Access) (*namedshm.Section, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	s, err := adopt("", file, st.Size(), access)
	if err != nil {
		return nil, codeError("create", file.Name(), err)
	}
	return s, nil
}

func adopt(name string, memory *os.File, size int64, access namedshm.Access) (*namedshm.Section, error) {
	k, err := kernel.AdoptSection(context.Background(), name, memory, size, kernel.Access(access&namedshm.ReadWrite))
	if err != nil {
		return nil, err
	}
	return kernel.RootSection(k).(*namedshm.Section), nil
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
// The publication does not keep the prefix alive: when its last program has ended it ends, and the name with it. A prefix
// that does not run yet has no names: [Offer] publishes when it comes.
//
// Errors: [namedshm.ErrAlreadyExists] where the Windows program was first, [namedshm.ErrInvalidHandle] where an object of
// another kind has the name, an error that matches [errors.ErrUnsupported] for a Global section of this library, which has
// no descriptor that could be lent.
func (p *Prefix) Publish(ctx context.Context, s *namedshm.Section, name string) (*Publication, error) {
	pub, err := p.publish(ctx, s, name)
	return pub, p.wrap("publish", name, err)
}

// Done is closed when the name is gone: after Close, or when the prefix has ended.
func (p *Publication) Done() <-chan struct{} { return p.done }

// Close takes the name back. Windows programs that have opened it keep the memory, and the name for as long as their
// handles are open.
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
