package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// guardedFile is a file in /dev/shm that is removed when this process has ended, however it ends: a process of its own
// waits for that, at the end of a pipe. Only a file that is still the same one is removed.
type guardedFile struct {
	path  string
	guard *exec.Cmd
	pipe  io.Closer
}

// guard starts the waiting for a file that has been made.
func guard(path string) (*guardedFile, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	g := &guardedFile{path: path, guard: exec.Command(self, "wine-guard", path)}
	if g.pipe, err = g.guard.StdinPipe(); err != nil {
		return nil, err
	}
	ready, err := g.guard.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.guard.Start(); err != nil {
		return nil, err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		g.remove()
		return nil, fmt.Errorf("%s would be left behind after a crash: %w", path, err)
	}
	return g, nil
}

// remove removes the file, by letting the guard do it.
func (g *guardedFile) remove() {
	g.pipe.Close()
	g.guard.Wait()
}

// wineGuardCmd is the guard.
type wineGuardCmd struct {
	Path string `arg:"" help:"The file."`
}

// Run waits for the end of the process that has started it. A Ctrl-C that is meant for that one reaches both.
func (c *wineGuardCmd) Run(a *app) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	before, err := os.Lstat(c.Path)
	if err != nil {
		return err
	}
	if err := a.printf("\n"); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, a.stdin); err != nil {
		return err
	}
	if after, err := os.Lstat(c.Path); err == nil && os.SameFile(before, after) {
		return os.Remove(c.Path)
	}
	return nil
}

// checkPosixName refuses what would be a file elsewhere.
func checkPosixName(path string) error {
	if name := strings.TrimPrefix(path, "/dev/shm/"); name == "" || filepath.Base(name) != name || name[0] == '.' {
		return fmt.Errorf("%q is no name for a file in /dev/shm; give another as LINUXNAME", name)
	}
	return nil
}

// makeFile makes a file that nobody has, with a size.
func makeFile(path string, size int64) (*os.File, error) {
	if err := checkPosixName(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(size); err != nil {
		file.Close()
		os.Remove(path)
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
		os.Remove(path)
		return err
	}
	defer g.remove()
	s, err := wine.FromFile(file, namedshm.ReadWrite)
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

// offered tells an event of the file's.
func (c *wineLinkCmd) offered(a *app, e wine.Event) error {
	switch {
	case e.Kind == wine.Failed:
		return e.Err
	case !c.JSON:
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

// symbolicLink leads to the wineserver's descriptor.
type symbolicLink struct {
	file string
	made *guardedFile
}

func (l *symbolicLink) take(s *wine.Section) error {
	if err := checkPosixName(l.file); err != nil {
		return err
	}
	err := os.Symlink(s.Path(), l.file)
	if err != nil {
		return err
	}
	if l.made, err = guard(l.file); err != nil {
		os.Remove(l.file)
	}
	return err
}

func (l *symbolicLink) drop() {
	if l.made != nil {
		l.made.remove()
		l.made = nil
	}
}

// copiedFile is a copy that is made anew all the time.
type copiedFile struct {
	file     string
	interval time.Duration
	made     *guardedFile
	stop     context.CancelFunc
	done     chan struct{}
}

func (f *copiedFile) take(s *wine.Section) error {
	from, err := s.Map(0, 0, namedshm.Read)
	if err != nil {
		return err
	}
	file, err := makeFile(f.file, s.Size())
	if err != nil {
		from.Close()
		return err
	}
	if f.made, err = guard(f.file); err != nil {
		from.Close()
		os.Remove(f.file)
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
