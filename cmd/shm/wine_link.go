package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// wineLinkCmd gives a Windows program's section a native name.
type wineLinkCmd struct {
	Name   string `arg:"" name:"windowsname" help:"The section's Windows name."`
	Native string `arg:"" optional:"" name:"linuxname" help:"The native name, or with --posix the file's; without it, the same."`
	prefixFlag
	Write    bool          `help:"Native programs may write it."`
	Posix    bool          `help:"Make the file /dev/shm/LINUXNAME, for programs that expect one: a copy, unless --size or --symlink is given."`
	Size     size          `placeholder:"SIZE" help:"With --posix: make the file before the Windows program makes its section, so large; that then uses the file itself."`
	Symlink  bool          `help:"With --posix: a symbolic link to the memory itself, for programs that open files and do not use shm_open."`
	Interval time.Duration `default:"4ms" placeholder:"DURATION" help:"With --posix: how often a copy is made (${default})."`
	output
}

// Help has the details and the examples.
func (*wineLinkCmd) Help() string {
	return `Every native program of this user can then open the section by LINUXNAME as any other (shm open, shm watch, the
library): the Windows program's own pages, for reading alone unless --write is given.

It goes on until it is interrupted, and follows the Windows program: when that has closed its handle the native name is
let go of, and given to the new section when there is one. A native program that still holds the old section keeps its
bytes and the native name; the new section gets the name when that has let go. What happens is told on standard error.

--posix is for programs in other languages, which open a file in /dev/shm. The memory of a section that Windows made
cannot be given a file name without a copy:

    --posix --size SIZE   no copy. Start this before the Windows program: the file is made here, and that program, asking
                          for a section of this name, is given the file. SIZE is as large as it wants it.
    --posix --symlink     no copy. For programs that open /dev/shm/NAME as a file; shm_open, and so Python's
                          SharedMemory, refuses symbolic links.
    --posix               a copy, made anew every --interval. It lags behind by that, and may be torn.

The file is removed in the end, also after kill -9.

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
		return usageError{errors.New("--size and --symlink go with --posix")}
	case c.Size != 0 && c.Symlink:
		return usageError{errors.New("give one of --size and --symlink, not both")}
	case c.Posix && c.Write && c.Size == 0 && !c.Symlink:
		return usageError{errors.New("what is written to a copy reaches nobody; give --size or --symlink")}
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
		return checkPosixName(posixName(native))
	}
	s, err := namedshm.Open(native, namedshm.Read)
	if err == nil {
		return s.Close()
	}
	for _, code := range []namedshm.Code{namedshm.ErrPathNotFound, namedshm.ErrInvalidName, namedshm.ErrBadPathname, namedshm.ErrNameTooLong} {
		if errors.Is(err, code) {
			return inVerb("link", err)
		}
	}
	return nil
}

// linkMaker makes a section available, one at a time.
type linkMaker interface {
	// take makes it available; errTaken says that somebody holds the name, and that it may be tried again.
	take(s *wine.Section) error
	// drop takes back what was made available.
	drop()
}

// errTaken is the error of a name that is still held.
var errTaken = errors.New("native programs still hold the old section of this name")

// follow links each section that has the Windows name, one after the other.
func (c *wineLinkCmd) follow(ctx context.Context, a *app, maker linkMaker) error {
	access := namedshm.Read
	if c.Write {
		access = namedshm.ReadWrite
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	events := wine.Follow(ctx, wine.Target{Prefix: c.Prefix, Name: c.Name, Access: access})
	var waiting *wine.Section // for its native name
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
			case c.JSON:
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
			waiting, told = e.Section, false
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
				a.fail(fmt.Errorf("link %s: %w", printable(c.Name, ""), err))
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
	if c.JSON {
		return a.json(struct {
			Event string `json:"event"`
			Name  string `json:"name"`
			Link  string `json:"link"`
		}{"linked", c.Name, native})
	}
	return a.printf("%s is %s\n", a.name(c.Name), a.name(native))
}

// nativeName is a section's native name.
type nativeName struct {
	name  string
	taken bool // it has been ours: who has it now holds the old section
	held  *namedshm.Section
}

func (n *nativeName) take(s *wine.Section) error {
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
