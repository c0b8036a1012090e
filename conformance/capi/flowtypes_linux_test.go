package capi

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

type (
	goScalars struct {
		A uint8
		B uint16
		C uint32
		D uint64
		E int8
		F int16
		G int32
		H int64
		I float32
		J float64
	}
	goWords struct {
		A byte
		B int8
		C int16
		D uint16
		E int32
		F uint32
		G int
		H uint
		I int64
		J uint64
	}
	goArrays struct {
		Text   [20]byte
		One    [1]int32
		Matrix [3][2]float64
		Rows   [2][5]byte
	}
	goLonger struct {
		Text   [20]byte
		One    [1]int32
		Matrix [3][2]float64
		Rows   [2][6]byte
	}
	goPoint  struct{ X, Y float32 }
	goNested struct {
		From goPoint
		Path [4]goPoint
		To   goPoint
		End  uint8
	}
	goOther struct {
		From goPoint
		Path [4]struct{ X, Z float32 }
		To   goPoint
		End  uint8
	}
	goDeeper struct {
		ID  uint32
		All [2]goNested
	}
	goHoles struct {
		First  uint8
		_      [7]byte
		Second uint64
		Third  uint8
		_      [7]byte
	}
	goMoved struct {
		First  uint8
		Second [8]byte
		Third  uint8
	}
	goPadded struct {
		A uint32
		_ uint32
		B uint64
	}
	goFolded struct {
		FlagBits, URLCount uint32
		Plain              uint32
	}
	goColored struct{ Color, N uint32 }
	goNarrow  struct {
		A uint32
		B uint64
	}
	goPacked struct {
		A uint8
		B uint32
	}
	goHalf    struct{ Width, _ uint32 }
	goRenamed struct{ Width, Depth uint32 }
	goSwapped struct{ Height, Width uint32 }
	goWider   struct {
		Width  uint32
		Height uint64
	}
	goSigned struct{ Width, Height int32 }
	goMore   struct{ Width, Height, Depth uint32 }
	goLess   struct{ X float32 }
)

// typeRow is a type of testdata/flowtypes.c and one in Go, and what a Go program is told that takes the one for the
// other: "" where they are the same.
type typeRow struct {
	name, difference string
	inC              string // what a C program is told that takes the one for the other
	send             func(ctx context.Context) error
	receive          func() (close func() error, err error)
}

func typed[T any](name, difference, inC string) typeRow {
	return typeRow{name, difference, inC, func(ctx context.Context) error {
		s, err := flow.OpenSender[T](ctx, name)
		if err == nil {
			err = s.Close()
		}
		return err
	}, func() (func() error, error) {
		r, err := flow.NewReceiver[T](name, flow.Ring{Lanes: 1, Capacity: 4096})
		if err != nil {
			return nil, err
		}
		return r.Close, nil
	}}
}

var typeRows = []typeRow{
	typed[goScalars]("scalars", "", ""),
	typed[goWords]("words", "", ""),
	typed[goArrays]("arrays", "", ""),
	typed[goNested]("nested", "", ""),
	typed[goDeeper]("deeper", "", ""),
	typed[goHoles]("holes", "", ""),
	typed[goPadded]("padded", "", ""),
	typed[goFolded]("folded", "", ""),
	typed[goColored]("colored", "", ""),
	typed[float64]("number", "", ""),
	typed[byte]("text", "", ""),
	typed[[16]uint16]("block", "", ""),
	typed[goHalf]("half", "", ""),
	typed[goNarrow]("narrow", "b is at byte 8, there at byte 4", "b is at byte 4, there at byte 8"),
	typed[goPacked]("packed", "b is at byte 4, there at byte 1", "b is at byte 1, there at byte 4"),
	typed[goRenamed]("renamed", "depth is the field at this place, there it is height",
		"height is the field at this place, there it is depth"),
	typed[goSwapped]("swapped", "height is the field at this place, there it is width",
		"width is the field at this place, there it is height"),
	typed[goWider]("wider", "height is at byte 8, there at byte 4", "height is at byte 4, there at byte 8"),
	typed[goSigned]("signed", "width is i32, there it is u32", "width is u32, there it is i32"),
	typed[goMore]("more", "depth is not there", "there is a field depth besides"),
	typed[goLess]("less", "there is a field y besides", "y is not there"),
	typed[goLonger]("length", "rows[0] has 6 elements, there it has 5", "rows[0] has 5 elements, there it has 6"),
	typed[goOther]("inner", "path[0].z is the field at this place, there it is path[0].y",
		"path[0].y is the field at this place, there it is path[0].z"),
	typed[uint64]("plain", "a value is u64, there it is f64", "a value is f64, there it is u64"),
	typed[goMoved]("moved", "second is at byte 1, there at byte 8", "second is at byte 8, there at byte 1"),
	typed[[8]uint32]("alignment", "a value has 8 elements, there it has 16", "a value has 16 elements, there it has 8"),
}

// TestFlowTypes: a struct in C or C++ and one in Go are the same, or whoever comes second is told the first thing that
// differs.
func TestFlowTypes(t *testing.T) {
	w := need(t)
	for compiler, flags := range map[string][]string{
		"gcc": {"-x", "c", "-std=c11", "-pedantic"},
		"g++": {"-x", "c++", "-std=c++17", "-pedantic"},
	} {
		t.Run(compiler, func(t *testing.T) {
			isolate(t)
			program := w.compile(t, compiler, "testdata/flowtypes.c", flags...)
			made := startFlow(t, program, "make")
			made.wants("ready")
			for _, row := range typeRows {
				wantDifference(t, row, row.send(t.Context()))
			}
			made.kill()
			for _, row := range typeRows {
				closeIt, err := row.receive()
				if err != nil {
					t.Fatal(row.name, err)
				}
				defer closeIt()
			}
			opened := startFlow(t, program, "open")
			for line := opened.line(); line != "ready"; line = opened.line() {
				wantDifferenceInC(t, line)
			}
		})
	}
}

func wantDifference(t *testing.T, row typeRow, err error) {
	t.Helper()
	switch {
	case row.difference == "" && err != nil:
		t.Errorf("%s: %v", row.name, err)
	case row.difference == "":
	case !errors.Is(err, namedshm.ErrDatatypeMismatch) || !strings.Contains(err.Error(), row.difference):
		t.Errorf("%s: %v; want %q", row.name, err, row.difference)
	}
}

// wantDifferenceInC is the same for a line of the C program's.
func wantDifferenceInC(t *testing.T, line string) {
	t.Helper()
	name, told, _ := strings.Cut(line, ": ")
	for _, row := range typeRows {
		if row.name != name {
			continue
		}
		code, text, _ := strings.Cut(told, " ")
		if row.inC == "" && code != "0" || row.inC != "" && (code != "1629" || !strings.Contains(text, row.inC)) {
			t.Errorf("%s in C: %s; want %q", name, told, row.inC)
		}
		return
	}
	t.Errorf("%q is in no row", line)
}

// TestFlowTypesRefused: what cannot be in memory that processes share does not compile.
func TestFlowTypesRefused(t *testing.T) {
	w := need(t)
	for name, c := range map[string]struct{ fields, described string }{
		"well":          {"uint32_t a;", "FLOW_F(struct s, a)"},
		"pointer":       {"char *a;", "FLOW_F(struct s, a)"},
		"bool":          {"_Bool a;", "FLOW_F(struct s, a)"},
		"long double":   {"long double a;", "FLOW_F(struct s, a)"},
		"bits":          {"unsigned a : 3;", "FLOW_F(struct s, a)"},
		"pointers":      {"int *a[3];", "FLOW_F(struct s, a)"},
		"alignment":     {"uint32_t a __attribute__((aligned(16)));", "FLOW_F(struct s, a)"},
		"struct":        {"struct inner a;", "FLOW_F(struct s, a)"},
		"another":       {"struct other a;", "FLOW_S(struct s, a, inner)"},
		"not there":     {"uint32_t a;", "FLOW_F(struct s, b)"},
		"array of rows": {"uint32_t a[2][2];", "FLOW_F2(struct s, a)"},
	} {
		right := name == "well" || name == "array of rows"
		for _, language := range [][]string{{"gcc", "c", "-std=c11"}, {"g++", "cpp", "-std=c++17"}} {
			fields := c.fields
			if language[0] == "g++" {
				fields = strings.ReplaceAll(fields, "_Bool", "bool")
			}
			text := "#include <namedshm_flow.h>\nstruct inner { int32_t x; };\nstruct other { int32_t x; };\n" +
				"struct s { " + fields + " };\n" +
				"FLOW_STRUCT(inner, struct inner, FLOW_F(struct inner, x));\nFLOW_STRUCT(type, struct s, " + c.described + ");\n" +
				"int main(void) { return type.size == 0 || inner.size == 0; }\n"
			if _, out, err := w.tryText(t, language[0], language[1], text, language[2], "-fsyntax-only"); (err == nil) != right {
				t.Errorf("%s in %s: %v\n%s", name, language[0], err, out)
			}
		}
	}
}
