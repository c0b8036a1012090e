//go:build unix && !aix

package kernel

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

func listObjects(n Namespace) ([]Info, error) {
	var infos []Info
	err := inDirectory(n, func(p *place, files []string) error {
		found, err := spread(p, files, p.inspectListed)
		if err == nil {
			err = p.backing.survey(p, found)
		}
		if err != nil {
			return err
		}
		infos = make([]Info, len(found))
		for i, s := range found {
			infos[i] = s.Info
		}
		slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Name.Base, b.Name.Base) })
		return nil
	})
	return infos, err
}

func listNames(n Namespace) ([]string, error) {
	var names []string
	err := inDirectory(n, func(p *place, files []string) (err error) {
		names, err = spread(p, files, p.liveName)
		slices.Sort(names)
		return err
	})
	return names, err
}

// inDirectory calls use on the entries of a namespace, unless there is no directory.
func inDirectory(n Namespace, use func(p *place, files []string) error) error {
	p, err := placeOf(n)
	if err != nil {
		return err
	}
	defer p.begin().end()
	if err := p.check(); err != nil {
		if fault.CodeOf(err) == fault.FileNotFound {
			return nil
		}
		return err
	}
	files, err := p.entryNames()
	if err != nil {
		return p.fault("read", p.dir, err)
	}
	return use(p, files)
}

// liveName returns the name of the object whose entry is in a file; FileNotFound if it is dead.
func (p *place) liveName(file string, _ owners) (string, error) {
	e, err := p.openFile(file, unix.O_RDONLY)
	if err != nil {
		// An entry that this user may not read has a name all the same, unless it is seen to be dead.
		if fault.CodeOf(err) == fault.AccessDenied && !p.liesDead(file) {
			return p.namespace.String() + objectName(file), nil
		}
		return "", unread(err)
	}
	defer p.locks.closeEntry(e)
	e.header.name = objectName(file)
	if file[0] == '~' || !p.backing.nature().locksTell { // hashed; or the header tells whether it is alive
		if err := p.read(e, ""); err != nil {
			return "", err
		}
		defer e.freePage()
	}
	_, err = p.alive(e)
	return p.namespace.String() + e.header.name, err
}

// unread is the error of a listing for an entry that cannot be read and is dead: there is none.
func unread(err error) error {
	if fault.CodeOf(err) == fault.AccessDenied {
		return &fault.Fault{Code: fault.FileNotFound}
	}
	return err
}

// entryNames returns the files of a directory that may be entries.
func (p *place) entryNames() ([]string, error) {
	names, err := p.fileNames()
	return slices.DeleteFunc(names, func(name string) bool { return name[0] == '.' }), err
}

// fileNames returns all that is in the directory that was checked, not in whatever has its path by now.
func (p *place) fileNames() ([]string, error) {
	fd, err := openAt(p.at(), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, pathError("open", p.dir, err)
	}
	f := os.NewFile(uintptr(fd), p.dir)
	defer f.Close()
	return f.Readdirnames(-1)
}

// spread calls look on many files, on several processors if the locks allow it, and collects the results. It leaves out
// what is dead or not an entry. Any other failure is the listing's: a live name must not be missing because this
// process is out of descriptors.
func spread[T any](p *place, files []string, look func(file string, names owners) (T, error)) ([]T, error) {
	workers := 1
	if !p.locks.ofProcess() && len(files) > 100 {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	parts, failures := make([][]T, workers), make([]error, workers)
	work := func(w int) {
		names := owners{}
		for i := w; i < len(files); i += workers {
			s, err := look(files[i], names)
			switch fault.CodeOf(err) {
			case fault.FileNotFound, fault.FileCorrupt:
				continue
			}
			if err != nil {
				failures[w] = err
				return
			}
			parts[w] = append(parts[w], s)
		}
	}
	var wait sync.WaitGroup
	for w := range workers - 1 {
		wait.Go(func() { work(w + 1) })
	}
	work(0)
	wait.Wait()
	if err := cmp.Or(failures...); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// inspectListed is inspect for a listing: an entry that this process may not read is listed with what its file shows.
func (p *place) inspectListed(file string, names owners) (*sighting, error) {
	s, err := p.inspect(file, "", names)
	if fault.CodeOf(err) != fault.AccessDenied {
		return s, err
	}
	var st unix.Stat_t
	if statErr := unix.Fstatat(p.at(), file, &st, unix.AT_SYMLINK_NOFOLLOW); statErr != nil {
		return nil, p.fault("stat", p.path(file), statErr)
	}
	if p.liesDead(file) {
		return nil, unread(err)
	}
	return &sighting{Info: Info{
		Name: Name{p.namespace, objectName(file)}, Size: -1, Handles: -1, Resident: -1,
		Owner: names.user(st.Uid), Group: names.group(st.Gid), Security: fmt.Sprintf("%04o", uint32(st.Mode)&0o7777),
		Backing: p.backing.id().String(), Reach: err,
	}}, nil
}
