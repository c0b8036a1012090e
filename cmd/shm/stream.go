package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/namedshm/namedshm/internal/plain"
	"golang.org/x/term"
)

// stream is standard output or standard error. All that the command prints goes through one, and with it text that
// others wrote: names, paths, commands, contents. None of that reaches a terminal as anything but text, and none of it
// breaks a line, even if the stream is a file or a pipe, which may be shown on a terminal later. Control sequences of
// our own are a type of their own, from which no text can be made by accident. Only a section's bytes go out as they
// are, and only to what is not a terminal.
type stream struct {
	file *os.File
}

func (s *stream) isTerminal() bool { return isTerminal(s.file) }

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// width is the terminal's width; 0 where there is none, so that nothing is cut.
func (s *stream) width() int {
	if w, _, err := term.GetSize(int(s.file.Fd())); err == nil && s.isTerminal() {
		return w
	}
	return 0
}

// Write writes lines. The code that composes them makes sure that a line is one; anything that is not text is caught
// here in any case.
func (s *stream) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.file, plain.Text(string(p), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// printf writes lines in our own format. What fills it may be others' and stays on its line.
func (s *stream) printf(format string, args ...any) error {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = plain.Text(arg, "")
		case error:
			args[i] = plain.Text(arg.Error(), "")
		case fmt.Stringer:
			args[i] = plain.Text(arg.String(), "")
		}
	}
	_, err := fmt.Fprintf(s, format, args...)
	return err
}

// json writes one object on a line of its own.
func (s *stream) json(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := s.Write(plain.JSON([]byte(b.String())))
	return err
}

// draw writes text with control sequences of our own.
func (s *stream) draw(d drawing) error {
	_, err := io.WriteString(s.file, d.rendered())
	return err
}

// content is where a section's bytes go: as they are, but on a terminal as text that is harmless, with its line ends
// and tabs. What has been written is out when it is closed.
func (s *stream) content() io.WriteCloser {
	if s.isTerminal() {
		return &shownContent{to: s.file}
	}
	return exactContent{s.file}
}

// exactContent writes bytes as they are.
type exactContent struct{ io.Writer }

func (exactContent) Close() error { return nil }

// shownContent shows bytes on a terminal. The end of what came is held back, since what comes next may belong to it.
type shownContent struct {
	to   io.Writer
	held []byte
}

func (c *shownContent) Write(p []byte) (int, error) {
	c.held = append(c.held, p...)
	most := len(c.held) - utf8.UTFMax
	// A character has at most four bytes, followed by a few marks. What has more may be cut anywhere.
	for whole := most; whole > max(most-mostMarks, 0); whole-- {
		if r, _ := utf8.DecodeRune(c.held[whole:]); r != utf8.RuneError && !unicode.Is(unicode.M, r) {
			return len(p), c.show(whole)
		}
	}
	return len(p), c.show(max(most, 0))
}

// mostMarks is how many bytes of marks are kept together with their character.
const mostMarks = 64

func (c *shownContent) Close() error { return c.show(len(c.held)) }

func (c *shownContent) show(n int) error {
	text := plain.Text(string(c.held[:n]), "\n\t")
	c.held = c.held[:copy(c.held, c.held[n:])]
	_, err := io.WriteString(c.to, text)
	return err
}

// sequence is a control sequence of our own, or a line end in a drawing.
type sequence string

// drawing is text, which may be others', and between it control sequences of our own. They stay apart until they are
// written.
type drawing struct{ parts []any }

func (d *drawing) text(text string)       { d.parts = append(d.parts, text) }
func (d *drawing) control(which sequence) { d.parts = append(d.parts, which) }
func (d *drawing) add(other drawing)      { d.parts = append(d.parts, other.parts...) }
func (d *drawing) within(on, off sequence, text string) {
	d.control(on)
	d.text(text)
	d.control(off)
}

// rendered is the drawing as it goes to the terminal.
func (d *drawing) rendered() string {
	var b strings.Builder
	for _, part := range d.parts {
		switch part := part.(type) {
		case string:
			b.WriteString(plain.Text(part, ""))
		case sequence:
			b.WriteString(string(part))
		}
	}
	return b.String()
}

// words is the drawing's text alone.
func (d *drawing) words() string {
	var b strings.Builder
	for _, part := range d.parts {
		if text, ok := part.(string); ok {
			b.WriteString(plain.Text(text, ""))
		}
	}
	return b.String()
}
