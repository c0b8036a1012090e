package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// wineAttachCmd shows a Windows program's section.
type wineAttachCmd struct {
	Name string `arg:"" name:"windowsname" help:"The section's Windows name."`
	prefixFlag
	Offset   size          `placeholder:"N" help:"Where to begin."`
	Length   length        `placeholder:"N" help:"How many bytes; without it, to the end (4KiB with --follow)."`
	As       string        `enum:"text,utf16,hex,raw,json" default:"text" help:"How to show the bytes: text and utf16 end at the first NUL (${enum})."`
	Write    bool          `help:"Write what comes from standard input into it, instead of showing it."`
	Follow   bool          `help:"Wait for it, show it again whenever it changes, and follow it through restarts of the Windows program."`
	Interval time.Duration `default:"100ms" placeholder:"DURATION" help:"With --follow: how often to look for changes (${default})."`
	output
}

// Help has the details and the examples.
func (*wineAttachCmd) Help() string {
	return `The bytes are the Windows program's own: nothing is copied until they are shown. It is opened for reading alone unless
--write is given, and the kernel holds this program to that. The Windows program notices nothing.

` + prefixHelp + `

With --follow it goes on until it is interrupted. What happens is told on standard error: attached, gone, attached
again; with --json, in lines of their own between those with the bytes.

Examples:

    shm wine attach 'Local\acpmf_physics' --as hex --length 64
    shm wine attach MumbleLink --follow --json
    printf 'hello' | shm wine attach 'Local\Greeting' --write --prefix ~/.wine`
}

// Run attaches, and shows, writes or follows.
func (c *wineAttachCmd) Run(a *app) error {
	if c.JSON {
		c.As = "json"
	}
	switch {
	case c.Follow && c.Write:
		return usageError{errors.New("--follow shows, --write writes: give one")}
	case c.Follow && c.As != "json" && c.As != "hex" && c.As != "text":
		return usageError{fmt.Errorf("--follow shows hex and json, not %s", c.As)}
	case c.Interval < time.Millisecond:
		return usageError{errors.New("--interval must be at least 1ms")}
	}
	ctx, stop := untilSignalled()
	defer stop()
	if c.Follow {
		return c.follow(ctx, a)
	}
	p, err := c.find(ctx, c.Name)
	if err != nil {
		return err
	}
	access := namedshm.Read
	if c.Write {
		access = namedshm.ReadWrite
	}
	s, err := p.Open(ctx, c.Name, access)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.Write {
		return c.write(a, s)
	}
	w, err := newWindow(s.Section, int64(c.Offset), int64(c.Length), namedshm.Read)
	if err != nil {
		return fmt.Errorf("attach %s: %w", printable(c.Name, ""), err)
	}
	defer w.Close()
	if c.As == "json" {
		return c.printJSON(a, s, w)
	}
	shown := openCmd{Name: c.Name, Offset: c.Offset, Length: c.Length, As: c.As}
	return shown.print(a, s.Section, w)
}

// attached is what --as json prints.
type attached struct {
	content
	Prefix string `json:"prefix"`
	Device uint64 `json:"device"` // of the file that is the memory
	Inode  uint64 `json:"inode"`
}

func (c *wineAttachCmd) printJSON(a *app, s *wine.Section, w *window) error {
	b, err := io.ReadAll(w.reader())
	if err != nil {
		return err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return a.json(attached{
		content: content{Name: s.Name(), Size: s.Size(), Offset: int64(c.Offset), Length: w.length, Bytes: b, Text: string(text)},
		Prefix:  s.Prefix.Path, Device: s.Device, Inode: s.Inode,
	})
}

// write writes standard input into the section, and nothing of it where it does not fit.
func (c *wineAttachCmd) write(a *app, s *wine.Section) error {
	room := s.Size() - int64(c.Offset)
	if c.Length != 0 {
		room = min(room, int64(c.Length))
	}
	b, err := io.ReadAll(io.LimitReader(a.stdin, max(room, 0)+1))
	if err != nil {
		return err
	}
	if int64(len(b)) > room {
		return fmt.Errorf("attach %s: the content has more than the %s there is room for", printable(c.Name, ""), plural(max(room, 0), "byte"))
	}
	if len(b) == 0 {
		return nil
	}
	w, err := newWindow(s.Section, int64(c.Offset), int64(len(b)), namedshm.ReadWrite)
	if err != nil {
		return fmt.Errorf("attach %s: %w", printable(c.Name, ""), err)
	}
	defer w.Close()
	if _, err := w.WriteAt(b, 0); err != nil {
		return err
	}
	return a.printf("wrote %s to %s at offset %d\n", plural(int64(len(b)), "byte"), a.name(c.Name), int64(c.Offset))
}

// follow shows the section whenever it changes, until it is interrupted.
func (c *wineAttachCmd) follow(ctx context.Context, a *app) error {
	shower := watchCmd{Name: c.Name, Offset: c.Offset, Length: c.Length, output: output{JSON: c.As == "json"}}
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	events := wine.Follow(ctx, wine.Target{Prefix: c.Prefix, Name: c.Name})
	var seen following
	defer func() { seen.take(nil) }()
	for {
		select {
		case e, open := <-events:
			switch {
			case !open:
				return nil
			case e.Kind == wine.Failed:
				return e.Err
			case shower.JSON:
				if err := a.happening(c.Name, e); err != nil {
					return err
				}
			default:
				a.happened(c.Name, e)
			}
			seen.take(e.Section)
		case <-tick.C:
		}
		if err := seen.show(a, &shower); err != nil {
			return err
		}
	}
}

// following is the section that is followed, and the bytes that were shown last.
type following struct {
	section *wine.Section
	last    *snapshot
}

// take goes on to another section, or to none.
func (f *following) take(s *wine.Section) {
	if f.section != nil {
		f.section.Close()
	}
	f.section, f.last = s, nil
}

// show shows the section where it has changed.
func (f *following) show(a *app, as *watchCmd) error {
	if f.section == nil {
		return nil
	}
	length := int64(as.Length)
	if length == 0 {
		length = 4096
	}
	shot, err := copyOf(f.section.Section, int64(as.Offset), length)
	if err != nil {
		return fmt.Errorf("attach %s: %w", printable(as.Name, ""), err)
	}
	if f.last != nil && bytes.Equal(shot.bytes, f.last.bytes) {
		return nil
	}
	err = as.show(a, shot, f.last)
	f.last = shot
	return err
}
