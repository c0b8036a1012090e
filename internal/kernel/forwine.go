package kernel

import (
	"context"
	"os"
)

// This file is the door for package wine: memory that another object manager, Wine's, made becomes a section here, and
// a section's memory can be lent to it.

// AdoptSection makes a section of a file's memory: size bytes of it, rounded up to whole pages. access, Read or Read
// and Write, is the most that anybody can get through it. With a name the section is a Local object like any other,
// whose holders keep the memory alive; without one it is this process's own.
//
// The file is not consumed: the section has a descriptor of its own.
func AdoptSection(ctx context.Context, name string, memory *os.File, size int64, access Access) (*Section, error) {
	parsed, err := resolve(name)
	if err != nil {
		return nil, err
	}
	native, err := adoptSection(ctx, parsed, memory, size, access)
	if err != nil {
		return nil, err
	}
	return &Section{name: name, native: native}, nil
}

// Memory returns another descriptor of the section's memory, to be mapped.
func (s *Section) Memory() (*os.File, error) {
	if !s.uses.Enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	return memoryOf(s.native)
}
