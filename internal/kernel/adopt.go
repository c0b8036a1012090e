package kernel

import (
	"context"
	"os"
)

// This file is the door for package wine: memory that another object manager made, Wine's, becomes a section here, and a
// section's memory can be lent to it.

// RootSection and KernelSection lead from a section to the root package's and back. The root package sets them: it has no
// exported way to make a section of memory that is there already, because what such memory promises (no seals, no
// lifetime of its own) is less than what a section does.
var (
	RootSection   func(*Section) any
	KernelSection func(any) *Section
)

// AdoptSection makes a section of a file's memory: size bytes of it, rounded up to whole pages. access, Read or Read and
// Write, is all that anybody can get through it. With a name the section is a Local object like any other, whose holders
// keep the memory alive; without one it is this process's own.
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

// Memory is another descriptor of the section's memory, for somebody to map.
func (s *Section) Memory() (*os.File, error) {
	if !s.uses.enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	return memoryOf(s.native)
}
