package conduit

import (
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

type (
	tick struct {
		X, Y  float64
		Flags uint32
		Tag   [12]uint8
	}
	named struct {
		Best_Bid float32 //nolint
		ASK      float32
	}
	padded struct {
		A uint8
		_ [3]byte
		B uint32
	}
	implicit struct {
		A uint8
		B uint32
	}
	commented struct {
		A    uint8
		_pad [3]byte
		B    uint32
	}
	inner struct {
		Sec  int64
		Nsec uint32
	}
	outer struct {
		At    [2]inner
		Where inner
	}
	widths struct {
		A int8
		B int16
		C int32
		D int64
		E uint8
		F uint16
		G uint32
		H uint64
		I float32
		J float64
	}
	embedding struct {
		inner
		N uint8
	}
)

var _ = commented{}._pad

// TestStructures: what Go lays out is what the C compiler does with the fields beside it, in one text.
func TestStructures(t *testing.T) {
	for _, c := range []struct {
		value any
		c     string // for people: what a C program has
		text  string
	}{
		{uint8(0), "char", "u8 1/1"},
		{float64(0), "double", "f64 8/8"},
		{[12]uint8{}, "unsigned char[12]", "[12]u8 12/1"},
		{[2][3]int16{}, "short[2][3]", "[2][3]i16 12/2"},
		{tick{}, "{double x, y; uint32_t flags; uint8_t tag[12];}", "{x:f64@0 y:f64@8 flags:u32@16 tag:[12]u8@20} 32/8"},
		{named{}, "{float best_bid, ask;}", "{bestbid:f32@0 ask:f32@4} 8/4"},
		{padded{}, "{uint8_t a; uint32_t b;}", "{a:u8@0 b:u32@4} 8/4"},
		{implicit{}, "the same", "{a:u8@0 b:u32@4} 8/4"},
		{commented{}, "{uint8_t a; uint8_t _pad[3]; uint32_t b;}", "{a:u8@0 b:u32@4} 8/4"},
		{outer{}, "{struct {int64_t sec; uint32_t nsec;} at[2], where;}",
			"{at:[2]{sec:i64@0 nsec:u32@8}16@0 where:{sec:i64@0 nsec:u32@8}16@32} 48/8"},
		{embedding{}, "{struct {int64_t sec; uint32_t nsec;} inner; uint8_t n;}",
			"{inner:{sec:i64@0 nsec:u32@8}16@0 n:u8@16} 24/8"},
		{widths{}, "one of each",
			"{a:i8@0 b:i16@2 c:i32@4 d:i64@8 e:u8@16 f:u16@18 g:u32@20 h:u64@24 i:f32@32 j:f64@40} 48/8"},
	} {
		if unsafe.Sizeof(uintptr(0)) < 8 && strings.Contains(c.text, "64") {
			continue // where a multiple of 4 is enough for 8 bytes
		}
		s, err := StructureOf(reflect.TypeOf(c.value))
		if err != nil {
			t.Errorf("%T: %v", c.value, err)
			continue
		}
		if got := s.String(); got != c.text {
			t.Errorf("%T is %s, want %s (in C: %s)", c.value, got, c.text, c.c)
		}
		parsed, err := ParseStructure(c.text)
		if err != nil || !reflect.DeepEqual(parsed, s) {
			t.Errorf("%s is read as %+v, %v; want %+v", c.text, parsed, err, s)
		}
	}
	s, err := StructureOf(reflect.TypeFor[int]())
	if want := map[uintptr]string{4: "i32 4/4", 8: "i64 8/8"}[unsafe.Sizeof(0)]; err != nil || s.String() != want {
		t.Errorf("int is %v, %v", s, err)
	}
	if s, err := StructureOf(reflect.TypeFor[atomic.Int64]()); err != nil || s.String() != "{v:i64@0} 8/8" {
		t.Errorf("atomic.Int64 is %v, %v", s, err)
	}
}

// TestRefusedTypes: an address, what another process can make nonsense of, and what has no size. The error names the
// place.
func TestRefusedTypes(t *testing.T) {
	type deep struct{ A [3]struct{ Name string } }
	for where, value := range map[string]any{
		"uintptr": uintptr(0), "*int": new(int), "string": "", "bool": true, "[]uint8": []byte{}, "func()": func() {},
		"chan int":       make(chan int),
		"unsafe.Pointer": unsafe.Pointer(nil), "complex64": complex64(0), "complex128": complex128(0),
		"struct {}": struct{}{}, "[0]int": [0]int{},
		"conduit.deep.A[0].Name": deep{}, "map[int]int": map[int]int{}, "B is not": nil,
	} {
		of := reflect.TypeOf(value)
		if value == nil {
			where, of = ".B", reflect.TypeFor[struct {
				A uint8
				B bool
			}]()
		}
		s, err := StructureOf(of)
		if err == nil {
			t.Errorf("%v is %v", of, s)
			continue
		}
		mustFail(t, err, fault.InvalidParameter)
		if !strings.Contains(err.Error(), where) {
			t.Errorf("%v: %v does not say %q", of, err, where)
		}
	}
	_, err := StructureOf(reflect.TypeFor[struct{ A_b, AB uint8 }]())
	mustFail(t, err, fault.InvalidParameter)
	var fields []reflect.StructField
	for i := range 1000 {
		fields = append(fields, reflect.StructField{Name: "F" + strings.Repeat("x", i), Type: reflect.TypeFor[uint8]()})
	}
	_, err = StructureOf(reflect.StructOf(fields[:200]))
	mustFail(t, err, fault.InvalidParameter)
}

// TestDifferences: the first thing that differs is named, whichever it is.
func TestDifferences(t *testing.T) {
	for _, c := range []struct{ wanted, there, want string }{
		{"u8 1/1", "u8 1/1", ""},
		{"u8 1/1", "i8 1/1", "a value is u8, there it is i8"},
		{"{a:u8@0} 1/1", "u8 1/1", "a value is a struct of 1 bytes, there it is u8"},
		{"[3]u8 3/1", "[4]u8 4/1", "a value has 3 elements, there it has 4"},
		{"{x:f64@0 y:f64@8} 16/8", "{x:f64@0 z:f64@8} 16/8", "y is the field at this place, there it is z"},
		{"{x:f64@0 y:f64@8} 16/8", "{y:f64@0 x:f64@8} 16/8", "x is the field at this place, there it is y"},
		{"{x:f32@0 y:f32@8} 16/8", "{x:f32@0 y:f32@4} 8/4", "y is at byte 8, there at byte 4"},
		{"{a:u32@0 b:i64@8} 16/8", "{a:u32@0 b:i64@4} 12/4", "b is at byte 8, there at byte 4"},
		{"{a:i64@0} 8/8", "{a:i64@0} 8/4", "it is aligned to 8 bytes, there to 4"},
		{"{a:u8@0} 1/1", "{a:u8@0} 2/1", "it has 1 bytes, there it has 2"},
		{"{a:u8@0 b:u8@1} 2/1", "{a:u8@0} 1/1", "b is not there"},
		{"{a:u8@0} 1/1", "{a:u8@0 b:u8@1} 2/1", "there is a field b besides"},
		{"{a:{b:[2]u16@0}4@0} 4/2", "{a:{b:[2]i16@0}4@0} 4/2", "a.b[0] is u16, there it is i16"},
		{"{a:{b:[2]u16@0}4@0} 4/2", "{a:{b:[2]u16@0}6@0} 6/2", "a has 4 bytes, there it has 6"},
		{"{a:[2]u16@0} 4/2", "{a:u32@0} 4/4", "a is [2]u16, there it is u32"},
	} {
		if got := Difference(mustParse(c.wanted), mustParse(c.there)); got != c.want {
			t.Errorf("%s and %s: %q, want %q", c.wanted, c.there, got, c.want)
		}
	}
}

// TestTextsThatAreNoStructure: what is not as String writes it, or has parts that do not lie in it.
func TestTextsThatAreNoStructure(t *testing.T) {
	for _, text := range []string{
		"", "u8", "u8 1", "u8 1/", "u8 1/1 ", " u8 1/1", "u8  1/1", "u8 2/1", "u8 1/0", "u8 1/3", "u16 2/16", "u9 1/1",
		"u8 01/1", "u8 -1/1",
		"{} 0/1", "{} 1/1", "{a:u8@0} 0/1", "{A:u8@0} 1/1", "{a_b:u8@0} 1/1", "{:u8@0} 1/1", "{a:u8@0 } 1/1",
		"{a:u8@0b:u8@1} 2/1", "{a:u8@1} 1/1",
		"{a:u8@0 b:u8@0} 1/1", "{a:u16@0 b:u8@1} 2/1", "{a:u8@0 b:u64@4294967295} 8/8", "{a:{b:u16@0}1@0} 2/1",
		"{a:{b:u16@0}@0} 2/1",
		"[2u8 2/1", "[2]u8 3/1", "[99999999999]u8 1/1", "[0]u8 0/1", "[2147483647][2147483647]u64 8/8",
		"[65536][65536]u64 8/8", "u8 1/1\x00",
		"{a:u8@0 a:u8@1} 2/1", strings.Repeat("[1]", 100) + "u8 1/1", strings.Repeat("{a:", 100) +
			"u8 1/1", strings.Repeat("x", 5000),
	} {
		if s, err := ParseStructure(text); err == nil {
			t.Errorf("%q is read as %+v", text, s)
		} else {
			mustFail(t, err, fault.InvalidParameter)
		}
	}
}

// FuzzStructure: whatever text is read, its parts lie inside it, and it is the text that is written for what was read.
func FuzzStructure(f *testing.F) {
	f.Add("{x:f64@0 at:[2]{sec:i64@0 nsec:u32@8}16@8} 40/8")
	f.Add("[3][4]u16 24/2")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStructure(text)
		if err != nil {
			return
		}
		if s.String() != text {
			t.Errorf("%q is written as %q", text, s.String())
		}
		if s.Size > 1<<20 || s.cells() > 10000 {
			return
		}
		m := make([]byte, s.Size)
		b, err := s.AppendJSON(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := s.ParseJSON(b); err != nil || string(back) != string(m) {
			t.Errorf("%s: %s is read as %x, %v", text, b, back, err)
		}
	})
}

// cells is how many values there are to print.
func (s *Structure) cells() int {
	switch {
	case s.Scalar != 0:
		return 1
	case s.Elem != nil:
		if s.Length > 10000 {
			return s.Length
		}
		return 1 + s.Length*min(s.Elem.cells(), 10001)
	}
	sum := 0
	for _, f := range s.Fields {
		sum += min(f.Type.cells(), 10001)
	}
	return sum
}
