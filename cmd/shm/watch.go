package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
)

// watchCmd shows a section's bytes as they change.
type watchCmd struct {
	Name     string         `arg:"" help:"The section's name."`
	Offset   size           `placeholder:"N" help:"The first byte to show."`
	Length   length         `placeholder:"N" help:"How many bytes; by default, all to the end (4KiB when not on a terminal)."`
	Interval time.Duration  `default:"100ms" placeholder:"DURATION" help:"How often to look (${default})."`
	Count    *int           `placeholder:"N" help:"When not on a terminal: end after this many snapshots."`
	Wait     *time.Duration `placeholder:"DURATION" help:"How long to wait for the section to be created."`
}

// Help has the details and the examples.
func (*watchCmd) Help() string {
	return `On a terminal it shows a live view in hexadecimal, with the bytes that changed within the last second in reverse video.
Arrow keys, PgUp, PgDn, Home and End move; q or Ctrl-C quits. Elsewhere it prints a snapshot as text after each change.

Between two looks it has no handle and no view, so it keeps nothing alive. When the section is gone, it says so and
waits for a section of that name to come back.

Examples:

    shm watch 'Local\Greeting'
    shm watch Greeting --offset 64KiB --length 256
    shm watch Greeting --json --count 1`
}

// Run watches until it is asked to stop.
func (c *watchCmd) Run(a *app) error {
	if c.Interval < time.Millisecond {
		return usageError{errors.New("--interval must be at least 1ms")}
	}
	if c.Count != nil && *c.Count < 1 {
		return usageError{errors.New("--count must be at least 1")}
	}
	s, err := openSection("watch", c.Name, namedshm.Read, c.Wait)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if a.stdout.isTerminal() && !a.asJSON {
		return c.live(a)
	}
	return c.follow(a)
}

// snapshot is a section's bytes at one moment.
type snapshot struct {
	size  int64 // of the whole section
	bytes []byte
}

// errTooShort: the section ends before the range that is watched.
var errTooShort = errors.New("it ends before the offset")

// look opens the section, copies length bytes from offset, or as many as there are, and closes it again. It is nil
// when there is no section of the name.
func look(name string, offset, length int64) (*snapshot, error) {
	s, err := namedshm.Open(name, namedshm.Read)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return copyOf(s, offset, length)
}

// copyOf copies length bytes of an open section from offset, or as many as there are.
func copyOf(s *namedshm.Section, offset, length int64) (*snapshot, error) {
	shot := &snapshot{size: s.Size()}
	if offset >= shot.size {
		return shot, errTooShort
	}
	w, err := newByteRange(s, offset, min(length, shot.size-offset), namedshm.Read)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	shot.bytes = make([]byte, w.length)
	_, err = w.ReadAt(shot.bytes, 0)
	if err == io.EOF {
		err = nil
	}
	return shot, err
}

// change is what watch --json prints.
type change struct {
	Time    time.Time `json:"time"`
	Name    string    `json:"name"`
	Gone    bool      `json:"gone"`
	Size    int64     `json:"size,omitempty"`
	Offset  int64     `json:"offset"`
	Bytes   []byte    `json:"bytes,omitempty"`   // base64
	Changed []int64   `json:"changed,omitempty"` // offsets of the bytes that differ from the snapshot before
}

// follow prints a snapshot for each change, as text or as JSON.
func (c *watchCmd) follow(a *app) error {
	length := int64(c.Length)
	if length == 0 {
		length = 4096
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	var last *snapshot
	for first, shown := true, 0; ; first = false {
		shot, err := look(c.Name, int64(c.Offset), length)
		var failed *namedshm.Error
		switch {
		case errors.As(err, &failed):
			return inVerb("watch", err)
		case err != nil:
			return fmt.Errorf("watch %s: %w", plain.Name(c.Name), err)
		}
		if first || (shot == nil) != (last == nil) || shot != nil && !bytes.Equal(shot.bytes, last.bytes) {
			if err := c.show(a, shot, last); err != nil {
				return err
			}
			if shown++; c.Count != nil && shown == *c.Count {
				return nil
			}
		}
		last = shot
		select {
		case <-tick.C:
		case <-signals:
			return nil
		}
	}
}

// show prints one snapshot; nil is a section that is gone.
func (c *watchCmd) show(a *app, shot, last *snapshot) error {
	now := time.Now()
	if a.asJSON {
		e := change{Time: now, Name: fullName(c.Name), Gone: shot == nil, Offset: int64(c.Offset)}
		if shot != nil {
			e.Size, e.Bytes = shot.size, shot.bytes
			for _, i := range differences(shot, last) {
				e.Changed = append(e.Changed, int64(c.Offset)+int64(i))
			}
		}
		return a.json(e)
	}
	if shot == nil {
		return a.printf("%s has been gone since %s, waiting for it to come back\n", plain.Name(c.Name),
			now.Format(time.TimeOnly))
	}
	what := plural(shot.size, "byte")
	if n := len(differences(shot, last)); n > 0 {
		what = plural(int64(n), "byte") + " changed"
	}
	if err := a.printf("%s at %s, %s:\n", plain.Name(c.Name), now.Format("15:04:05.000"), what); err != nil {
		return err
	}
	return hexDump(a.stdout, bytes.NewReader(shot.bytes), int64(c.Offset))
}

// differences returns where two snapshots of one range differ; nothing if there is no earlier one to compare with.
func differences(shot, last *snapshot) []int {
	if shot == nil || last == nil {
		return nil
	}
	var at []int
	for i := range shot.bytes {
		if i >= len(last.bytes) || shot.bytes[i] != last.bytes[i] {
			at = append(at, i)
		}
	}
	return at
}
