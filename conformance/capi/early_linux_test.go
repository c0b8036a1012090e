package capi

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestBeforeMain: a program may make calls before main, in whatever way it is linked.
func TestBeforeMain(t *testing.T) {
	w := need(t)
	for name, flags := range map[string][]string{"shared": {"-O1"}, "static": {"-O1", "-static"}} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			e := finish(t, command(t, w.compile(t, "g++", "testdata/early.cpp", flags...)))
			if want := "blocked 0 0 0 0\nmutex 1 event 0\nclosed\n"; !e.state.Success() || e.out != want || e.complaint != "" {
				t.Errorf("%v\n%s%s", e.state, e.out, e.complaint)
			}
		})
	}
}

// TestConstructorsFirst: in the archive nothing is left of the sections of constructors that a program's own may
// precede, or come between. Those below 101 are kept for the implementation.
func TestConstructorsFirst(t *testing.T) {
	w := need(t)
	out, err := exec.Command("readelf", "-SW", filepath.Join(w.prefix, "lib", "libnamedshm.a")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`\] (\.(?:preinit_array|init_array|ctors)\S*)`).FindAllStringSubmatch(string(out),
		-1) {
		got = append(got, m[1])
	}
	want := map[string]bool{".init_array.00097": true, ".init_array.00098": true, ".init_array.00099": true}
	if len(got) != len(want) {
		t.Fatalf("sections %q", got)
	}
	for _, section := range got {
		if !want[section] {
			t.Errorf("section %s", section)
		}
	}
}

// TestTooEarly: what runs before every constructor may make no call. It is told so, and does not hang.
func TestTooEarly(t *testing.T) {
	w := need(t)
	for name, flags := range map[string][]string{"shared": nil, "static": {"-static"}} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			program, out, err := w.tryText(t, "gcc", "c", `
#include <windows.h>
static void call(void) { CreateMutexA(NULL, FALSE, NULL); }
__attribute__((section(".preinit_array"), used)) static void (*const before_all)(void) = call;
int main(void) { return 0; }
`, flags...)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			e := finish(t, command(t, program))
			if e.state.String() != "signal: aborted" ||
				e.complaint != "namedshm: a call was made before the library's constructors have run\n" {
				t.Errorf("%v %q", e.state, e.complaint)
			}
		})
	}
}
