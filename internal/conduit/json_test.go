package conduit

import (
	"encoding/json"
	"math"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestJSON: what a message says, and the message that a text says.
func TestJSON(t *testing.T) {
	type value struct {
		X     float64
		Y     float32
		Z     int16
		_     [2]byte
		Tag   [4]uint8
		_     [4]byte
		Big   uint64
		Small int64
	}
	s := mustParse("{x:f64@0 y:f32@8 z:i16@12 tag:[4]u8@16 big:u64@24 small:i64@32} 40/8")
	v := [2]value{{1.5, math.MaxFloat32, -3, [2]byte{}, [4]uint8{'a', 'b'}, [4]byte{}, math.MaxUint64, math.MinInt64},
		{math.Inf(-1), float32(math.NaN()), math.MinInt16, [2]byte{}, [4]uint8{}, [4]byte{}, 0, 0}}
	if unsafe.Sizeof(v[0]) != uintptr(s.Size) {
		t.Skip("eight bytes lie elsewhere here")
	}
	m := unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))
	const first = `{"x":1.5,"y":3.4028235e+38,"z":-3,"tag":[97,98,0,0],"big":18446744073709551615,"small":-9223372036854775808}`
	const second = `{"x":"-Infinity","y":"NaN","z":-32768,"tag":[0,0,0,0],"big":0,"small":0}`
	for want, m := range map[string][]byte{first: m[:40], "[" + first + "," + second + "]": m, "[]": {}} {
		got, err := s.AppendJSON(nil, m)
		if err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		back, err := s.ParseJSON(got)
		again, _ := s.AppendJSON(nil, back)
		if err != nil || string(again) != want {
			t.Errorf("%s is read as %s, %v", got, again, err)
		}
	}
	if _, err := s.AppendJSON(nil, m[:41]); err == nil {
		t.Error("a message and a bit")
	}
	loose, err := s.ParseJSON([]byte(`{"X_": 1.5, "tag": "ab", "BIG": 7}`))
	if got, _ := s.AppendJSON(nil, loose); err != nil ||
		string(got) != `{"x":1.5,"y":0,"z":0,"tag":[97,98,0,0],"big":7,"small":0}` {
		t.Errorf("%s, %v", got, err)
	}
	array := mustParse("[2]u8 2/1")
	if got, err := array.AppendJSON(nil, []byte{1, 2}); err != nil || string(got) != "[[1,2]]" {
		t.Errorf("%s, %v", got, err)
	}
	for text, want := range map[string]string{"7": "07", "[7,8]": "0708", "[]": ""} {
		if got, err := mustParse("u8 1/1").ParseJSON([]byte(text)); err != nil || string(hexed(got)) != want {
			t.Errorf("%s is read as %x, %v", text, got, err)
		}
	}
}

func hexed(b []byte) []byte {
	const digits = "0123456789abcdef"
	var h []byte
	for _, c := range b {
		h = append(h, digits[c>>4], digits[c&15])
	}
	return h
}

// TestJSONThatDoesNotFit is refused, and nothing is rounded or cut.
func TestJSONThatDoesNotFit(t *testing.T) {
	s := mustParse("{a:u8@0 b:[2]i8@1 c:f32@4} 8/4")
	for _, text := range []string{
		"", "{", "7", `"x"`, "null", "{} {}", `{"a":256}`, `{"a":-1}`, `{"a":1.5}`, `{"a":1e2}`, `{"a":"7"}`,
		`{"a":null}`, `{"b":[1]}`, `{"b":[1,2,3]}`,
		`{"b":[1,128]}`, `{"b":"ab"}`, `{"c":1e39}`, `{"c":"x"}`, `{"c":"Inf"}`, `{"d":1}`, `{"a":1,"A":2}`,
		`{"a":true}`, `[7]`, `{"b":{"x":1}}`,
	} {
		if m, err := s.ParseJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %x", text, m)
		} else {
			mustFail(t, err, fault.InvalidParameter)
		}
	}
}
