package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// wineAttachCmd shows a Windows program's section.
type wineAttachCmd struct {
	Name string `arg:"" name:"windowsname" help:"The section's Windows name."`
	prefixFlag
	Offset   size          `placeholder:"N" help:"The first byte to show or write."`
	Length   length        `placeholder:"N" help:"How many bytes; by default, all to the end (4KiB with --follow)."`
	As       string        `enum:"text,utf16,hex,raw,json" default:"text" help:"How to show the bytes: text and utf16 end at the first NUL (${enum})."`
	Write    bool          `help:"Write standard input into it instead of showing it."`
	Follow   bool          `help:"Wait for the section, show it again whenever it changes, and follow it across restarts of the Windows program."`
	Interval time.Duration `default:"100ms" placeholder:"DURATION" help:"With --follow: how often to look for changes (${default})."`
}

// Help has the details and the examples.
func (*wineAttachCmd) Help() string {
	return `The bytes are the Windows program's own: nothing is copied until it is shown. The section is opened for reading only
unless --write is given, and the kernel enforces that. The Windows program notices nothing.

` + prefixHelp + `

With --follow it continues until it is interrupted. Standard error reports what happens: what is being waited for,
attached, gone, attached again. With --json all but the first are objects of their own between those with the bytes.

Examples:

    shm wine attach 'Local\acpmf_physics' --as hex --length 64
    shm wine attach MumbleLink --follow --json
    printf 'hello' | shm wine attach 'Local\Greeting' --write --prefix ~/.wine`
}

// Run attaches, and shows, writes or follows.
func (c *wineAttachCmd) Run(a *app) error {
	if a.asJSON {
		c.As = "json"
	}
	switch {
	case c.Follow && c.Write:
		return usageError{errors.New("--follow and --write cannot be combined")}
	case c.Follow && c.As != "json" && c.As != "hex" && c.As != "text":
		return usageError{fmt.Errorf("--follow can show hex and json, not %s", c.As)}
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
	w, err := newByteRange(s.Section, int64(c.Offset), int64(c.Length), namedshm.Read)
	if err != nil {
		return fmt.Errorf("attach %s: %w", plain.Name(c.Name), err)
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

func (c *wineAttachCmd) printJSON(a *app, s *wine.Attachment, w *byteRange) error {
	b, err := io.ReadAll(w.reader())
	if err != nil {
		return err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return a.json(attached{
		content: content{Name: fullName(s.Name()), Size: s.Section.Size(), Offset: int64(c.Offset), Length: w.length,
			Bytes: b, Text: string(text)},
		Prefix: s.Prefix.Path, Device: s.Device, Inode: s.Inode,
	})
}

// write writes standard input into the section, and nothing of it where it does not fit.
func (c *wineAttachCmd) write(a *app, s *wine.Attachment) error {
	room := s.Section.Size() - int64(c.Offset)
	if c.Length != 0 {
		room = min(room, int64(c.Length))
	}
	b, err := io.ReadAll(io.LimitReader(a.stdin, max(room, 0)+1))
	if err != nil {
		return err
	}
	if int64(len(b)) > room {
		return fmt.Errorf("attach %s: the content is larger than the %s available", plain.Name(c.Name),
			plural(max(room, 0), "byte"))
	}
	if len(b) == 0 {
		return nil
	}
	w, err := newByteRange(s.Section, int64(c.Offset), int64(len(b)), namedshm.ReadWrite)
	if err != nil {
		return fmt.Errorf("attach %s: %w", plain.Name(c.Name), err)
	}
	defer w.Close()
	if _, err := w.WriteAt(b, 0); err != nil {
		return err
	}
	if a.asJSON {
		return a.json(written{Name: fullName(c.Name), Size: s.Section.Size(), Offset: int64(c.Offset),
			Written: int64(len(b))})
	}
	return a.printf("wrote %s to %s at offset %d\n", plural(int64(len(b)), "byte"), plain.Name(c.Name), int64(c.Offset))
}

// follow shows the section whenever it changes, until it is interrupted.
func (c *wineAttachCmd) follow(ctx context.Context, a *app) error {
	shower := watchCmd{Name: c.Name, Offset: c.Offset, Length: c.Length}
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	events := wine.Follow(ctx, wine.Target{Prefix: c.Prefix, Name: c.Name})
	var seen following
	defer func() { seen.take(nil) }()
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
			seen.take(e.Attachment)
		case <-tick.C:
		}
		if err := seen.show(a, &shower); err != nil {
			return err
		}
	}
}

// following is the section that is followed, and the bytes that were shown last.
type following struct {
	section *wine.Attachment
	last    *snapshot
}

// take moves to another section, or to none.
func (f *following) take(s *wine.Attachment) {
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
		return fmt.Errorf("attach %s: %w", plain.Name(as.Name), err)
	}
	if f.last != nil && bytes.Equal(shot.bytes, f.last.bytes) {
		return nil
	}
	err = as.show(a, shot, f.last)
	f.last = shot
	return err
}
