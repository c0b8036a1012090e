package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var headers = []string{"namedshm.h", "namedshm_flow.h", "windows.h", "tchar.h", "conio.h"}

// functionOf finds what is declared in the output of the preprocessor, where nothing is left of macros and comments: a
// name before a parenthesis that ends in a semicolon.
var functionOf = regexp.MustCompile(`extern __attribute__\(\(__visibility__\("default"\)\)\)\s+[^;{]*?(\w+)\s*\([^;{]*\)[^;{]*;`)

// declaredNames is what the headers declare, as a compiler sees them.
func declaredNames(t *testing.T, w *world) []string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "all.c")
	var text strings.Builder
	for _, h := range headers {
		text.WriteString("#include <" + h + ">\n")
	}
	if err := os.WriteFile(source, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("gcc", append([]string{"-E", "-P", source}, w.pkgConfig(t, "--cflags")...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range functionOf.FindAllStringSubmatch(string(out), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// exportedNames is what nm says that a file defines for others.
func exportedNames(t *testing.T, arguments ...string) []string {
	t.Helper()
	out, err := exec.Command("nm", arguments...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 {
			names = append(names, f[2])
		}
	}
	slices.Sort(names)
	return names
}

// TestExports: the library and the archive export what the headers declare and nothing else, of Go's insides in
// particular.
func TestExports(t *testing.T) {
	w := need(t)
	declared := declaredNames(t, w)
	if len(declared) < 70 || !slices.Contains(declared, "CreateFileMappingW") || !slices.Contains(declared, "_getch") {
		t.Fatalf("%d declarations were found: %v", len(declared), declared)
	}
	lib := filepath.Join(w.prefix, "lib")
	for what, exported := range map[string][]string{
		"library": exportedNames(t, "-D", "--defined-only", filepath.Join(lib, "libnamedshm.so")),
		"archive": exportedNames(t, "-g", "--defined-only", filepath.Join(lib, "libnamedshm.a")),
	} {
		for _, name := range declared {
			if !slices.Contains(exported, name) {
				t.Errorf("%s is declared, and the %s does not have it", name, what)
			}
		}
		for _, name := range exported {
			if !slices.Contains(declared, name) {
				t.Errorf("the %s exports %s, which no header declares", what, name)
			}
		}
	}
}

// TestSoname: a program remembers the library by the name of its interface, and it needs no other but libc. It cannot
// be unloaded, because Go's threads cannot be ended.
func TestSoname(t *testing.T) {
	w := need(t)
	library := filepath.Join(w.prefix, "lib", "libnamedshm.so")
	out, err := exec.Command("readelf", "-d", library).Output()
	if err != nil {
		t.Fatal(err)
	}
	soname := regexp.MustCompile(`SONAME.*\[(libnamedshm\.so\.\d+)\]`).FindSubmatch(out)
	if soname == nil || !strings.Contains(string(out), "NODELETE") {
		t.Fatalf("no soname, or it could be unloaded:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(w.prefix, "lib", string(soname[1]))); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "NEEDED") && !strings.Contains(line, "[libc.so.6]") &&
			!strings.Contains(line, "[libpthread.so.0]") && !strings.Contains(line, "[ld-linux") {
			t.Errorf("the library needs another: %s", line)
		}
	}
}

// TestHeadersCompile has each header alone, twice, in each language, without a warning.
func TestHeadersCompile(t *testing.T) {
	w := need(t)
	for _, language := range []struct {
		compiler, suffix string
		standards        []string
	}{
		{"gcc", "c", []string{"-std=c99", "-std=c17", "-std=gnu2x"}},
		{"g++", "cpp", []string{"-std=c++11", "-std=gnu++17", "-std=c++20"}},
	} {
		for _, standard := range language.standards {
			for _, unicode := range [][]string{nil, {"-DUNICODE", "-D_UNICODE"}, {"-DUNICODE", "-D_UNICODE", "-fshort-wchar"}} {
				for _, h := range headers {
					flags := append([]string{standard, "-pedantic", "-Werror", "-c"}, unicode...)
					text := "#include <" + h + ">\n#include <" + h + ">\nint something;\n"
					if _, out, err := w.tryText(t, language.compiler, language.suffix, text, flags...); err != nil || len(out) > 0 {
						t.Errorf("%s %v %s: %v\n%s", language.compiler, flags, h, err, out)
					}
				}
			}
		}
	}
}

// TestSizes: types have the sizes that they have in 64-bit Windows.
func TestSizes(t *testing.T) {
	w := need(t)
	const text = `#include <windows.h>
#define SIZE(type, size) typedef char size_of_##type[sizeof(type) == size ? 1 : -1]
SIZE(BYTE, 1); SIZE(WCHAR, 2); SIZE(WORD, 2); SIZE(DWORD, 4); SIZE(LONG, 4); SIZE(ULONG, 4); SIZE(BOOL, 4); SIZE(UINT, 4);
SIZE(LONGLONG, 8); SIZE(ULONGLONG, 8); SIZE(DWORD64, 8); SIZE(SIZE_T, 8); SIZE(LONG_PTR, 8); SIZE(HANDLE, 8); SIZE(LARGE_INTEGER, 8);
SIZE(SECURITY_ATTRIBUTES, 24); SIZE(MEMORY_BASIC_INFORMATION, 48); SIZE(SYSTEM_INFO, 48); SIZE(SECTION_BASIC_INFORMATION, 24);
int something;
`
	for _, compiler := range [][2]string{{"gcc", "c"}, {"g++", "cpp"}} {
		for _, flag := range []string{"-DA", "-DUNICODE", "-fshort-wchar"} {
			if _, out, err := w.tryText(t, compiler[0], compiler[1], text, "-c", flag); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	}
}

// TestUncoveredCallsDoNotCompile: what the library has not got is an error of the compiler, and so is text of the wrong
// width.
func TestUncoveredCallsDoNotCompile(t *testing.T) {
	w := need(t)
	for _, c := range []struct {
		name, body string
		flags      []string
		right      bool
	}{
		{"covered", `CloseHandle(CreateEventA(NULL, TRUE, FALSE, "x"));`, nil, true},
		{"CreateThread", `CreateThread(NULL, 0, NULL, NULL, 0, NULL);`, nil, false},
		{"a button that the box has not", `MessageBoxA(NULL, "a", "b", MB_YESNO);`, nil, false},
		{"narrow for wide", `OpenEventW(SYNCHRONIZE, FALSE, "x");`, nil, false},
		{"wide for narrow", `OpenEventA(SYNCHRONIZE, FALSE, u"x");`, nil, false},
		{"four bytes for two", `OpenEventW(SYNCHRONIZE, FALSE, L"x");`, nil, false},
		{"two bytes for two", `OpenEventW(SYNCHRONIZE, FALSE, u"x");`, nil, true},
		{"short wchar_t", `OpenEventW(SYNCHRONIZE, FALSE, L"x");`, []string{"-fshort-wchar"}, true},
		{"libc with short wchar_t", `return (int)wcslen((const wchar_t *)GetCurrentProcess());`,
			[]string{"-fshort-wchar", "-O0"}, false},
		{"wprintf with short wchar_t", `wprintf(L"x");`, []string{"-fshort-wchar"}, false},
		{"UNICODE", `OpenEvent(SYNCHRONIZE, FALSE, TEXT("x"));`, []string{"-DUNICODE"}, true},
		{"narrow under UNICODE", `OpenEvent(SYNCHRONIZE, FALSE, "x");`, []string{"-DUNICODE"}, false},
	} {
		text := "#include <windows.h>\n#include <wchar.h>\nint main() { " + c.body + " return 0; }\n"
		if _, out, err := w.tryText(t, "g++", "cpp", text, c.flags...); (err == nil) != c.right {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
}

// TestPortingTellsAll: the page for those who port a program names every call that there is.
func TestPortingTellsAll(t *testing.T) {
	w := need(t)
	page, err := os.ReadFile("../../docs/porting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range declaredNames(t, w) {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "A"), "W")
		if !strings.HasPrefix(name, "namedshm_") && !strings.Contains(string(page), "`"+base+"`") {
			t.Errorf("docs/porting.md does not tell of %s", base)
		}
	}
}

// TestInstall: what is told to a compiler is enough, under a prefix of any name and in a copy for a package.
func TestInstall(t *testing.T) {
	w := need(t)
	for _, path := range []string{"include/namedshm/windows.h", "include/namedshm/tchar.h", "include/namedshm/conio.h",
		"include/namedshm/namedshm.h", "include/namedshm/namedshm_flow.h", "lib/libnamedshm.a", "lib/pkgconfig/namedshm.pc"} {
		if info, err := os.Stat(filepath.Join(w.prefix, path)); err != nil || info.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if version := w.pkgConfig(t, "--modversion"); len(version) != 1 ||
		!regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(version[0]) {
		t.Errorf("the version is %v", version)
	}
	if !slices.Contains(w.pkgConfig(t, "--libs", "--static"), "-pthread") {
		t.Error("a static link is not told of -pthread")
	}
	// As a package is made: the files lie elsewhere than they will, and where the system looks no path is told.
	root := t.TempDir()
	run(t, "go", "run", "../../capi/install", "--prefix", "/usr", "--destdir", root)
	pc, err := os.ReadFile(filepath.Join(root, "usr/lib/pkgconfig/namedshm.pc"))
	if err != nil || !strings.HasPrefix(string(pc), "prefix=/usr\n") || strings.Contains(string(pc), "rpath") ||
		strings.Contains(string(pc), root) {
		t.Errorf("%v\n%s", err, pc)
	}
	if e := finish(t, command(t, "go", "run", "../../capi/install", "extra")); e.state.Success() {
		t.Error("an argument that makes no sense is taken")
	}
}

// TestCMake builds the example project.
func TestCMake(t *testing.T) {
	needGlobal(t)
	w := need(t)
	needTools(t, "cmake")
	isolate(t)
	build := t.TempDir()
	t.Setenv("PKG_CONFIG_PATH", filepath.Join(w.prefix, "lib", "pkgconfig"))
	run(t, "cmake", "-S", "../../capi/examples", "-B", build)
	run(t, "cmake", "--build", build)
	for _, width := range []string{"", "-wide"} {
		e := finish(t, command(t, filepath.Join(build, "second"+width)))
		if e.out != pairGone || e.state.ExitCode() != 1 {
			t.Errorf("second%s says %q, %v", width, e.out, e.state)
		}
		if out := run(t, filepath.Join(build, "first"+width)); out != "" { // its input ends at once
			t.Errorf("first%s says %q", width, out)
		}
	}
}
