package capi

import (
	"fmt"
	"strings"
	"testing"
)

// TestStandards: by which standards of the languages a program compiles without a word, and that the others are told
// what is missing.
func TestStandards(t *testing.T) {
	w := need(t)
	const program = "#include <windows.h>\nint main(void) { return CreateMutex(NULL, FALSE, TEXT(\"\")) == NULL; }\n"
	for _, c := range []struct{ compiler, suffix, standard, refused string }{
		{"gcc", "c", "gnu89", "wide"},
		{"gcc", "c", "c99", "wide"},
		{"gcc", "c", "gnu99", ""},
		{"gcc", "c", "c11", ""},
		{"gcc", "c", "gnu17", ""},
		{"g++", "cpp", "c++98", "wide"},
		{"g++", "cpp", "gnu++98", "wide"},
		{"g++", "cpp", "c++11", ""},
		{"g++", "cpp", "gnu++20", ""},
	} {
		for width, flags := range map[string][]string{"narrow": nil, "wide": {"-DUNICODE", "-D_UNICODE"},
			"short": {"-DUNICODE", "-D_UNICODE", "-fshort-wchar"}} {
			t.Run(fmt.Sprint(c.standard, " ", width), func(t *testing.T) {
				_, out, err := w.tryText(t, c.compiler, c.suffix, program, append(flags, "-fsyntax-only", "-std="+c.standard)...)
				switch {
				case width == c.refused:
					if err == nil || !strings.Contains(string(out), "TEXT_with_UNICODE_takes_C11_or_CXX11") {
						t.Errorf("%v\n%s", err, out)
					}
				case err != nil, len(out) > 0:
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
