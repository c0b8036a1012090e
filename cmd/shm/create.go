package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
)

// making is what create and hold have in common: making a section, or opening the one that exists.
type making struct {
	Size      size   `required:"" placeholder:"SIZE" help:"The size in bytes, rounded up to whole pages."`
	Share     string `enum:"owner,read,write" default:"owner" help:"Who may open it: only the owner, everybody for reading, everybody for reading and writing (${enum})."`
	NoCommit  bool   `help:"Do not reserve memory for it in advance: it may then be larger than the machine's memory."`
	Exclusive bool   `help:"Fail if it already exists."`
}

// make opens or makes the section and says which.
func (m *making) make(name string) (s *namedshm.Section, created bool, err error) {
	var options []namedshm.SectionOption
	switch m.Share {
	case "read":
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read))
	case "write":
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
	}
	if m.NoCommit {
		options = append(options, namedshm.NoCommit())
	}
	if m.Exclusive {
		s, err = namedshm.Create(name, int64(m.Size), namedshm.ReadWrite, options...)
		return s, err == nil, err
	}
	return namedshm.OpenOrCreate(name, int64(m.Size), namedshm.ReadWrite, options...)
}

// createCmd is the first process: it makes the section, writes, and holds the handle.
type createCmd struct {
	Name string `arg:"" help:"The section's name."`
	making
	source
	Hold *time.Duration `placeholder:"DURATION" help:"How long to hold it; 0s does not hold it at all."`
}

// Help has the details and the examples.
func (*createCmd) Help() string {
	return `An existing section is opened, and keeps its size and sharing.

The section is then held: until a key is pressed on a terminal, otherwise until the end of standard input (not with
"-", which reads that itself); for DURATION with --hold; and in any case until SIGINT or SIGTERM. If nobody else holds
it by then, its name and memory are gone.

Content larger than SIZE is refused before anything is created.

Examples:

    shm create 'Local\Greeting' --size 256 --text 'Hello from the first process'
    shm create Picture --size 1MiB --file picture.png --hold 1h
    sudo shm create 'Global\Board' --size 64KiB --share write --exclusive`
}

// Run creates, writes, reports and holds.
func (c *createCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	content, err := c.contentThatFits(a)
	if err != nil {
		return fmt.Errorf("create %s: %w", plain.Name(c.Name), err)
	}
	defer content.close()
	s, created, err := c.make(c.Name)
	if err != nil {
		return err
	}
	defer s.Close()
	wrote, err := a.fill(s, 0, content)
	if err != nil {
		return fmt.Errorf("write %s: %w", plain.Name(c.Name), err)
	}
	wait := a.newHolding(c.Hold, c.Stdin == "-")
	if err := c.tell(a, s, created, wrote, wait); err != nil {
		return err
	}
	return a.letGo(c.Name, "name and memory are gone", s, wait.until())
}

// contentThatFits opens the source and makes sure that it has no more than --size bytes. What comes through a pipe is
// read to the end for that.
func (c *createCmd) contentThatFits(a *app) (*payload, error) {
	if !c.given() {
		return &payload{Reader: strings.NewReader(""), close: noError}, nil
	}
	p, err := c.open(a)
	if err != nil {
		return nil, err
	}
	if p.length >= 0 {
		if p.length > int64(c.Size) {
			p.close()
			return nil, tooLarge(p.length, int64(c.Size))
		}
		return p, nil
	}
	defer p.close()
	b, err := io.ReadAll(io.LimitReader(p, int64(c.Size)+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > int64(c.Size) {
		return nil, fmt.Errorf("the content is larger than the %s available", plural(int64(c.Size), "byte"))
	}
	return &payload{Reader: bytes.NewReader(b), length: int64(len(b)), close: noError}, nil
}

// made is what create --json prints when it holds the section.
type made struct {
	Name    string `json:"name"`
	Created bool   `json:"created"` // false: it existed
	Asked   int64  `json:"asked"`
	Size    int64  `json:"size"`
	Written int64  `json:"written"`
	Until   string `json:"until"` // what ends the holding
}

func (c *createCmd) tell(a *app, s *namedshm.Section, created bool, wrote int64, wait *holding) error {
	if a.asJSON {
		return a.json(made{Name: fullName(s.Name()), Created: created, Asked: int64(c.Size), Size: s.Size(), Written: wrote,
			Until: wait.what})
	}
	did := "created " + plain.Name(s.Name()) + ": "
	if !created {
		did = "opened " + plain.Name(s.Name()) + ", which already existed: "
	}
	did += plural(s.Size(), "byte")
	if int64(c.Size) != s.Size() {
		did += fmt.Sprintf(" (%d requested)", int64(c.Size))
	}
	if c.given() {
		did += ", " + plural(wrote, "byte") + " written"
	}
	return a.made(did, wait.what)
}

// made reports what has been done, and until when the object is held.
func (a *app) made(did, until string) error {
	if until == "" {
		return a.printf("%s\n", did)
	}
	return a.printf("%s\nholding it until %s\n", did, until)
}
