//go:build unix

package namedshm_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"go/types"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
	"github.com/namedshm/namedshm/wine"
)

// printedTypes are all exported types with names for JSON, and spelledTypes all that are numbers in Go and words there.
var (
	printedTypes = []reflect.Type{
		reflect.TypeFor[inspect.Info](), reflect.TypeFor[inspect.State](), reflect.TypeFor[inspect.SemaphoreState](),
		reflect.TypeFor[inspect.Ownership](), reflect.TypeFor[inspect.Holder](), reflect.TypeFor[inspect.Waiter](),
		reflect.TypeFor[inspect.Mapping](), reflect.TypeFor[inspect.Check](),
		reflect.TypeFor[upkeep.Leftover](), reflect.TypeFor[upkeep.Setup](),
		reflect.TypeFor[wine.Prefix](), reflect.TypeFor[wine.Process](), reflect.TypeFor[wine.SectionInfo](),
		reflect.TypeFor[flow.Info](), reflect.TypeFor[flow.End](), reflect.TypeFor[flow.Ring](), reflect.TypeFor[flow.Feed](),
	}
	spelledTypes = []reflect.Type{
		reflect.TypeFor[namedshm.Access](), reflect.TypeFor[namedshm.Rights](), reflect.TypeFor[namedshm.Protection](),
		reflect.TypeFor[namedshm.ResetMode](), reflect.TypeFor[namedshm.Namespace](), reflect.TypeFor[inspect.Kind](),
	}
)

// TestAllOfJSONIsTried: the lists above are complete, by what the compiler knows of the packages.
func TestAllOfJSONIsTried(t *testing.T) {
	of := compiled(t)
	found := map[string]bool{}
	for _, tried := range append(printedTypes, spelledTypes...) {
		found[tried.String()] = true
	}
	for _, directory := range surfaces["docs/api.txt"] {
		p := of(directory)
		for _, name := range p.Scope().Names() {
			object, ok := p.Scope().Lookup(name).(*types.TypeName)
			if !ok || !object.Exported() {
				continue
			}
			marshal, _, _ := types.LookupFieldOrMethod(object.Type(), false, p, "MarshalText")
			if (marshal != nil || tagged(object.Type())) && !found[p.Name()+"."+name] {
				t.Errorf("nobody tries how %s.%s comes back from JSON", p.Name(), name)
			}
		}
	}
}

// tagged reports whether a type is a struct with names for JSON.
func tagged(of types.Type) bool {
	s, ok := of.Underlying().(*types.Struct)
	return ok && s.NumFields() > 0 && strings.Contains(s.Tag(0), "json:")
}

// TestJSONComesBack fills each type with values of all sorts, writes it and reads it back, through a decoder that knows
// no other fields.
func TestJSONComesBack(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for _, printed := range printedTypes {
		for range 200 {
			want := reflect.New(printed)
			fill(random, want.Elem())
			text, err := json.Marshal(want.Interface())
			if err != nil {
				t.Fatalf("%v: %v", printed, err)
			}
			got := reflect.New(printed)
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(got.Interface()); err != nil {
				t.Fatalf("seed %d: %v from %s: %v", seed, printed, text, err)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Fatalf("seed %d: %v comes back from %s as\n%+v, it was\n%+v", seed, printed, text, got.Elem(), want.Elem())
			}
		}
	}
}

// fill gives a value something in every part, now and then nothing.
func fill(random *rand.Rand, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(random.Int64N(1<<33), random.Int64N(1e9)).UTC()))
		return
	}
	if random.IntN(8) == 0 && v.Kind() != reflect.Slice {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(random, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(random, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+random.IntN(3), 3))
		for i := range v.Len() {
			fill(random, v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"x", `Local\Ä b`, "\x1b[1m\u202e", `"<&>`, "\u2028"}[random.IntN(5)])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(random.Uint64() >> (64 - v.Type().Bits() + random.IntN(v.Type().Bits())))
	case reflect.Int, reflect.Int64:
		v.SetInt(random.Int64() >> random.IntN(64))
	default:
		panic(fmt.Sprintf("a %v is to be filled", v.Type()))
	}
}

// TestWordsComeBack: every value of a byte, and others, comes back from its words; other words are refused, and leave
// the value alone.
func TestWordsComeBack(t *testing.T) {
	for _, spelled := range spelledTypes {
		for value := range uint64(300) {
			if value >= 256 {
				value = 1<<(value-256) - 1
			}
			want, got := reflect.New(spelled), reflect.New(spelled)
			if want.Elem().OverflowUint(value) {
				continue
			}
			want.Elem().SetUint(value)
			text, err := want.Interface().(encoding.TextMarshaler).MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != fmt.Sprint(want.Elem()) {
				t.Errorf("%v %d is %q in JSON and %q elsewhere", spelled, value, text, fmt.Sprint(want.Elem()))
			}
			if err := got.Interface().(encoding.TextUnmarshaler).UnmarshalText(text); err != nil || got.Elem().Uint() != value {
				t.Errorf("%v %d comes back from %q as %d, %v", spelled, value, text, got.Elem().Uint(), err)
			}
		}
		kept := reflect.New(spelled)
		kept.Elem().SetUint(1)
		for _, text := range []string{"", "nonsense", "1", "0x100000000", "read|", "READ"} {
			err := kept.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
			if kept.Elem().Uint() != 1 || !errors.Is(err, namedshm.ErrInvalidParameter) {
				t.Errorf("%v from %q: %v, %v", spelled, text, kept.Elem(), err)
			}
		}
	}
}
