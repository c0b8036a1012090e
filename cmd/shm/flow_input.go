package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/plain"
)

// cutting is how standard input is cut into messages.
type cutting struct {
	Lines          bool `xor:"cutting" help:"Each line is a message, without its line end."`
	NUL            bool `name:"nul" xor:"cutting" help:"Each message ends with a NUL byte, as with find -print0."`
	LengthPrefixed bool `xor:"cutting" help:"Each message follows its length, in four bytes, least significant first."`
	Chunk          size `xor:"cutting" placeholder:"SIZE" help:"Each message has this many bytes, except the last. Without any of these flags, a message is what one read returns, up to 64KiB."`
}

// cuttingHelp is what the help says of it.
const cuttingHelp = `Standard input is split into messages by --lines, --nul, --length-prefixed or --chunk; without them, each read is a
message. With --json, standard input is a sequence of JSON values, one per message: an object, a number or an array, as
the type of the messages says; for plain bytes, a string or an array of numbers.`

// check refuses what goes not together.
func (c *cutting) check(asJSON bool) error {
	if asJSON && (c.Lines || c.NUL || c.LengthPrefixed || c.Chunk != 0) {
		return usageError{errors.New(
			"with --json each message is a JSON value: --lines, --nul, --length-prefixed and --chunk are for bytes")}
	}
	return nil
}

// usualChunk is as much as a pipe of Linux holds.
const usualChunk = 64 << 10

// outlet is where messages go. A call that fails says so once and for all.
type outlet interface {
	Structure() *conduit.Structure
	// most is the longest message, in bytes.
	most() int
	// room is room for a message of so many bytes, whole values, in the ring or feed itself, until the next call.
	room(n int) ([]byte, error)
	// send sends the first bytes of the room; none gives it back.
	send(n int) error
	// put sends a copy of a message. It may stay unseen until flush.
	put(m []byte) error
	flush()
	// tooLong is the error of a message that has more than most bytes; bytes 0 is a number that is not known.
	tooLong(bytes int) error
}

// input sends what comes from standard input.
type input struct {
	*cutting
	file *os.File
	stop *interruption
	to   outlet
	sent uint64
}

// Read reads standard input, and lets others see before what has been sent: the next may take its time.
func (in *input) Read(p []byte) (n int, err error) {
	in.to.flush()
	in.stop.aside(func() { n, err = in.file.Read(p) })
	if in.stop.Err() != nil {
		return 0, in.stop.Err()
	}
	return n, err
}

// forward sends everything. io.EOF is not returned.
func (in *input) forward(asJSON bool) (err error) {
	switch {
	case asJSON:
		err = in.values()
	case in.Lines:
		err = in.separated('\n')
	case in.NUL:
		err = in.separated(0)
	case in.LengthPrefixed:
		err = in.prefixed()
	default:
		err = in.chunks()
	}
	if err == io.EOF {
		err = nil
	}
	in.to.flush()
	return err
}

// put sends a message.
func (in *input) put(m []byte) error {
	if size := in.to.Structure().Size; len(m)%size != 0 {
		return in.notWhole(len(m), size)
	}
	if len(m) > in.to.most() {
		return in.to.tooLong(len(m))
	}
	in.sent++
	return in.to.put(m)
}

// notWhole is the error of bytes that are not whole values.
func (in *input) notWhole(bytes, size int) error {
	return fmt.Errorf("message %d has %s, and a value has %d (%s); with --json, values are written as text",
		in.sent+1, plural(int64(bytes), "byte"), size, in.to.Structure())
}

// chunks reads straight into the memory of the ring or feed.
func (in *input) chunks() error {
	size, most := in.to.Structure().Size, in.to.most()
	chunk, full := int(in.Chunk), in.Chunk != 0
	switch {
	case !full:
		chunk = max(min(usualChunk, most)/size*size, size)
	case chunk%size != 0:
		return fmt.Errorf("--chunk: %d is not a multiple of the %s that a value has", chunk, plural(int64(size), "byte"))
	case chunk > most:
		return in.to.tooLong(chunk)
	}
	for {
		room, err := in.to.room(chunk)
		if err != nil {
			return err
		}
		n, err := in.fill(room, size, full)
		if in.stop.Err() != nil {
			return err
		}
		if n%size != 0 && (err == nil || err == io.EOF) {
			err = in.notWhole(n%size, size)
		}
		in.sent++
		if sendErr := in.to.send(n / size * size); sendErr != nil {
			return sendErr
		}
		if err != nil {
			return err
		}
	}
}

// fill reads until the room is full, or without full until there are whole values in it.
func (in *input) fill(room []byte, size int, full bool) (n int, err error) {
	for err == nil && n < len(room) && (full || n == 0 || n%size != 0) {
		var more int
		in.stop.aside(func() { more, err = in.file.Read(room[n:]) })
		n += more
		if in.stop.Err() != nil {
			return n, in.stop.Err()
		}
	}
	return n, err
}

// separated reads messages that end at a byte; the last may do without.
func (in *input) separated(end byte) error {
	reader := bufio.NewReaderSize(in, usualChunk)
	var long []byte
	for {
		part, err := reader.ReadSlice(end)
		m, whole := bytes.CutSuffix(part, []byte{end})
		if length := len(long) + len(m); length > in.to.most() {
			if err == bufio.ErrBufferFull {
				length = 0
			}
			return in.to.tooLong(length)
		}
		switch {
		case err == bufio.ErrBufferFull:
			long = append(long, m...)
			continue
		case err != nil && err != io.EOF:
			return err
		case len(long) > 0:
			m, long = append(long, m...), long[:0]
		}
		if whole || len(m) > 0 {
			if err := in.put(m); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// prefixed reads messages behind their lengths.
func (in *input) prefixed() error {
	reader := bufio.NewReaderSize(in, usualChunk)
	var prefix [4]byte
	var m []byte
	for {
		if _, err := io.ReadFull(reader, prefix[:]); err != nil {
			return in.cutShort(err)
		}
		length := binary.LittleEndian.Uint32(prefix[:])
		if uint64(length) > uint64(in.to.most()) {
			return in.to.tooLong(int(min(length, math.MaxInt32)))
		}
		if cap(m) < int(length) {
			m = make([]byte, length)
		}
		m = m[:length]
		if _, err := io.ReadFull(reader, m); err == io.EOF {
			return in.cutShort(io.ErrUnexpectedEOF)
		} else if err != nil {
			return in.cutShort(err)
		}
		if err := in.put(m); err != nil {
			return err
		}
	}
}

func (in *input) cutShort(err error) error {
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("message %d: the input ends in the middle of it", in.sent+1)
	}
	return err
}

// values reads JSON.
func (in *input) values() error {
	structure := in.to.Structure()
	decoder := json.NewDecoder(in)
	for {
		var text json.RawMessage
		if err := decoder.Decode(&text); err != nil {
			return in.wrong(err)
		}
		var m []byte
		var err error
		if words := ""; isBytes(structure) && text[0] == '"' {
			err = json.Unmarshal(text, &words)
			m = []byte(words)
		} else {
			m, err = structure.ParseJSON(text)
		}
		if f := fault.Of(err); f != nil {
			return &fault.Fault{Code: f.Code, Cause: fmt.Errorf("message %d: %w", in.sent+1, f.Cause), Advice: f.Advice}
		}
		if err != nil {
			return err
		}
		if err := in.put(m); err != nil {
			return err
		}
	}
}

// wrong is the error of what is not valid JSON.
func (in *input) wrong(err error) error {
	var syntax *json.SyntaxError
	if err == io.ErrUnexpectedEOF || errors.As(err, &syntax) {
		return fmt.Errorf("message %d is not valid JSON: %w", in.sent+1, err)
	}
	return err
}

// tooLongText says that a message is too long, and for what.
func tooLongText(what string, bytes, most int) string {
	if bytes == 0 {
		return fmt.Sprintf("a message is longer than %s, the most that one of this %s has", plural(int64(most), "byte"), what)
	}
	return fmt.Sprintf("a message has %s, and one of this %s has %d at most", plural(int64(bytes), "byte"), what, most)
}

// quoted is a name as one types it.
func quoted(name string) string {
	if strings.ContainsAny(name, "\\ '\"$`&|;<>()*?[]#~") || !plain.Is(name) || name == "" {
		return "'" + name + "'"
	}
	return name
}
