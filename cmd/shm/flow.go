package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/plain"
)

// plainBytes is the structure of what a shell sends: bytes.
const plainBytes = "u8 1/1"

// isBytes reports a ring or feed of plain bytes.
func isBytes(s *conduit.Structure) bool { return s.Scalar == conduit.U8 }

// element is what the verbs that make a ring or feed say of its values.
type element struct {
	Type  string `placeholder:"STRUCTURE" help:"The type of the values when it is created, such as '{x:f64@0 y:f64@8} 16/8'; without it, messages are plain bytes."`
	Share string `enum:"owner,read,write" default:"owner" help:"Who may open it: the owner alone, everybody to read, everybody to read and write (${enum})."`
}

// making is what is needed to make a ring or feed.
func (e *element) making() (*conduit.Structure, inside.Choices, error) {
	text := e.Type
	if text == "" {
		text = plainBytes
	}
	s, err := conduit.ParseStructure(text)
	if err != nil {
		return nil, inside.Choices{}, usageError{fmt.Errorf("--type: %w", err)}
	}
	var options []namedshm.SectionOption
	switch e.Share {
	case "read":
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read))
	case "write":
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
	}
	return s, inside.ForSection(inside.Choices{Spec: kernel.Spec{Protection: kernel.PageReadWrite}}, options), nil
}

// orMake opens what is there, of whatever structure unless one was asked for, and makes it where nothing is.
func orMake[T any](typed bool, open, make func() (T, error)) (end T, err error) {
	for range 100 {
		if !typed {
			if end, err = open(); fault.CodeOf(err) != fault.FileNotFound {
				return end, err
			}
		}
		// Of another structure it is only if somebody has made it since.
		if end, err = make(); typed || fault.CodeOf(err) != fault.DatatypeMismatch {
			return end, err
		}
	}
	return end, err
}

// errFollowNoWait: the one waits for what the other does not.
var errFollowNoWait = usageError{errors.New("--follow waits for others, and --no-wait for nothing: give one of them")}

// longestWait is how long a wait for one message, or for room for one, may take; nil for any time.
func longestWait(timeout *time.Duration, noWait bool) *time.Duration {
	if noWait {
		return new(time.Duration)
	}
	return timeout
}

// whenMade opens a ring or feed as soon as it is there.
func whenMade[T any](
	i *interruption, verb, name string, w *time.Duration, open func(context.Context) (T, error),
) (T, error) {
	ctx, cancel := i.within(w)
	defer cancel()
	end, err := open(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		maker := "shm ring read"
		if verb == "read" {
			maker = "shm feed write"
		}
		return end, fmt.Errorf("%s %s: waited %v, and nobody created it; %s does", verb, plain.Name(name), *w, maker)
	}
	return end, flowError(verb, name, err)
}

// flowError gives an error of a ring or feed the shape that the library's have.
func flowError(verb, name string, err error) error {
	var told *namedshm.Error
	var status exitStatus
	if err == nil || err == io.EOF || errors.As(err, &told) || errors.As(err, &status) {
		return err
	}
	if f := fault.Of(err); f != nil {
		return &namedshm.Error{Op: verb, Name: name, Code: namedshm.Code(f.Code), Cause: f.Cause, Advice: f.Advice}
	}
	return fmt.Errorf("%s %s: %w", verb, plain.Name(name), err)
}

// senderDied is the exit status when who has sent or written died, and did not close.
const senderDied exitStatus = 3

// parted tells how the other side went, and is the exit status for it: nothing where it has closed.
func (a *app) parted(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		a.fail(err)
		return senderDied
	}
	return err
}

// grouped is a number for people, its digits in threes.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// several is a number of things in words, its digits in threes.
func several(n uint64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return grouped(n) + " " + thing
}
