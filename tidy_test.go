//go:build unix

package namedshm_test

// The rules of this house, as a test: what a reviewer would otherwise have to look for each time. Each rule is a
// function from a source file to complaints. TestEveryRuleCanFail shows that each finds what it is there for.

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	modulePath  = "github.com/namedshm/namedshm"
	longestFunc = 70
)

// surfaces are the files that have what a user can name, and the directories of the packages.
var surfaces = map[string][]string{
	"docs/api.txt":       {".", "inspect", "wine"},
	"docs/api-win32.txt": {"win32"},
}

var rewriteSurface = flag.Bool("update", false, "rewrite the files of docs that list what a user can name")

// source is one file of the project. file is nil for what is not Go.
type source struct {
	path  string // slash-separated, from the project's root
	text  []byte
	file  *ast.File
	files *token.FileSet
}

func newSource(name string, text []byte) (*source, error) {
	s := &source{path: name, text: text, files: token.NewFileSet()}
	if !strings.HasSuffix(name, ".go") {
		return s, nil
	}
	var err error
	s.file, err = parser.ParseFile(s.files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at is a complaint about one place.
func (s *source) at(p token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.files.Position(p).Line, fmt.Sprintf(format, args...))
}

// in reports whether the file lies in one of the directories, or below.
func (s *source) in(directories ...string) bool {
	return slices.ContainsFunc(directories, func(d string) bool { return strings.HasPrefix(s.path, d+"/") })
}

// inRoot reports a file of the root package.
func (s *source) inRoot() bool { return !strings.Contains(s.path, "/") }

// forOnePlatform reports a file that is built on some systems only.
func (s *source) forOnePlatform() bool {
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
	for _, suffix := range []string{"_linux", "_windows", "_darwin", "_freebsd", "_plan9", "_wasip1"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return s.constraint() != ""
}

// constraint is the file's go:build line, or "".
func (s *source) constraint() string {
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if c.Pos() < s.file.Package && constraint.IsGoBuild(c.Text) {
				return c.Text
			}
		}
	}
	return ""
}

// rule is one rule of the house. Those for Go files are never asked about others.
type rule struct {
	name   string
	anyone bool // it is for all text files
	check  func(*source) []string
}

var rules = []rule{
	{"gofmt", false, checkFormat},
	{"rooms", false, checkRooms},
	{"portable root", false, checkPortableRoot},
	{"dependencies", false, checkDependencies},
	{"documented", false, checkDocumented},
	{"short functions", false, checkLength},
	{"no drawers", true, checkDrawers},
	{"no machine paths", true, checkPaths},
	{"nothing unfinished", true, checkUnfinished},
}

func checkFormat(s *source) []string {
	formatted, err := format.Source(s.text)
	if err != nil || bytes.Equal(formatted, s.text) {
		return nil
	}
	return []string{s.path + ": gofmt would change it"}
}

// checkRooms keeps what is dangerous, and what is different on every system, where it is expected: system calls and
// unsafe in internal/kernel, and cgo in capi. Tests, and benchmarks that measure the naked calls, make them. The command
// needs a few for terminals and signals, package wine for what it reads in /proc, and win32 is the system's own calls where
// the system has them; what they take from x/sys stands in files for one platform. win32 and capi take and give addresses.
func checkRooms(s *source) []string {
	var complaints []string
	for _, spec := range s.file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		allowed := true
		switch {
		case imported == "C":
			allowed = s.in("capi")
		case imported == "unsafe" && s.in("win32", "capi"):
		case imported == "unsafe", strings.HasPrefix(imported, "golang.org/x/sys"):
			allowed = s.in("internal/kernel", "conformance", "bench") || s.in("cmd/shm", "win32", "capi", "wine") && s.forOnePlatform() || s.isTest()
			allowed = allowed && (imported != "unsafe" || !s.in("wine"))
		case imported == "syscall":
			allowed = s.in("internal/kernel", "internal/turns", "conformance", "bench", "cmd/shm") || s.isTest() ||
				s.in("win32") && ast.IsGenerated(s.file)
		}
		if !allowed {
			complaints = append(complaints, s.at(spec.Pos(), "%s has no room here", imported))
		}
	}
	return complaints
}

// checkPortableRoot: what a user reads is the same on every platform.
func checkPortableRoot(s *source) []string {
	if s.inRoot() && !s.isTest() && s.forOnePlatform() {
		return []string{s.path + ": the root package has no files for one platform"}
	}
	return nil
}

// checkDependencies: who uses the library gets golang.org/x/sys with it and nothing else.
func checkDependencies(s *source) []string {
	if s.isTest() || s.in("cmd", "conformance", "bench") {
		return nil
	}
	var complaints []string
	for _, spec := range s.file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		first, _, _ := strings.Cut(imported, "/")
		ours := imported == modulePath || strings.HasPrefix(imported, modulePath+"/")
		if strings.Contains(first, ".") && !ours && !strings.HasPrefix(imported, "golang.org/x/sys/") {
			complaints = append(complaints, s.at(spec.Pos(), "the library must not need %s", imported))
		}
	}
	return complaints
}

// checkDocumented: every exported name has a sentence, in a group at least one for the group or the line. In
// internal/kernel, whose names only this house uses, a constant may leave it to the sentence of its type.
func checkDocumented(s *source) []string {
	if s.isTest() || s.file.Name.Name == "main" || ast.IsGenerated(s.file) {
		return nil
	}
	var complaints []string
	missing := func(p token.Pos, name string) {
		complaints = append(complaints, s.at(p, "%s is exported and has no comment", name))
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && receiverExported(d) && d.Doc == nil {
				missing(d.Pos(), d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := undocumented(d, spec, s.in("internal")); name != nil {
					missing(name.Pos(), name.Name)
				}
			}
		}
	}
	return complaints
}

// undocumented is the exported name that a spec declares without a comment.
func undocumented(d *ast.GenDecl, spec ast.Spec, inside bool) *ast.Ident {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && spec.Doc == nil && d.Doc == nil {
			return spec.Name
		}
	case *ast.ValueSpec:
		if spec.Doc != nil || spec.Comment != nil || d.Doc != nil {
			return nil
		}
		if inside && d.Tok == token.CONST && d.Lparen.IsValid() {
			return nil
		}
		for _, name := range spec.Names {
			if name.IsExported() {
				return name
			}
		}
	}
	return nil
}

// receiverExported reports a function, or a method of an exported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.Ident:
			return u.IsExported()
		default:
			return true
		}
	}
}

func checkLength(s *source) []string {
	if ast.IsGenerated(s.file) {
		return nil
	}
	var complaints []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			lines := s.files.Position(f.End()).Line - s.files.Position(f.Pos()).Line + 1
			if lines > longestFunc {
				complaints = append(complaints, s.at(f.Pos(), "%s has %d lines, more than %d", f.Name.Name, lines, longestFunc))
			}
		}
	}
	return complaints
}

var drawer = regexp.MustCompile(`^(utils?|common|helpers?|misc|shared|stuff)(_test)?$`)

// checkDrawers: a room is named for what is in it.
func checkDrawers(s *source) []string {
	for part := range strings.SplitSeq(s.path, "/") {
		if name, _, _ := strings.Cut(part, "."); drawer.MatchString(name) {
			return []string{fmt.Sprintf("%s: %q says nothing about what is in it", s.path, name)}
		}
	}
	return nil
}

// The brackets keep the patterns from finding themselves.
var (
	machinePath = regexp.MustCompile(`(^|[^\w.])(/wor[k]/|/roo[t]/|/hom[e]/[a-z]|[A-Z]:\\+User[s]\\)`)
	unfinished  = regexp.MustCompile(`\b(TOD[O]|FIXM[E]|XX[X])\b|not (yet )?implemente[d]`)
)

func checkPaths(s *source) []string { return checkLines(s, machinePath, "a path of one machine") }
func checkUnfinished(s *source) []string {
	if s.file != nil && ast.IsGenerated(s.file) {
		return nil
	}
	return checkLines(s, unfinished, "something unfinished")
}

func checkLines(s *source, pattern *regexp.Regexp, what string) []string {
	var complaints []string
	number := 0
	for line := range bytes.Lines(s.text) {
		number++
		if found := pattern.Find(line); found != nil {
			complaints = append(complaints, fmt.Sprintf("%s:%d: %q is %s", s.path, number, found, what))
		}
	}
	return complaints
}

// sources is every text file of the project.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			return err
		}
		s, err := newSource(filepath.ToSlash(name), text)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// complaints is what a rule says about a file.
func (r *rule) complaints(s *source) []string {
	if s.file == nil && !r.anyone {
		return nil
	}
	return r.check(s)
}

func TestTidy(t *testing.T) {
	all := sources(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, s := range all {
				for _, complaint := range r.complaints(s) {
					t.Error(complaint)
				}
			}
		})
	}
}

// TestEveryRuleCanFail gives each rule something to complain about, and something much like it that is in order.
func TestEveryRuleCanFail(t *testing.T) {
	long := "package p\n\nfunc f() {\n" + strings.Repeat("\tg()\n", longestFunc-1) + "}\n"
	proved := map[string]bool{}
	unix := "//go:build unix\n\npackage p\n"
	for _, c := range []struct{ rule, path, wrong, right string }{
		{"gofmt", "a.go", "package p\nfunc  f() {}\n", "package p\n\nfunc f() {}\n"},
		{"rooms", "a.go", "package p\n\nimport \"unsafe\"\n", "package p\n\nimport \"fmt\"\n"},
		{"rooms", "a.go", "package p\n\nimport \"syscall\"\n", "package p\n\nimport \"os\"\n"},
		{"rooms", "internal/kernel/a.go", "package p\n\nimport \"C\"\n", "package p\n\nimport \"unsafe\"\n"},
		{"rooms", "win32/a.go", "package p\n\nimport \"C\"\n", "package p\n\nimport \"unsafe\"\n"},
		{"rooms", "win32/a.go", "package p\n\nimport \"golang.org/x/sys/windows\"\n",
			"//go:build windows\n\npackage p\n\nimport \"golang.org/x/sys/windows\"\n"},
		{"rooms", "capi/a.go", "package main\n\nimport \"golang.org/x/sys/unix\"\n", "package main\n\nimport \"C\"\n"},
		{"rooms", "cmd/shm/a.go", "package main\n\nimport \"golang.org/x/sys/unix\"\n",
			"//go:build unix\n\npackage main\n\nimport \"golang.org/x/sys/unix\"\n"},
		{"rooms", "wine/a.go", "package wine\n\nimport \"golang.org/x/sys/unix\"\n", "//go:build linux\n\npackage wine\n\nimport \"golang.org/x/sys/unix\"\n"},
		{"rooms", "wine/a_linux.go", "package wine\n\nimport \"unsafe\"\n", "package wine\n\nimport \"golang.org/x/sys/unix\"\n"},
		{"portable root", "a.go", unix, "package p\n"},
		{"portable root", "a_linux.go", "package p\n", ""},
		{"portable root", "inspect/a.go", "", unix},
		{"dependencies", "inspect/a.go", "package p\n\nimport \"github.com/alecthomas/kong\"\n", "package p\n\nimport \"golang.org/x/sys/unix\"\n"},
		{"dependencies", "cmd/shm/a.go", "", "package p\n\nimport \"github.com/alecthomas/kong\"\n"},
		{"documented", "a.go", "package p\n\nfunc F() {}\n", "package p\n\n// F is.\nfunc F() {}\n\nfunc g() {}\n"},
		{"documented", "a.go", "package p\n\ntype t int\n\ntype T int\n", "package p\n\n// T is.\ntype T int\n\ntype t int\n\nfunc (t) M() {}\n"},
		{"documented", "a.go", "package p\n\n// T is.\ntype T int\n\nfunc (t *T) M() {}\n", "package p\n\n// T is.\ntype T int\n\n// M does.\nfunc (t *T) M() {}\n"},
		{"documented", "a.go", "package p\n\nconst (\n\tA = 1\n)\n", "package p\n\nconst (\n\tA = 1 // is\n)\n"},
		{"short functions", "a.go", long, strings.Replace(long, "\tg()\n", "", 1)},
		{"short functions", "a.go", "", "// Code generated by hand. DO NOT EDIT.\n\n" + long},
		{"no drawers", "utils/a.go", "package utils\n", ""},
		{"no drawers", "cmd/shm/helpers_test.go", "package main\n", ""},
		{"no drawers", "a/commonest.go", "", "package a\n"},
		{"no machine paths", "a.md", "see /wor" + "k/main\n", "see /dev/shm and network/a\n"},
		{"nothing unfinished", "a.txt", "// TOD" + "O: all\n", "TODOS\n"},
	} {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == c.rule })
		if i < 0 {
			t.Errorf("there is no rule %q", c.rule)
			continue
		}
		for text, want := range map[string]bool{c.wrong: true, c.right: false} {
			if text == "" {
				continue
			}
			s, err := newSource(c.path, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got := rules[i].complaints(s); (len(got) > 0) != want {
				t.Errorf("%s, about %s:\n%s\nsays %q", c.rule, c.path, text, got)
			}
		}
		proved[c.rule] = proved[c.rule] || c.wrong != ""
	}
	for _, r := range rules {
		if !proved[r.name] {
			t.Errorf("nothing shows that the rule %q can fail", r.name)
		}
	}
}

// surface is the exported declarations of a package, sorted, without comments and bodies.
func surface(t *testing.T, all []*source, directory string) string {
	var lines []string
	for _, s := range all {
		if path.Dir(s.path) != directory || s.file == nil || s.isTest() {
			continue
		}
		// Once more, without comments: they are no part of it.
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, s.path, s.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			lines = append(lines, exported(t, files, d)...)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// exported is what others see of a declaration: one string for each name.
func exported(t *testing.T, files *token.FileSet, d ast.Decl) []string {
	var seen []ast.Decl
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && receiverExported(d) {
			seen = append(seen, &ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type})
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			one := &ast.File{Name: ast.NewIdent("p"), Decls: []ast.Decl{&ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{spec}}}}
			if d.Tok != token.IMPORT && ast.FileExports(one) {
				seen = append(seen, one.Decls...)
			}
		}
	}
	var lines []string
	for _, d := range seen {
		var b bytes.Buffer
		if err := format.Node(&b, files, d); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, b.String()+"\n")
	}
	return lines
}

// TestPublicSurface: what a user can name changes only with a change of the file that lists it in the same commit.
func TestPublicSurface(t *testing.T) {
	all := sources(t)
	for file, directories := range surfaces {
		var got strings.Builder
		for _, directory := range directories {
			fmt.Fprintf(&got, "package %s\n\n%s\n", path.Join(modulePath, directory), surface(t, all, directory))
		}
		if *rewriteSurface {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("the public surface is not that of %s; if it is meant: go test -run TestPublicSurface . -update\n%s",
				file, difference(string(want), got.String()))
		}
	}
}

// difference is the lines that only one of two sorted texts has.
func difference(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range w {
		if !slices.Contains(g, line) {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			fmt.Fprintf(&b, "+ %s\n", line)
		}
	}
	return b.String()
}

// TestSurfaceSeesWhatUsersSee: a new name, a new parameter, a new field show; a comment, a body, an unexported name
// do not.
func TestSurfaceSeesWhatUsersSee(t *testing.T) {
	of := func(text string) string {
		s, err := newSource("a.go", []byte("package p\n\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return surface(t, []*source{s}, ".")
	}
	base := "// T is.\ntype T struct {\n\tA int // is\n\tb int\n}\n\nfunc F(a int) { g() }\n\nfunc g() {}\n"
	for text, same := range map[string]bool{
		strings.Replace(base, "b int", "c, d string", 1):    true,
		strings.Replace(base, "T is.", "T was.", 1):         true,
		strings.Replace(base, "{ g() }", "{ g(); g() }", 1): true,
		base + "\nvar x = 1\n":                              true,
		base + "\nvar X = 1\n":                              false,
		base + "\nfunc (t *T) M() {}\n":                     false,
		strings.Replace(base, "a int", "a int64", 1):        false,
		strings.Replace(base, "A int", "A int\n\tB int", 1): false,
	} {
		if got := of(text) == of(base); got != same {
			t.Errorf("same is %v for\n%s\nwhich shows as\n%s", got, text, of(text))
		}
	}
}
