// Package flow moves messages between processes through a named section.
//
// A ring carries every message once, in order for each sender, from up to 64 senders to one receiver; when it is
// full, senders wait. If the receiver dies, its successor gets again what the dead one had not said to be done with:
// a ring delivers at least once. A feed carries the newest messages from one writer to any number of readers, which
// may lag and are told how many they missed; its writer never waits.
//
// # Which of the two
//
// What must not get lost, such as jobs, commands or log lines, goes into a ring. What is only of interest while it
// is new, such as a camera's frames, prices or a configuration, goes into a feed: [Reader.Next] is for those who
// want to see each message while they keep up, and [Reader.Latest] for those who want the newest at any time.
//
//	ring   every message once   senders wait when it is full   many senders, one receiver
//	feed   may be missed        the writer never waits         one writer, many readers
//
// There is no order among different senders, and no promise of exactly once. To get the latter, number the messages
// and have the receiver skip those that it has handled.
//
// # Messages
//
// A message is any number of values of a type T, from none up to what the ring or feed has room for. They lie in the
// section as they are: T holds no pointers, strings, slices, maps or interfaces, and no bool, which another process
// could make neither true nor false; use uint8. The structure of T is written into the section as text: names of
// fields without case and underscores, types, sizes and offsets. Opening the section with a different structure
// fails with [namedshm.ErrDatatypeMismatch], and the error names the first difference. The types may have different
// names, and one of them may be a struct in C.
//
// A message that a method returns in place is the shared memory itself. It is valid until the next call of a method
// of its end. A hostile process that may write there can change it meanwhile: copy it before you check it.
//
// # Ends
//
// A [Receiver] or a [Writer] makes the ring or feed if it does not exist, and gives it its shape. A [Sender] or a
// [Reader] waits until it exists. Like a section, it exists as long as any process has an end open; with the last end
// everything in it is gone. Call [Sender.Drain] before closing a sender whose last messages must arrive.
//
// An end belongs to one goroutine at a time. The exception is Close: it ends a call that waits in another goroutine,
// which fails with [namedshm.ErrInvalidHandle]. When Close comes while another goroutine is in the middle of a
// message, nothing orders the two, and what the call returns may be zeros; it harms nobody else. (Not so on Windows,
// where the memory is gone for a moment, and such a call may end the program.) An end that is dropped without Close
// counts as one whose process died, once the collector has found it.
//
// When a process dies, at whatever point, its end is free for a successor. When it is stopped, its end is silent.
// Neither keeps anybody else from going on. After the last message a receiver or reader gets [io.EOF] if the other
// side closed, and an error that is [io.ErrUnexpectedEOF] if it died. A death is noticed within a tenth of a second
// after the kernel has closed the process's files.
//
// # Errors
//
// An error is a [*namedshm.Error], a context's error as [namedshm.Event.Wait] returns it, or io.EOF. Memory in a
// state in which no correct process leaves it gives [namedshm.ErrFileCorrupt], with lane and position.
//
// # Platforms
//
//   - Unix and Windows, with the names and the security of sections. Elsewhere every call fails with an error that
//     matches [errors.ErrUnsupported], and so it does on processors without 64-bit atomic operations.
//   - Where a process cannot sleep on shared memory (other systems than Linux), a wait looks around every few
//     milliseconds.
//   - A section is as large as all lanes, or all messages of a feed, together. On Linux and other Unix systems pages
//     that were never written take no memory, but for what [namedshm.CommitNow] reserves; Windows charges all of it.
package flow

import (
	"fmt"
	"io"
	"reflect"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Ring is the shape of a ring. A field that is zero is as it is in the ring that is there, or has its default in a
// new one. Another value than the ring that is there has makes the call fail with [namedshm.ErrInvalidParameter].
type Ring struct {
	// Lanes is how many senders there can be at the same time: 1 to 64, by default 8.
	Lanes int `json:"lanes"`
	// Capacity is the size of a lane in bytes: a power of two, from 4 KiB to 1 TiB, by default 1 MiB. A message
	// takes the size of its values and 8 bytes, rounded up to a multiple of 8, and at most half of it. A receiver
	// that works on one message may keep an eighth of it, which it has read before, from being used again.
	Capacity int64 `json:"capacity"`
}

// Feed is the shape of a feed. The rules for zero are those of [Ring].
type Feed struct {
	// Depth is how many messages are kept, of which the oldest may be being overwritten: at least 3, by default 64.
	Depth int `json:"depth"`
	// Most is the most values that a message can have: at least 1, which is the default.
	Most int `json:"most"`
}

// structureOf is T's.
func structureOf[T any]() (*conduit.Structure, error) {
	return conduit.StructureOf(reflect.TypeFor[T]())
}

// choices adds up the options of who makes something.
func choices(options []namedshm.SectionOption) inside.Choices {
	return inside.ForSection(inside.Choices{Spec: kernel.Spec{Protection: kernel.PageReadWrite}}, options)
}

// wrap adds operation and name to an error; nil and io.EOF stay what they are.
func wrap(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if f := fault.Of(err); f != nil {
		return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(f.Code), Cause: f.Cause, Advice: f.Advice}
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}
