package conduit

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
)

// StructureOf is the structure of a Go type, or why there can be none of its values in memory that processes share:
// an address means nothing there, and a bool that another process has made neither 0 nor 1 is one that Go has no
// meaning for.
func StructureOf(t reflect.Type) (*Structure, error) {
	if known, ok := structures.Load(t); ok {
		return known.(*Structure), nil
	}
	s, err := structureOf(t, t.String(), 0)
	if err != nil {
		return nil, err
	}
	s.Align = t.Align()
	switch text := s.String(); {
	case s.Size == 0:
		return nil, fault.Fail(fault.InvalidParameter, "%s has no size", t)
	case s.Align > mostAlign:
		return nil, fault.Fail(fault.InvalidParameter, "%s is aligned to %d bytes, and values are to %d at most", t,
			s.Align, mostAlign)
	case len(text) > MostText:
		return nil, fault.Fail(fault.InvalidParameter, "the structure of %s takes %d bytes of text; the most is %d", t,
			len(text), MostText)
	}
	structures.Store(t, s)
	return s, nil
}

// structures are those of types that were asked for.
var structures sync.Map

var scalarKinds = map[reflect.Kind]Scalar{
	reflect.Uint8: U8, reflect.Uint16: U16, reflect.Uint32: U32, reflect.Uint64: U64,
	reflect.Int8: I8, reflect.Int16: I16, reflect.Int32: I32, reflect.Int64: I64,
	reflect.Float32: F32, reflect.Float64: F64,
}

func structureOf(t reflect.Type, path string, depth int) (*Structure, error) {
	size := int(t.Size())
	if scalar, ok := scalarKinds[t.Kind()]; ok {
		return &Structure{Scalar: scalar, Size: size}, nil
	}
	if depth > mostDeep {
		return nil, fault.Fail(fault.InvalidParameter, "%s is nested too deep", path)
	}
	switch t.Kind() {
	case reflect.Int:
		return &Structure{Scalar: map[int]Scalar{4: I32, 8: I64}[size], Size: size}, nil
	case reflect.Complex64, reflect.Complex128:
		return nil, fault.Advise(fault.Fail(fault.InvalidParameter, "%s is a complex number, which not every language has",
			path),
			"take two floats")
	case reflect.Uint:
		return &Structure{Scalar: map[int]Scalar{4: U32, 8: U64}[size], Size: size}, nil
	case reflect.Bool:
		return nil, fault.Advise(fault.Fail(fault.InvalidParameter,
			"%s is a bool, and another process may make it neither true nor false", path),
			"take a uint8")
	case reflect.Array:
		elem, err := structureOf(t.Elem(), path+"[0]", depth+1)
		if err != nil {
			return nil, err
		}
		if elem.Size == 0 && t.Len() > 0 {
			return nil, fault.Fail(fault.InvalidParameter, "%s (%s) is an array of values that have no size", path, t)
		}
		return &Structure{Length: t.Len(), Elem: elem, Size: size}, nil
	case reflect.Struct:
		return structureOfStruct(t, path, depth)
	case reflect.String:
		return nil, fault.Advise(fault.Fail(fault.InvalidParameter,
			"%s is a string: an address, which means nothing in another process", path),
			"take an array of bytes, or make the bytes the message")
	}
	return nil, fault.Fail(fault.InvalidParameter, "%s (%s) is an address, which means nothing in another process", path,
		t)
}

// structureOfStruct leaves out fields whose name begins with an underscore: they are padding.
func structureOfStruct(t reflect.Type, path string, depth int) (*Structure, error) {
	s := &Structure{Size: int(t.Size())}
	names := map[string]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Size() == 0 && strings.HasPrefix(f.Name, "_") {
			continue // a mark for vet or the compiler
		}
		inner, err := structureOf(f.Type, path+"."+f.Name, depth+1)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(f.Name, "_") {
			continue
		}
		folded := Fold(f.Name)
		if other, taken := names[folded]; taken {
			return nil, fault.Fail(fault.InvalidParameter, "%s has fields %s and %s, which are one name in other languages",
				path, other, f.Name)
		}
		names[folded] = f.Name
		s.Fields = append(s.Fields, Field{Name: folded, Offset: int(f.Offset), Type: inner})
	}
	if len(s.Fields) == 0 {
		return nil, fault.Fail(fault.InvalidParameter, "%s (%s) has no fields", path, t)
	}
	return s, nil
}

// Difference says what is the first thing that differs between the structure that somebody wants and the one that is
// there; "" for nothing.
func Difference(wanted, there *Structure) string {
	if where := differ(wanted, there, ""); where != "" {
		return where
	}
	switch {
	case wanted.Size != there.Size:
		return fmt.Sprintf("it has %d bytes, there it has %d", wanted.Size, there.Size)
	case wanted.Align != there.Align:
		return fmt.Sprintf("it is aligned to %d bytes, there to %d", wanted.Align, there.Align)
	}
	return ""
}

func differ(wanted, there *Structure, path string) string {
	name := path
	if name == "" {
		name = "a value"
	}
	switch {
	case wanted.Fields != nil && there.Fields != nil:
		return differInFields(wanted, there, path)
	case wanted.Elem != nil && there.Elem != nil:
		if wanted.Length != there.Length {
			return fmt.Sprintf("%s has %d elements, there it has %d", name, wanted.Length, there.Length)
		}
		return differ(wanted.Elem, there.Elem, path+"[0]")
	case wanted.Scalar != there.Scalar || wanted.Scalar == 0:
		return fmt.Sprintf("%s is %s, there it is %s", name, wanted.brief(), there.brief())
	}
	return ""
}

func differInFields(wanted, there *Structure, path string) string {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	for i, w := range wanted.Fields {
		if i >= len(there.Fields) {
			return fmt.Sprintf("%s%s is not there", prefix, w.Name)
		}
		t := there.Fields[i]
		switch {
		case w.Name != t.Name:
			return fmt.Sprintf("%s%s is the field at this place, there it is %s%s", prefix, w.Name, prefix, t.Name)
		case w.Offset != t.Offset:
			return fmt.Sprintf("%s%s is at byte %d, there at byte %d", prefix, w.Name, w.Offset, t.Offset)
		}
		if where := differ(w.Type, t.Type, prefix+w.Name); where != "" {
			return where
		}
	}
	if len(there.Fields) > len(wanted.Fields) {
		return fmt.Sprintf("there is a field %s%s besides", prefix, there.Fields[len(wanted.Fields)].Name)
	}
	if path != "" && wanted.Size != there.Size {
		return fmt.Sprintf("%s has %d bytes, there it has %d", path, wanted.Size, there.Size)
	}
	return ""
}

// brief is the structure in a word or two.
func (s *Structure) brief() string {
	switch {
	case s.Scalar != 0:
		return scalars[s.Scalar].name
	case s.Elem != nil:
		return fmt.Sprintf("[%d]%s", s.Length, s.Elem.brief())
	}
	return fmt.Sprintf("a struct of %d bytes", s.Size)
}
