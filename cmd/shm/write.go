package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
)

// writeCmd writes into a section that exists. It makes none.
type writeCmd struct {
	Name   string `arg:"" help:"The section's name."`
	Offset size   `placeholder:"N" help:"The first byte to write."`
	source
}

// Help has the details and the examples.
func (*writeCmd) Help() string {
	return `Content that does not fit at the offset is refused before a byte is written. If its length is not known beforehand (a
pipe), what fits is written, and then the command fails.

On a terminal a progress bar appears when writing takes longer than half a second.

Examples:

    shm write 'Local\Greeting' --text 'Good morning'
    shm write Greeting --offset 64KiB --file picture.png
    date | shm write Greeting -`
}

// Run opens the section for writing and copies the content in.
func (c *writeCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if !c.given() {
		return usageError{errors.New("nothing to write; give --text, --file, or - for standard input")}
	}
	content, err := c.open(a)
	if err != nil {
		return err
	}
	defer content.close()
	s, err := openSection("write", c.Name, namedshm.ReadWrite, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	wrote, err := a.fill(s, int64(c.Offset), content)
	if err != nil {
		return fmt.Errorf("write %s: %w", plain.Name(c.Name), err)
	}
	if a.asJSON {
		return a.json(written{Name: fullName(s.Name()), Size: s.Size(), Offset: int64(c.Offset), Written: wrote})
	}
	return a.printf("wrote %s to %s at offset %d\n", plural(wrote, "byte"), plain.Name(s.Name()), int64(c.Offset))
}

// written is what write --json prints.
type written struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Offset  int64  `json:"offset"`
	Written int64  `json:"written"`
}

// fill copies content into a section and returns how many bytes it had.
func (a *app) fill(s *namedshm.Section, offset int64, content *payload) (int64, error) {
	if room := max(s.Size()-offset, 0); content.length > room {
		return 0, tooLarge(content.length, room)
	}
	if content.length == 0 && content.nul == 0 {
		return 0, nil
	}
	w, err := newByteRange(s, offset, 0, namedshm.Write)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	bar := a.newSlowBar(content.length)
	defer bar.finish()
	wrote, err := io.CopyBuffer(&filler{to: w, bar: bar}, content, make([]byte, 1<<20))
	if err != nil {
		return wrote, err
	}
	if end := wrote + content.nul; content.nul > 0 && end <= w.length {
		_, err = w.WriteAt(make([]byte, content.nul), wrote)
	}
	return wrote, err
}

// filler writes into a range from its beginning on.
type filler struct {
	to  *byteRange
	at  int64
	bar *slowBar
}

func (f *filler) Write(p []byte) (int, error) {
	room := f.to.length - f.at
	fits := p[:min(int64(len(p)), room)]
	n, err := f.to.WriteAt(fits, f.at)
	f.at += int64(n)
	f.bar.show(f.at)
	if err == nil && len(fits) < len(p) {
		err = fmt.Errorf("the content is larger than the room: the first %s are written, the section is full",
			plural(f.at, "byte"))
	}
	return n, err
}
