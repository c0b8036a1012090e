package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
)

// making is what create and hold have in common: making a section, or opening the one that exists.
type making struct {
	Size      size   `required:"" placeholder:"SIZE" help:"How many bytes; rounded up to whole pages."`
	Share     string `enum:"owner,read,write" default:"owner" help:"Who may open it: the owner alone, everybody to read, everybody to read and write (${enum})."`
	Exclusive bool   `help:"Fail if it exists."`
}

// make opens or makes the section and says which.
func (m *making) make(name string) (s *namedshm.Section, created bool, err error) {
	audience := namedshm.OwnerOnly()
	switch m.Share {
	case "read":
		audience = namedshm.Everyone(namedshm.Read)
	case "write":
		audience = namedshm.Everyone(namedshm.ReadWrite)
	}
	if m.Exclusive {
		s, err = namedshm.Create(name, int64(m.Size), namedshm.ReadWrite, namedshm.ShareWith(audience))
		return s, err == nil, err
	}
	return namedshm.OpenOrCreate(name, int64(m.Size), namedshm.ReadWrite, namedshm.ShareWith(audience))
}

// createCmd is the first process: it makes the section, writes, and holds the handle.
type createCmd struct {
	Name string `arg:"" help:"The section's name."`
	making
	source
	Hold *time.Duration `placeholder:"DURATION" help:"Hold it that long; 0s does not hold it at all."`
	output
}

// Help has the details and the examples.
func (*createCmd) Help() string {
	return `A section that exists is opened, and keeps the size and the sharing that it has.

It is then held: until a key is pressed on a terminal, otherwise until the end of standard input (not with "-",
which reads that itself); for DURATION with --hold; and in any case until SIGINT or SIGTERM. If nobody else holds it
then, name and memory are gone.

Content larger than SIZE is refused before anything is made.

Examples:

    shm create 'Local\Greeting' --size 256 --text 'Hello from the first process'
    shm create Picture --size 1MiB --file picture.png --hold 1h
    sudo shm create 'Global\Board' --size 64KiB --share write --exclusive`
}

// Run makes, writes, tells and holds.
func (c *createCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	content, err := c.contentThatFits(a)
	if err != nil {
		return fmt.Errorf("create %s: %w", printable(c.Name, ""), err)
	}
	defer content.close()
	s, created, err := c.make(c.Name)
	if err != nil {
		return err
	}
	defer s.Close()
	wrote, err := a.fill(s, 0, content)
	if err != nil {
		return fmt.Errorf("write %s: %w", printable(c.Name, ""), err)
	}
	wait := a.newHolding(c.Hold, c.Stdin == "-")
	if err := c.tell(a, s, created, wrote, wait); err != nil {
		return err
	}
	return a.letGo(c.Name, "name and memory are gone", c.JSON, s, wait.until())
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
		return nil, fmt.Errorf("the content has more than the %s there is room for", plural(int64(c.Size), "byte"))
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
	if c.JSON {
		return a.json(made{Name: s.Name(), Created: created, Asked: int64(c.Size), Size: s.Size(), Written: wrote, Until: wait.what})
	}
	did := "made " + a.name(s.Name()) + ": "
	if !created {
		did = "opened " + a.name(s.Name()) + ", which exists: "
	}
	did += plural(s.Size(), "byte")
	if int64(c.Size) != s.Size() {
		did += fmt.Sprintf(" (%d asked for)", int64(c.Size))
	}
	if c.given() {
		did += ", " + plural(wrote, "byte") + " written"
	}
	if wait.what != "" {
		did += "\nholding it until " + wait.what
	}
	return a.printf("%s\n", did)
}

// released is what create --json prints when it has let go.
type released struct {
	Name     string `json:"name"`
	Released string `json:"released"` // why
	Gone     bool   `json:"gone"`     // nobody else holds it
}

// letGo closes a handle and says what becomes of the object: gone is what to say when nobody else holds it.
func (a *app) letGo(name, gone string, asJSON bool, handle io.Closer, why string) error {
	if err := handle.Close(); err != nil {
		return err
	}
	info, err := namedshm.Stat(name)
	if err != nil && !isNotFound(err) {
		return err
	}
	isGone := err != nil
	switch {
	case asJSON:
		return a.json(released{Name: name, Released: why, Gone: isGone})
	case isGone:
		return a.printf("let go of it (%s): %s\n", why, gone)
	}
	return a.printf("let go of it (%s): %s\n", why, stillHeld(&info))
}

// stillHeld says who else holds an object.
func stillHeld(info *namedshm.Info) string {
	if len(info.Holders) == 0 {
		return "others still hold it"
	}
	return "still held by " + holderList(info.Holders)
}
