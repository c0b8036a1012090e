package conduit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/namedshm/namedshm/internal/fault"
)

// A message as JSON, by the structure alone: for programs that have no type for it.
//
// A value is what its structure says: a struct an object, with the folded names; an array an array; a scalar a
// number, and a float that is none the string "NaN", "Infinity" or "-Infinity". A message of one struct or scalar is
// that value; any other message is an array of its values.

// AppendJSON appends a message to b.
func (s *Structure) AppendJSON(b, message []byte) ([]byte, error) {
	if len(message)%s.Size != 0 {
		return b, fault.Fail(fault.InvalidParameter, "a message of %d bytes, and a value has %d", len(message), s.Size)
	}
	if len(message) == s.Size && s.Elem == nil {
		return s.appendValue(b, message), nil
	}
	b = append(b, '[')
	for i := 0; i < len(message); i += s.Size {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendValue(b, message[i:i+s.Size])
	}
	return append(b, ']'), nil
}

func (s *Structure) appendValue(b, at []byte) []byte {
	switch {
	case s.Scalar != 0:
		return s.Scalar.append(b, at)
	case s.Elem != nil:
		b = append(b, '[')
		for i := range s.Length {
			if i > 0 {
				b = append(b, ',')
			}
			b = s.Elem.appendValue(b, at[i*s.Elem.Size:(i+1)*s.Elem.Size])
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, f := range s.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(f.Name)
		b = append(append(b, name...), ':')
		b = f.Type.appendValue(b, at[f.Offset:f.Offset+f.Type.Size])
	}
	return append(b, '}')
}

func (s Scalar) append(b, at []byte) []byte {
	bits := load(at[:scalars[s].size])
	switch s {
	case I8, I16, I32, I64:
		shift := 64 - 8*scalars[s].size
		return strconv.AppendInt(b, int64(bits<<shift)>>shift, 10)
	case F32:
		return appendFloat(b, float64(math.Float32frombits(uint32(bits))), 32)
	case F64:
		return appendFloat(b, math.Float64frombits(bits), 64)
	}
	return strconv.AppendUint(b, bits, 10)
}

func appendFloat(b []byte, f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, size)
}

// load is a number of the machine's own byte order.
func load(at []byte) uint64 {
	switch len(at) {
	case 1:
		return uint64(at[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(at))
	case 4:
		return uint64(binary.NativeEndian.Uint32(at))
	}
	return binary.NativeEndian.Uint64(at)
}

func store(at []byte, v uint64) {
	switch len(at) {
	case 1:
		at[0] = byte(v)
	case 2:
		binary.NativeEndian.PutUint16(at, uint16(v))
	case 4:
		binary.NativeEndian.PutUint32(at, uint32(v))
	default:
		binary.NativeEndian.PutUint64(at, v)
	}
}

// ParseJSON is the message that a JSON text says, which AppendJSON would give, or a looser one: names count without
// case and underscores, fields may be missing, and are zero then; an array of u8 may be a string, and its rest is
// zero.
func (s *Structure) ParseJSON(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, &fault.Fault{Code: fault.InvalidParameter, Cause: err}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fault.Fail(fault.InvalidParameter, "there is more behind the message")
	}
	values, several := value.([]any)
	if !several {
		values = []any{value}
	}
	m := make([]byte, len(values)*s.Size)
	for i, v := range values {
		if err := s.parse(m[i*s.Size:(i+1)*s.Size], v, "a value"); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (s *Structure) parse(at []byte, value any, path string) error {
	wrong := func(wanted string) error {
		return fault.Fail(fault.InvalidParameter, "%s is not %s", path, wanted)
	}
	switch {
	case s.Scalar != 0:
		return s.Scalar.parse(at, value, wrong)
	case s.Elem != nil:
		if text, ok := value.(string); ok && s.Elem.Scalar == U8 && len(text) <= s.Length {
			copy(at, text)
			return nil
		}
		values, ok := value.([]any)
		if !ok || len(values) != s.Length {
			return wrong(fmt.Sprintf("an array of %d", s.Length))
		}
		for i, v := range values {
			if err := s.Elem.parse(at[i*s.Elem.Size:(i+1)*s.Elem.Size], v, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return wrong("an object")
	}
	return s.parseFields(at, object, path)
}

func (s *Structure) parseFields(at []byte, object map[string]any, path string) error {
	byName := make(map[string]*Field, len(s.Fields))
	for i := range s.Fields {
		byName[s.Fields[i].Name] = &s.Fields[i]
	}
	for name, value := range object {
		f := byName[Fold(name)]
		if f == nil {
			return fault.Fail(fault.InvalidParameter, "%s has no field %q", path, name)
		}
		delete(byName, f.Name) // who says it twice finds it gone
		if err := f.Type.parse(at[f.Offset:f.Offset+f.Type.Size], value, path+"."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

func (s Scalar) parse(at []byte, value any, wrong func(string) error) error {
	name, size := scalars[s].name, scalars[s].size
	text := ""
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case string:
		if (s == F32 || s == F64) && (value == "NaN" || value == "Infinity" || value == "-Infinity") {
			text = value
		}
	}
	var bits uint64
	var err error
	switch s {
	case I8, I16, I32, I64:
		var n int64
		n, err = strconv.ParseInt(text, 10, 8*size)
		bits = uint64(n)
	case F32, F64:
		var f float64
		f, err = strconv.ParseFloat(text, 8*size)
		if bits = math.Float64bits(f); s == F32 {
			bits = uint64(math.Float32bits(float32(f)))
		}
	default:
		bits, err = strconv.ParseUint(text, 10, 8*size)
	}
	if err != nil {
		return wrong("a " + name)
	}
	store(at[:size], bits)
	return nil
}
