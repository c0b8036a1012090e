// Package inside is the root package's door for the other packages of this module. The root's types embed what has
// unexported methods of this package, so that they can be asked here for what nobody else may have, and the compiler
// checks it.
package inside

import (
	"errors"
	"os"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Section is what the root package's Section embeds.
type Section struct{ kernel *kernel.Section }

// NewSection is a Section over the object manager's.
func NewSection(k *kernel.Section) Section { return Section{k} }

func (s *Section) section() *kernel.Section { return s.kernel }

// Of returns the object manager's section inside the root package's. Nothing else can be given.
func Of(s interface{ section() *kernel.Section }) *kernel.Section { return s.section() }

// Choices is what the options of a creator come to.
type Choices struct {
	kernel.Spec          // of a section; of another kind Share alone counts
	Memory      *os.File // not nil: the section is of this memory, which is there already
	Wrong       error    // what makes the call fail, whatever else is asked for
}

// SectionOption is what a section's options are.
type SectionOption interface{ forSection(*Choices) }

// WaitableOption is what the options of the other kinds are.
type WaitableOption interface{ forWaitable(*Choices) }

// SectionChoice makes an option for sections of a function.
type SectionChoice func(*Choices)

func (f SectionChoice) forSection(c *Choices) { f(c) }

// WaitableChoice makes an option for the other kinds of a function.
type WaitableChoice func(*Choices)

func (f WaitableChoice) forWaitable(c *Choices) { f(c) }

// Choice makes an option for every kind of a function.
type Choice func(*Choices)

func (f Choice) forSection(c *Choices)  { f(c) }
func (f Choice) forWaitable(c *Choices) { f(c) }

// ForSection adds a section's options up, from what there is without any.
func ForSection[O SectionOption](c Choices, options []O) Choices {
	for _, o := range options {
		if any(o) == nil {
			c.Wrong = errNil
			break
		}
		o.forSection(&c)
	}
	return c
}

// ForWaitable adds up the options of an object of another kind.
func ForWaitable[O WaitableOption](options []O) (c Choices) {
	for _, o := range options {
		if any(o) == nil {
			c.Wrong = errNil
			break
		}
		o.forWaitable(&c)
	}
	return c
}

var errNil = &fault.Fault{Code: fault.InvalidParameter, Cause: errors.New("an option is nil")}

// Over is an option that only this module has: the section is of memory that somebody else made, Wine for instance.
// What such memory promises (no seals, no lifetime of its own) is less than what a section does, so nobody else can
// have it. The file is not consumed; of the access asked for, Read and Write count, and of the other options none.
func Over(memory *os.File) SectionChoice {
	return func(c *Choices) { c.Memory = memory }
}
