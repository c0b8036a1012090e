package conduit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
)

// Structure is how a value lies in memory: what two programs must agree on, whatever they call the type, and in
// whatever language they were written. It is written into the head as text, for people, for a refusal that can name
// what differs, and for programs that print messages without knowing the type.
//
//	text   = type " " size "/" alignment
//	type   = scalar | "[" length "]" type | "{" field { " " field } "}" size
//	field  = name ":" type "@" offset
//	scalar = "u8" "u16" "u32" "u64" "i8" "i16" "i32" "i64" "f32" "f64"
//
// Sizes and offsets are in bytes, an offset from the start of the struct around it. Names are folded: in lower case,
// without underscores, so that flag_bits in C is FlagBits in Go. A char of C is u8. Padding is not said; it is what
// lies between: fields whose name begins with an underscore are padding too. The size of the outermost struct is
// said at the end alone: {x:f64@0 at:{sec:i64@0 nsec:u32@8}16@8} 24/8.
type Structure struct {
	Scalar Scalar // 0 for an array and a struct
	Length int    // of an array
	Elem   *Structure
	Fields []Field // of a struct
	Size   int
	Align  int // of the whole; inside it is not said, and 0
}

// Field is one of a struct.
type Field struct {
	Name   string // folded
	Offset int
	Type   *Structure
}

// Scalar is what a structure is made of in the end.
type Scalar byte

// The scalars, as they are called in the text.
const (
	U8 Scalar = iota + 1
	U16
	U32
	U64
	I8
	I16
	I32
	I64
	F32
	F64
)

var scalars = [...]struct {
	name string
	size int
}{U8: {"u8", 1}, U16: {"u16", 2}, U32: {"u32", 4}, U64: {"u64", 8}, I8: {"i8", 1}, I16: {"i16", 2}, I32: {"i32",
	4}, I64: {"i64", 8},
	F32: {"f32", 4}, F64: {"f64", 8}}

// ScalarStructure is the structure of a scalar; nil for what is none.
func ScalarStructure(s Scalar) *Structure {
	if s < U8 || s > F64 {
		return nil
	}
	return &Structure{Scalar: s, Size: scalars[s].size}
}

// mostAlign is what values lie at multiples of, whatever they are.
const mostAlign = 8

// mostDeep is how deep a structure may be nested.
const mostDeep = 32

// Fold is a name as it stands in the text: in lower case, without underscores. One of underscores alone stays.
func Fold(name string) string {
	folded := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	if folded == "" {
		return name
	}
	return folded
}

// String is the text.
func (s *Structure) String() string {
	return string(s.append(nil, true)) + fmt.Sprintf(" %d/%d", s.Size, s.Align)
}

func (s *Structure) append(b []byte, outermost bool) []byte {
	switch {
	case s.Scalar != 0:
		return append(b, scalars[s.Scalar].name...)
	case s.Elem != nil:
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(s.Length), 10)
		return s.Elem.append(append(b, ']'), false)
	}
	b = append(b, '{')
	for i, f := range s.Fields {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, f.Name...), ':')
		b = append(f.Type.append(b, false), '@')
		b = strconv.AppendInt(b, int64(f.Offset), 10)
	}
	b = append(b, '}')
	if outermost {
		return b
	}
	return strconv.AppendInt(b, int64(s.Size), 10)
}

// ParseStructure reads a text. Whoever wrote it may be hostile: what is returned has its parts inside each other, in
// order, and the text is the one that String gives.
func ParseStructure(text string) (*Structure, error) {
	if len(text) > MostText {
		return nil, fault.Fail(fault.InvalidParameter, "a structure of %d bytes of text; the most is %d", len(text), MostText)
	}
	p := &parser{rest: text}
	s := p.parse(0)
	p.want(" ")
	size := p.number()
	p.want("/")
	s.Align = p.number()
	if p.wrong == "" && p.rest != "" {
		p.fail("nothing more")
	}
	if s.Fields != nil {
		s.Size = size
		p.check(s)
	}
	if s.Size != size || size == 0 || s.Align < 1 || s.Align > mostAlign || s.Align&(s.Align-1) != 0 || size%s.Align != 0 {
		p.fail("a size that is that of its parts, and a multiple of an alignment,")
	}
	if p.wrong == "" && s.String() != text {
		p.fail("the text in its one form")
	}
	if p.wrong != "" {
		return nil, fault.Fail(fault.InvalidParameter, "%.200q is no structure: %s", text, p.wrong)
	}
	return s, nil
}

// parser reads a text from the front. The first thing that is wrong stays.
type parser struct {
	rest  string
	wrong string
}

func (p *parser) fail(wanted string) {
	if p.wrong == "" {
		p.wrong = fmt.Sprintf("%s is expected before %.40q", wanted, p.rest)
	}
	p.rest = ""
}

func (p *parser) want(s string) {
	if !p.got(s) {
		p.fail(strconv.Quote(s))
	}
}

func (p *parser) got(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) check(s *Structure) {
	if p.wrong == "" && !s.fits() {
		p.fail("a size that holds the parts, one behind the other,")
	}
}

func (p *parser) number() int {
	end := 0
	for end < len(p.rest) && '0' <= p.rest[end] && p.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(p.rest[:end], 10, 31)
	if err != nil {
		p.fail("a number")
		return 0
	}
	p.rest = p.rest[end:]
	return int(n)
}

func (p *parser) name() string {
	end := strings.IndexAny(p.rest, ":{}[]@ /")
	if end <= 0 || p.rest[end] != ':' || Fold(p.rest[:end]) != p.rest[:end] {
		p.fail("a name")
		return ""
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	return name
}

func (p *parser) parse(depth int) *Structure {
	s := &Structure{}
	switch {
	case depth > mostDeep:
		p.fail("less depth")
	case p.got("["):
		s.Length = p.number()
		p.want("]")
		s.Elem = p.parse(depth + 1)
		p.check(s)
	case p.got("{"):
		for p.wrong == "" && !p.got("}") {
			if len(s.Fields) > 0 {
				p.want(" ")
			}
			f := Field{Name: p.name()}
			p.want(":")
			f.Type = p.parse(depth + 1)
			p.want("@")
			f.Offset = p.number()
			s.Fields = append(s.Fields, f)
		}
		if depth > 0 {
			s.Size = p.number()
			p.check(s)
		}
	default:
		for i := len(scalars) - 1; i > 0; i-- {
			if p.got(scalars[i].name) {
				s.Scalar, s.Size = Scalar(i), scalars[i].size
				return s
			}
		}
		p.fail("a type")
	}
	return s
}

// fits reports whether the parts lie inside the whole, in order, none over another, and under different names.
func (s *Structure) fits() bool {
	if s.Elem != nil {
		switch {
		case s.Elem.Size > 0 && s.Length > math.MaxInt32/s.Elem.Size:
			return false
		case s.Elem.Size == 0 && s.Length > 0: // nested, they would be more than anybody can print
			return false
		}
		s.Size = s.Length * s.Elem.Size
	}
	end := 0
	for i, f := range s.Fields {
		if slices.ContainsFunc(s.Fields[:i], func(other Field) bool { return other.Name == f.Name }) {
			return false
		}
		if f.Offset < end || f.Type.Size > s.Size || f.Offset > s.Size-f.Type.Size {
			return false
		}
		end = f.Offset + f.Type.Size
	}
	return true
}
