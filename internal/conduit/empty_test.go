package conduit

import (
	"reflect"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestArraysOfNothing: a text of a few bytes could say that a value has more parts than anybody can print, all of them
// without a size.
func TestArraysOfNothing(t *testing.T) {
	for _, text := range []string{
		"{a:[2147483647][2147483647]{}0@0 b:u8@0} 1/1", "{a:[2147483647][0]u8@0 b:u8@0} 1/1", "{a:[2]{}0@0 b:u8@0} 1/1",
	} {
		s, err := ParseStructure(text)
		if fault.CodeOf(err) != fault.InvalidParameter {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	s, err := ParseStructure("{a:[0]u64@0 b:u8@0} 8/8")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.AppendJSON(nil, make([]byte, 8)); err != nil || string(b) != `{"a":[],"b":0}` {
		t.Errorf("%s, %v", b, err)
	}
	if s, err := StructureOf(reflect.TypeFor[struct {
		A [3][0]uint8
		B uint8
	}]()); fault.CodeOf(err) != fault.InvalidParameter {
		t.Errorf("%v, %v", s, err)
	}
}
