package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// wineLinkCmd gives a Windows program's section a native name.
type wineLinkCmd struct {
	Name   string `arg:"" name:"windowsname" help:"The section's Windows name."`
	Native string `arg:"" optional:"" name:"linuxname" help:"The native name, or with --posix the name of the file; by default the same."`
	prefixFlag
	Write    bool          `help:"Let native programs write to it."`
	Posix    bool          `help:"Create the file /dev/shm/LINUXNAME, for programs that expect one: a copy, unless --size or --symlink is given."`
	Size     size          `placeholder:"SIZE" help:"With --posix: create a file of this size before the Windows program creates its section, which then uses the file itself."`
	Symlink  bool          `help:"With --posix: create a symbolic link to the memory itself, for programs that open files without shm_open."`
	Interval time.Duration `default:"4ms" placeholder:"DURATION" help:"With --posix: how often a copy is made (${default})."`
}

// Help has the details and the examples.
func (*wineLinkCmd) Help() string {
	return `Every native program of this user can then open the section as LINUXNAME, like any other (shm open, shm watch, the
library). It shares the Windows program's own pages, for reading only unless --write is given.

The command continues until it is interrupted, and follows the Windows program: when that closes its handle, the native
name is released, and given to the new section once there is one. A native program that still holds the old section
keeps its bytes and the native name; the new section gets the name when that program has closed it. Standard error
reports what happens.

--posix is for programs in other languages, which open a file in /dev/shm. The memory of a section that Windows created
cannot be given a file name without a copy:

    --posix --size SIZE   no copy. Start this before the Windows program: the file is created here, and a program that
                          asks for a section of this name is given the file. SIZE must be the size it wants.
    --posix --symlink     no copy. For programs that open /dev/shm/NAME as a file; shm_open, and so Python's
                          SharedMemory, refuses symbolic links.
    --posix               a copy, refreshed every --interval. It lags behind by that much, and may be torn.

The file is removed at the end, even after kill -9.

` + prefixHelp + `

Examples:

    shm wine link 'Local\acpmf_physics' &  shm watch acpmf_physics
    shm wine link 'Local\acpmf_physics' --posix --size 4KiB --prefix 805550`
}

// Run links until it is interrupted.
func (c *wineLinkCmd) Run(a *app) error {
	native := c.Native
	if native == "" {
		native = c.Name
	}
	switch {
	case !c.Posix && (c.Size != 0 || c.Symlink):
		return usageError{errors.New("--size and --symlink require --posix")}
	case c.Size != 0 && c.Symlink:
		return usageError{errors.New("give only one of --size and --symlink")}
	case c.Posix && c.Write && c.Size == 0 && !c.Symlink:
		return usageError{errors.New("nobody sees what is written to a copy; give --size or --symlink")}
	case c.Interval < time.Millisecond:
		return usageError{errors.New("--interval must be at least 1ms")}
	}
	if err := c.checkNative(native); err != nil {
		return err // now, and not when the Windows program is there at last
	}
	ctx, stop := untilSignalled()
	defer stop()
	var maker linkMaker
	switch {
	case c.Size != 0:
		return c.offerFile(ctx, a, native)
	case c.Symlink:
		maker = &symbolicLink{file: posixName(native)}
	case c.Posix:
		maker = &copiedFile{file: posixName(native), interval: c.Interval}
	default:
		maker = &nativeName{name: native}
	}
	defer maker.drop()
	return c.follow(ctx, a, maker)
}

// checkNative refuses a native name that nothing can have.
func (c *wineLinkCmd) checkNative(native string) error {
	if c.Posix {
		if err := checkPosixName(posixName(native)); err != nil {
			return err
		}
		directory, err := openPosix()
		if err != nil {
			return err
		}
		return directory.Close()
	}
	s, err := namedshm.Open(native, namedshm.Read)
	if err == nil {
		return s.Close()
	}
	for _, code := range []namedshm.Code{namedshm.ErrPathNotFound, namedshm.ErrInvalidName, namedshm.ErrBadPathname,
		namedshm.ErrNameTooLong} {
		if errors.Is(err, code) {
			return inVerb("link", err)
		}
	}
	return nil
}

// linkMaker makes a section available, one at a time.
type linkMaker interface {
	// take makes it available; errTaken says that somebody holds the name, and that it may be tried again.
	take(s *wine.Attachment) error
	// drop takes back what was made available.
	drop()
}

// errTaken is the error of a name that is still held.
var errTaken = errors.New("native programs still hold the old section of this name")

// follow links each section that has the Windows name, in turn.
func (c *wineLinkCmd) follow(ctx context.Context, a *app, maker linkMaker) error {
	access := namedshm.Read
	if c.Write {
		access = namedshm.ReadWrite
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	events := wine.Follow(ctx, wine.Target{Prefix: c.Prefix, Name: c.Name, Access: access})
	var waiting *wine.Attachment // for its native name
	told := false
	silence := time.After(quiet)
	for {
		select {
		case <-silence:
			a.tellAbsent(c.Name, c.Prefix)
		case e, open := <-events:
			silence = nil
			switch {
			case !open:
				return nil
			case e.Kind == wine.Failed:
				return e.Err
			case a.asJSON:
				if err := a.happening(c.Name, e); err != nil {
					return err
				}
			default:
				a.happened(c.Name, e)
			}
			maker.drop()
			if waiting != nil {
				waiting.Close()
			}
			waiting, told = e.Attachment, false
		case <-again.C:
		}
		if waiting == nil {
			continue
		}
		err := maker.take(waiting)
		switch {
		case err == nil:
			waiting.Close()
			waiting = nil
			if err := c.tellLinked(a); err != nil {
				return err
			}
		case errors.Is(err, errTaken):
			if !told {
				told = true
				a.fail(fmt.Errorf("link %s: %w", plain.Name(c.Name), err))
			}
		default:
			return err
		}
	}
}

// tellLinked says that native programs can open it now.
func (c *wineLinkCmd) tellLinked(a *app) error {
	native := c.Native
	if native == "" {
		native = c.Name
	}
	if c.Posix {
		native = posixName(native)
	} else {
		native = fullName(native)
	}
	if a.asJSON {
		return a.json(struct {
			Event string `json:"event"`
			Name  string `json:"name"`
			Link  string `json:"link"`
		}{"linked", fullName(c.Name), native})
	}
	return a.printf("%s is %s\n", plain.Name(c.Name), plain.Name(native))
}

// nativeName is a section's native name.
type nativeName struct {
	name  string
	taken bool // it has been ours: whatever has it now holds the old section
	held  *namedshm.Section
}

func (n *nativeName) take(s *wine.Attachment) error {
	held, err := s.Link(n.name)
	if errors.Is(err, namedshm.ErrAlreadyExists) && n.taken {
		return errTaken
	}
	if err == nil {
		n.held, n.taken = held, true
	}
	return err
}

func (n *nativeName) drop() {
	if n.held != nil {
		n.held.Close()
		n.held = nil
	}
}

// posixName is the file that shm_open means by a name.
func posixName(native string) string {
	_, base, found := strings.Cut(native, `\`)
	if !found {
		base = native
	}
	return "/dev/shm/" + strings.TrimPrefix(base, "/")
}
