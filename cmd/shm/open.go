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
)

// openCmd is the second process: it opens what another made and shows it.
type openCmd struct {
	Name   string         `arg:"" help:"The section's name."`
	Offset size           `placeholder:"N" help:"Where to begin."`
	Length length         `placeholder:"N" help:"How many bytes; without it, to the end."`
	As     string         `enum:"text,utf16,hex,raw,json" default:"text" help:"How to show the bytes: text and utf16 end at the first NUL (${enum})."`
	Wait   *time.Duration `placeholder:"DURATION" help:"Wait that long for the section to be made."`
	Box    bool           `help:"Show it in a message box."`
	output
}

// Help has the details and the examples.
func (*openCmd) Help() string {
	return `With --as text, the default, the bytes up to the first NUL are printed, and a line end. raw prints
all bytes and nothing else; hex prints rows of sixteen; json prints one object with name, size, offset, length, bytes
(base64) and text.

--wait ends when the section exists; when it is still empty then, its maker is given a moment to write.

--box shows the text in a message box: MessageBox on Windows, elsewhere the first of zenity, kdialog and xmessage
that is installed. The command ends when the box is closed.

Examples:

    shm open 'Local\Greeting'
    shm open Greeting --wait 10s --as hex --offset 64KiB --length 256
    shm open 'Global\Picture' --as raw > picture.png`
}

// Run opens, reads and shows.
func (c *openCmd) Run(a *app) error {
	if c.JSON {
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
	w, err := newWindow(s, int64(c.Offset), int64(c.Length), namedshm.Read)
	if err != nil {
		return fmt.Errorf("open %s: %w", printable(c.Name, ""), err)
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
		return nil, fmt.Errorf("%s %s: waited %v, and nobody made it", verb, printable(name, ""), *wait)
	}
	return s, inVerb(verb, err)
}

// settle gives the maker of a new section a moment to write into it: a section appears empty, and who waits for it may
// see it sooner than its maker can write.
func (w *window) settle(pause func()) {
	first := make([]byte, min(w.length, 4096))
	for range 250 {
		if n, _ := w.ReadAt(first, 0); bytes.ContainsFunc(first[:n], func(r rune) bool { return r != 0 }) {
			return
		}
		pause()
	}
}

// moment is how long settle pauses.
func moment() { time.Sleep(time.Millisecond) }

// reader reads the window's bytes from its beginning.
func (w *window) reader() io.Reader { return io.NewSectionReader(w, 0, w.length) }

func (c *openCmd) print(a *app, s *namedshm.Section, w *window) error {
	switch c.As {
	case "hex":
		return hexDump(a.stdout, w.reader(), int64(c.Offset))
	case "raw":
		_, err := io.Copy(a.stdout, w.reader())
		return err
	case "json":
		return c.printJSON(a, s, w)
	}
	text, err := readText(w.reader(), c.As == "utf16")
	if err != nil {
		return err
	}
	if isTerminal(a.stdout) {
		text = printable(text, "\n\t")
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return a.printf("%s", text)
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

func (c *openCmd) printJSON(a *app, s *namedshm.Section, w *window) error {
	b, err := io.ReadAll(w.reader())
	if err != nil {
		return err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return a.json(content{Name: s.Name(), Size: s.Size(), Offset: int64(c.Offset), Length: w.length, Bytes: b, Text: string(text)})
}

// mostInBox is as much text as a message box is given: more than anybody reads in one, less than an argument of a
// process can be.
const mostInBox = 20000

func (c *openCmd) box(w *window, show dialog) error {
	var text string
	var err error
	if c.As == "hex" {
		var dump strings.Builder
		err = hexDump(&dump, io.LimitReader(w.reader(), mostInBox/4), int64(c.Offset))
		text = dump.String()
	} else {
		text, err = readText(w.reader(), c.As == "utf16")
	}
	if err != nil {
		return err
	}
	if len(text) > mostInBox {
		text = fmt.Sprintf("%s…\n(%s more)", strings.ToValidUTF8(text[:mostInBox], ""), plural(int64(len(text)-mostInBox), "byte"))
	}
	title := strings.ReplaceAll(strings.ToValidUTF8(c.Name, "\uFFFD"), "\x00", "")
	if err := show(title, strings.ToValidUTF8(text, "\uFFFD")); err != nil {
		return fmt.Errorf("open --box: %w", err)
	}
	return nil
}
