package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/wine"
)

// openPosix opens the directory of the files that shm_open means. What is made there has to be its maker's until it is
// removed: where others could put something else in its place nothing is made.
func openPosix() (*os.Root, error) {
	directory, err := os.OpenRoot(filepath.Dir(posixName("x")))
	if err != nil {
		return nil, err
	}
	open, err := directory.Open(".")
	if err == nil {
		if err = kernel.JudgeShared(directory.Name(), open.Fd()); err != nil {
			err = fmt.Errorf("%w; have root own it (chown root) and make it sticky (chmod +t)", err)
		}
		open.Close()
	}
	if err != nil {
		directory.Close()
		return nil, err
	}
	return directory, nil
}

// removePosix removes a file of ours there.
func removePosix(path string) {
	if directory, err := openPosix(); err == nil {
		directory.Remove(filepath.Base(path))
		directory.Close()
	}
}

// checkPosixName refuses what would be a file elsewhere.
func checkPosixName(path string) error {
	if name := strings.TrimPrefix(path, "/dev/shm/"); name == "" || filepath.Base(name) != name || name[0] == '.' {
		return fmt.Errorf("%q is not a valid file name in /dev/shm; give another as LINUXNAME", name)
	}
	return nil
}

// makeFile makes a file that nobody has, with a size.
func makeFile(path string, size int64) (*os.File, error) {
	if err := checkPosixName(path); err != nil {
		return nil, err
	}
	directory, err := openPosix()
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	file, err := directory.OpenFile(filepath.Base(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", directory.Name(), err)
	}
	if err := file.Truncate(size); err != nil {
		file.Close()
		directory.Remove(filepath.Base(path))
		return nil, err
	}
	return file, nil
}

// offerFile makes the file first, and offers it to the Windows program as the section that it will ask for.
func (c *wineLinkCmd) offerFile(ctx context.Context, a *app, native string) error {
	path := posixName(native)
	page := int64(os.Getpagesize())
	file, err := makeFile(path, (int64(c.Size)+page-1)/page*page)
	if err != nil {
		return err
	}
	defer file.Close()
	g, err := guard(path)
	if err != nil {
		removePosix(path)
		return err
	}
	defer g.remove()
	s, err := wine.SectionOfFile(file, namedshm.ReadWrite)
	if err != nil {
		return err
	}
	defer s.Close()
	events := wine.Offer(ctx, c.Prefix, s, c.Name)
	silence := time.After(quiet)
	for {
		select {
		case <-silence:
			a.tellMissing(c.Name, c.Prefix)
		case e, open := <-events:
			silence = nil
			if !open {
				return nil
			}
			if err := c.offered(a, e); err != nil {
				return err
			}
		}
	}
}

// offered reports an event of the file's.
func (c *wineLinkCmd) offered(a *app, e wine.Change) error {
	switch {
	case e.Kind == wine.Failed:
		return e.Err
	case !a.asJSON:
		a.happened(c.Name, e)
	default:
		if err := a.happening(c.Name, e); err != nil {
			return err
		}
	}
	if e.Kind == wine.Published {
		return c.tellLinked(a)
	}
	return nil
}

// symbolicLink points to the wineserver's descriptor.
type symbolicLink struct {
	file string
	made *guardedFile
}

func (l *symbolicLink) take(s *wine.Attachment) error {
	if err := checkPosixName(l.file); err != nil {
		return err
	}
	directory, err := openPosix()
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := directory.Symlink(s.Path(), filepath.Base(l.file)); err != nil {
		return fmt.Errorf("%s: %w", directory.Name(), err)
	}
	if l.made, err = guard(l.file); err != nil {
		removePosix(l.file)
	}
	return err
}

func (l *symbolicLink) drop() {
	if l.made != nil {
		l.made.remove()
		l.made = nil
	}
}

// copiedFile is a copy that is refreshed all the time.
type copiedFile struct {
	file     string
	interval time.Duration
	made     *guardedFile
	stop     context.CancelFunc
	done     chan struct{}
}

func (f *copiedFile) take(s *wine.Attachment) error {
	from, err := s.Section.Map(0, 0, namedshm.Read)
	if err != nil {
		return err
	}
	file, err := makeFile(f.file, s.Section.Size())
	if err != nil {
		from.Close()
		return err
	}
	if f.made, err = guard(f.file); err != nil {
		from.Close()
		removePosix(f.file)
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop, f.done = stop, make(chan struct{})
	go func() {
		defer close(f.done)
		defer file.Close()
		defer from.Close()
		copyUntil(ctx, from, file, f.interval)
	}()
	return nil
}

// copyUntil copies what has changed, a page at a time.
func copyUntil(ctx context.Context, from *namedshm.View, to *os.File, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	const page = 4096
	last, now := make([]byte, from.Len()), make([]byte, page)
	for {
		for at := 0; at < len(last); at += page {
			n, _ := from.ReadAt(now[:min(page, len(last)-at)], int64(at))
			if before := last[at : at+n]; !bytes.Equal(before, now[:n]) {
				copy(before, now[:n])
				to.WriteAt(before, int64(at))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *copiedFile) drop() {
	if f.made != nil {
		f.stop()
		<-f.done
		f.made.remove()
		f.made = nil
	}
}
