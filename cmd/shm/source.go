package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// source is where create and write take their bytes from.
type source struct {
	Text  *string `xor:"source" placeholder:"TEXT" help:"Write this text, followed by a NUL if there is room."`
	As    string  `enum:"text,utf16" default:"text" help:"How to store --text: as UTF-8, or as UTF-16 like Windows programs (${enum})."`
	File  string  `xor:"source" placeholder:"FILE" help:"Write the contents of this file."`
	Stdin string  `arg:"" optional:"" name:"-" help:"Write what is read from standard input."`
}

// check refuses a command line with more than one source, or a stray word.
func (s *source) check() error {
	switch {
	case s.Stdin != "" && s.Stdin != "-":
		return usageError{fmt.Errorf("unexpected argument %q; use --text to write text, --file to write a file", s.Stdin)}
	case s.Stdin != "" && (s.Text != nil || s.File != ""):
		return usageError{errors.New("give only one of --text, --file and -")}
	case s.Text != nil && *s.Text == "":
		return usageError{errors.New("--text needs a text")} // forgotten, it would wipe what is there
	case s.As != "text" && s.Text == nil:
		return usageError{errors.New("--as applies only to --text; a file or standard input is written as it is")}
	}
	return nil
}

// given reports whether there is anything to write.
func (s *source) given() bool { return s.Text != nil || s.File != "" || s.Stdin == "-" }

// payload is opened content.
type payload struct {
	io.Reader
	length int64 // -1 where unknown: a pipe
	nul    int64 // how many zero bytes are to follow if there is room: the NUL after a text
	close  func() error
}

// open opens the source. Its length is known unless it is a pipe or a terminal.
func (s *source) open(a *app) (*payload, error) {
	if s.Text != nil {
		wide, nul := s.As == "utf16", int64(1)
		if wide {
			nul = 2
		}
		b := encodeText(*s.Text, wide)
		return &payload{Reader: bytes.NewReader(b), length: int64(len(b)), nul: nul, close: noError}, nil
	}
	p := &payload{Reader: a.stdin, length: -1, close: noError}
	f := a.stdin
	if s.File != "" {
		opened, err := os.Open(s.File)
		if err != nil {
			return nil, err
		}
		f, p.Reader, p.close = opened, opened, opened.Close
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a directory", s.File)
	}
	if st.Mode().IsRegular() {
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		p.length = max(st.Size()-at, 0)
	}
	return p, nil
}

func noError() error { return nil }

// tooLarge is the error for content that does not fit, said before anything is made or written.
func tooLarge(content, room int64) error {
	return fmt.Errorf("the content has %s, but there is room for only %d", plural(content, "byte"), room)
}
