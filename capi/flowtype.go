//go:build linux && cgo && (amd64 || arm64)

package main

// #include "namedshm_flow.h"
import "C"

import (
	"strings"
	"unsafe"

	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
)

// structureOf is the structure that a C program describes. That it is one is for the parser of the text to say, which
// knows what there can be.
func structureOf(t *C.FLOW_TYPE) (*conduit.Structure, error) {
	s, err := structureIn(t, 0)
	if err != nil {
		return nil, err
	}
	s.Align = int(t.alignment)
	return conduit.ParseStructure(s.String())
}

// mostDeep ends the description of a type that has itself inside.
const mostDeep = 32

func structureIn(t *C.FLOW_TYPE, depth int) (*conduit.Structure, error) {
	fields := unsafe.Slice(t.fields, max(int(t.count), 1))
	if t.count == 0 {
		return structureOfField(&fields[0], depth)
	}
	s := &conduit.Structure{Size: int(t.size)}
	for i := range fields {
		f := &fields[i]
		name := C.GoString(f.name)
		if strings.HasPrefix(name, "_") {
			continue
		}
		inner, err := structureOfField(f, depth)
		if err != nil {
			return nil, err
		}
		folded := conduit.Fold(name)
		for _, other := range s.Fields {
			if other.Name == folded {
				return nil, fault.Fail(fault.InvalidParameter, "there are two fields that are called %s in other languages", folded)
			}
		}
		s.Fields = append(s.Fields, conduit.Field{Name: folded, Offset: int(f.offset), Type: inner})
	}
	if len(s.Fields) == 0 {
		return nil, fault.Fail(fault.InvalidParameter, "a struct without fields")
	}
	return s, nil
}

func structureOfField(f *C.FLOW_FIELD, depth int) (*conduit.Structure, error) {
	var of *conduit.Structure
	switch scalar := conduit.Scalar(f.code &^ C.FLOW_ARRAY); {
	case depth > mostDeep:
		return nil, fault.Fail(fault.InvalidParameter, "it is nested too deep")
	case scalar != C.FLOW_NESTED:
		of = conduit.ScalarStructure(scalar)
	case f._type != nil:
		var err error
		if of, err = structureIn(f._type, depth+1); err != nil {
			return nil, err
		}
	}
	if of == nil {
		return nil, fault.Fail(fault.InvalidParameter, "the field %s is of no type", C.GoString(f.name))
	}
	if f.row != 0 {
		of = arrayOf(of, int(f.row))
	}
	if f.code&C.FLOW_ARRAY != 0 {
		of = arrayOf(of, int(f.size))
	}
	return of, nil
}

// arrayOf is an array of so many bytes.
func arrayOf(elem *conduit.Structure, size int) *conduit.Structure {
	return &conduit.Structure{Elem: elem, Length: size / elem.Size, Size: size}
}
