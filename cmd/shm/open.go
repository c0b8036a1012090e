package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
)

// openCmd is the second process: it opens what another made and shows it.
type openCmd struct {
	Name   string         `arg:"" help:"The section's name."`
	Offset size           `placeholder:"N" help:"The first byte to show."`
	Length length         `placeholder:"N" help:"How many bytes; by default, all to the end."`
	As     string         `enum:"text,utf16,hex,raw,json" default:"text" help:"How to show the bytes: text and utf16 end at the first NUL (${enum})."`
	Wait   *time.Duration `placeholder:"DURATION" help:"How long to wait for the section to be created."`
	Box    bool           `help:"Show it in a message box."`
}

// Help has the details and the examples.
func (*openCmd) Help() string {
	return `With --as text, the default, the bytes up to the first NUL are printed, followed by a newline. raw prints all bytes and
nothing else; hex prints rows of sixteen; json prints one object with name, size, offset, length, bytes (base64) and
text. On a terminal anything that is not text, such as a control character, is shown as an escape: \x1b.

--wait returns when the section exists; if it is still empty then, its creator gets a moment to write.

--box shows the text in a message box: MessageBox on Windows, elsewhere the first of zenity, kdialog and xmessage
that is installed. The command ends when the box is closed.

Examples:

    shm open 'Local\Greeting'
    shm open Greeting --wait 10s --as hex --offset 64KiB --length 256
    shm open 'Global\Picture' --as raw > picture.png`
}

// Run opens, reads and shows.
func (c *openCmd) Run(a *app) error {
	if a.asJSON {
		c.As = "json"
	}
	var show dialog
	if c.Box {
		if c.As == "raw" || c.As == "json" {
			return usageError{fmt.Errorf("--box cannot show --as %s; it can show text, utf16 and hex", c.As)}
		}
		var err error
		if show, err = findDialog(); err != nil { // before the wait, not after it
			return fmt.Errorf("open --box: %w", err)
		}
	}
	s, err := openSection("open", c.Name, namedshm.Read, c.Wait)
	if err != nil {
		return err
	}
	defer s.Close()
	w, err := newByteRange(s, int64(c.Offset), int64(c.Length), namedshm.Read)
	if err != nil {
		return fmt.Errorf("open %s: %w", plain.Name(c.Name), err)
	}
	defer w.Close()
	if c.Wait != nil {
		w.settle(moment)
	}
	if show != nil {
		return c.box(w, show)
	}
	return c.print(a, s, w)
}

// openSection opens a section that exists, or that is made before wait is over. An error has the verb that was typed.
func openSection(verb, name string, access namedshm.Access, wait *time.Duration) (*namedshm.Section, error) {
	if wait == nil {
		s, err := namedshm.Open(name, access)
		return s, inVerb(verb, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *wait)
	defer cancel()
	s, err := namedshm.WaitOpen(ctx, name, access)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%s %s: nobody created it within %v", verb, plain.Name(name), *wait)
	}
	return s, inVerb(verb, err)
}

func (c *openCmd) print(a *app, s *namedshm.Section, w *byteRange) error {
	switch c.As {
	case "hex":
		return hexDump(a.stdout, w.reader(), int64(c.Offset))
	case "raw":
		return a.showContent(w.reader())
	case "json":
		return c.printJSON(a, s, w)
	}
	text, err := readText(w.reader(), c.As == "utf16")
	if err != nil {
		return err
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return a.showContent(strings.NewReader(text))
}

// showContent writes a section's bytes: as they are, or on a terminal so that it shows them only as text.
func (a *app) showContent(r io.Reader) error {
	out := a.stdout.content()
	if _, err := io.Copy(out, r); err != nil {
		return err
	}
	return out.Close()
}

// content is what --as json prints.
type content struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Bytes  []byte `json:"bytes"` // base64
	Text   string `json:"text"`  // up to the first NUL
}

func (c *openCmd) printJSON(a *app, s *namedshm.Section, w *byteRange) error {
	b, err := io.ReadAll(w.reader())
	if err != nil {
		return err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return a.json(content{Name: fullName(s.Name()), Size: s.Size(), Offset: int64(c.Offset), Length: w.length, Bytes: b,
		Text: string(text)})
}
