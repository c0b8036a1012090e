package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/plain"
)

// showing is how messages are printed.
type showing struct {
	As             string `enum:"auto,raw,text,hex,json" default:"auto" help:"How to print a message: as raw bytes, as text with a line end, as a hex dump, as json; auto is raw for plain bytes, and json for all else (${enum})."`
	Lines          bool   `xor:"showing" help:"Print a line end after each message, like --as text."`
	NUL            bool   `name:"nul" xor:"showing" help:"Print a NUL byte after each message."`
	LengthPrefixed bool   `xor:"showing" help:"Print its length before each message, in four bytes, least significant first."`
	Count          *int   `placeholder:"N" help:"End after this many messages."`
}

// showingHelp is what the help says of it.
const showingHelp = `Messages are printed as they are, with nothing between them: what comes out is what went in, however it was split, but for
the line ends and NUL bytes at which --lines and --nul split it. The same flags here print these again. With --json, or --as json, each message is a line of JSON, made from the type that is stored in the section; plain bytes are a
string if they are UTF-8, otherwise an array of numbers. On a terminal, control characters are shown as escapes: \x1b.`

// check settles what the flags mean together.
func (s *showing) check(asJSON bool) error {
	cut := s.Lines || s.NUL || s.LengthPrefixed
	switch {
	case s.Count != nil && *s.Count < 1:
		return usageError{errors.New("--count must be at least 1")}
	case cut && (asJSON || s.As != "auto" && s.As != "raw"):
		return usageError{errors.New("--lines, --nul and --length-prefixed are for raw bytes")}
	case asJSON:
		s.As = "json"
	case s.Lines:
		s.As = "text"
	case cut:
		s.As = "raw"
	}
	return nil
}

// batch is how many bytes are written at once, where messages are small.
const batch = 64 << 10

// printer prints messages, as many at a time as are there.
type printer struct {
	*showing
	a         *app
	stop      *interruption
	structure *conduit.Structure
	as        string
	terminal  bool
	out       io.WriteCloser
	held      []byte // what is to be written yet
	printed   int
}

func newPrinter(a *app, stop *interruption, s *showing, structure *conduit.Structure) *printer {
	p := &printer{showing: s, a: a, stop: stop, structure: structure, as: s.As}
	p.terminal, p.out = a.stdout.isTerminal(), a.stdout.content()
	if p.as == "auto" {
		p.as = "raw"
		if !isBytes(structure) {
			p.as = "json"
		}
	}
	return p
}

// full reports that enough is held to be written.
func (p *printer) full() bool { return len(p.held) >= batch }

// done reports that all have been printed that were asked for.
func (p *printer) done() bool { return p.Count != nil && p.printed == *p.Count }

// print prints a message, or holds it until flush.
func (p *printer) print(m []byte) error {
	p.printed++
	switch {
	case p.as == "json":
		return p.printJSON(m)
	case p.as == "hex":
		var dump strings.Builder
		err := hexDump(&dump, bytes.NewReader(m), 0)
		p.held = append(p.held, dump.String()...)
		return err
	case p.as == "text":
		p.held = append(append(p.held, m...), '\n')
		return nil
	case p.NUL:
		p.held = append(append(p.held, m...), 0)
		return nil
	case p.LengthPrefixed && uint64(len(m)) > math.MaxUint32:
		return fmt.Errorf("a message has %s, and its length does not fit into four", plural(int64(len(m)), "byte"))
	case p.LengthPrefixed:
		p.held = append(binary.LittleEndian.AppendUint32(p.held, uint32(len(m))), m...)
		return nil
	case len(m) < batch/4:
		p.held = append(p.held, m...)
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	return p.write(m)
}

func (p *printer) printJSON(m []byte) error {
	text, err := messageJSON(p.structure, m)
	if err != nil {
		return err
	}
	p.held = append(append(p.held, plain.JSON(text)...), '\n')
	return nil
}

// messageJSON is a message as JSON. Bytes that are text are a string.
func messageJSON(s *conduit.Structure, m []byte) ([]byte, error) {
	if !isBytes(s) || !utf8.Valid(m) {
		return s.AppendJSON(nil, m)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(string(m))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// flush writes what is held.
func (p *printer) flush() error {
	if len(p.held) == 0 {
		return nil
	}
	err := p.write(p.held)
	if p.held = p.held[:0]; cap(p.held) > 16*batch {
		p.held = nil
	}
	return err
}

// write writes to standard output, which may take for ever.
func (p *printer) write(b []byte) (err error) {
	p.stop.aside(func() {
		if _, err = p.out.Write(b); err == nil && p.terminal {
			err = p.out.Close() // which shows all of it now
		}
	})
	if isBrokenPipe(err) {
		return errReaderGone
	}
	return err
}
