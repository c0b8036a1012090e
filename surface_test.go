//go:build unix

package namedshm_test

// The public surface, as docs lists it: what is declared is read from the text, for all platforms together; what the
// text does not show, numbers and the methods of what is embedded, comes from the compiler.

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// surfaces are the files that have what a user can name, and the directories of the packages.
var surfaces = map[string][]string{
	"docs/api.txt":       {".", "flow", "inspect", "upkeep", "wine"},
	"docs/api-win32.txt": {"win32"},
}

var rewriteSurface = flag.Bool("update", false, "rewrite the files of docs that list what a user can name")

// surface is what others see of a package, sorted: its exported declarations without comments and bodies, constants by
// type and value, and the methods that its types have from what they embed.
func surface(t *testing.T, all []*source, directory string, compiled *types.Package) string {
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
			for _, name := range constants(d) {
				if _, known := compiled.Scope().Lookup(name).(*types.Const); !known {
					t.Errorf("%s declares %s for another platform alone, so that its value is not pinned", s.path, name)
				}
			}
		}
	}
	for _, name := range compiled.Scope().Names() {
		lines = append(lines, values(compiled.Scope().Lookup(name))...)
		lines = append(lines, promoted(compiled.Scope().Lookup(name))...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// exported is what others see of a declaration, if it is not of constants: one string for each name.
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
			if d.Tok != token.IMPORT && d.Tok != token.CONST && ast.FileExports(one) {
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

// constants is the exported names of a declaration of constants.
func constants(d ast.Decl) (names []string) {
	if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
		for _, spec := range d.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// values is an exported constant's type and value, however the source spells it.
func values(object types.Object) []string {
	c, ok := object.(*types.Const)
	if !ok || !c.Exported() {
		return nil
	}
	typed := ""
	if basic, ok := c.Type().(*types.Basic); !ok || basic.Info()&types.IsUntyped == 0 {
		typed = " " + types.TypeString(c.Type(), types.RelativeTo(c.Pkg()))
	}
	return []string{fmt.Sprintf("const %s%s = %s\n", c.Name(), typed, c.Val().ExactString())}
}

// promoted is the exported methods that an exported type has from what it embeds.
func promoted(object types.Object) (lines []string) {
	name, ok := object.(*types.TypeName)
	if !ok || !name.Exported() || name.IsAlias() {
		return nil
	}
	declared := map[string]bool{}
	set := types.NewMethodSet(types.NewPointer(name.Type()))
	if i, ok := name.Type().Underlying().(*types.Interface); ok {
		set = types.NewMethodSet(name.Type())
		for m := range i.ExplicitMethods() {
			declared[m.Name()] = true
		}
	} else {
		for m := range name.Type().(*types.Named).Methods() {
			declared[m.Name()] = true
		}
	}
	for m := range set.Methods() {
		if m.Obj().Exported() && !declared[m.Obj().Name()] {
			signature := types.TypeString(m.Type(), func(p *types.Package) string { return p.Name() })
			lines = append(lines, fmt.Sprintf("func (%s) %s%s // promoted\n", name.Name(), m.Obj().Name(),
				strings.TrimPrefix(signature, "func")))
		}
	}
	return lines
}

// compiled is a function that has packages of this module as the compiler exports them.
func compiled(t *testing.T) func(directory string) *types.Package {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, directories := range surfaces {
		for _, directory := range directories {
			args = append(args, "./"+directory)
		}
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errorOutput(err))
	}
	data := map[string]string{}
	for line := range strings.Lines(string(out)) {
		of, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		data[of] = file
	}
	imported := importer.ForCompiler(token.NewFileSet(), "gc",
		func(of string) (io.ReadCloser, error) { return os.Open(data[of]) })
	return func(directory string) *types.Package {
		p, err := imported.Import(path.Join(modulePath, directory))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// errorOutput is what a failed command wrote to its standard error.
func errorOutput(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Stderr
	}
	return nil
}

// TestPublicSurface: what a user can name changes only with a change of the file that lists it in the same commit.
func TestPublicSurface(t *testing.T) {
	all, of := sources(t), compiled(t)
	for file, directories := range surfaces {
		var got strings.Builder
		for _, directory := range directories {
			fmt.Fprintf(&got, "package %s\n\n%s\n", path.Join(modulePath, directory), surface(t, all, directory, of(directory)))
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

// shown is a package for TestSurfaceSeesWhatUsersSee to change.
const shown = `// T is.
type T struct {
	A int // is
	b int
}

func F(a int) { g() }

func g() {}

type N uint8

const (
	C   = inner + 1
	D N = iota
	E
	inner = 5
)

// H has a method of what it embeds, and one of its own.
type H struct{ *part }

func (h H) Own() {}

type part struct{ deeper }

func (p *part) Name() string { return "" }
func (p *part) Own()         {}
func (p *part) hidden()      {}

type deeper struct{}

func (deeper) Deep(n int) {}

type I interface {
	J() int
	within
}

type within interface {
	K()
	l()
}
`

// TestSurfaceSeesWhatUsersSee: a new name, a new parameter, a new field show; so do the value of a constant, wherever
// it comes from, and a method that a type has from what it embeds. A comment, a body, an unexported name do not.
func TestSurfaceSeesWhatUsersSee(t *testing.T) {
	of := func(text string) string {
		s, err := newSource("a.go", []byte("package p\n\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		checked, err := new(types.Config).Check("p", s.files, []*ast.File{s.file}, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return surface(t, []*source{s}, ".", checked)
	}
	type change struct{ old, new string }
	for what, same := range map[change]bool{
		{"b int", "c, d string"}:                                         true,
		{"T is.", "T was."}:                                              true,
		{"{ g() }", "{ g(); g() }"}:                                      true,
		{"func g()", "var x = 1\n\nfunc g()"}:                            true,
		{"func g()", "var X = 1\n\nfunc g()"}:                            false,
		{"func g()", "func (t *T) M() {}\n\nfunc g()"}:                   false,
		{"a int", "a int64"}:                                             false,
		{"A int", "A int\n\tB int"}:                                      false,
		{"inner + 1", "6"}:                                               true,
		{"inner = 5", "inner = 6"}:                                       false,
		{"D N = iota", "D N = iota + 1"}:                                 false,
		{"C   = inner + 1\n", ""}:                                        false, // E has another number, too
		{"func (p *part) Name() string { return \"\" }", ""}:             false,
		{"Name() string { return \"\" }", "Name() error { return nil }"}: false,
		{"func (deeper) Deep(n int) {}", ""}:                             false,
		{"Deep(n int)", "Deep(n int64)"}:                                 false,
		{"func (p *part) hidden()      {}", ""}:                          true,
		{"func (p *part) Own()         {}", ""}:                          true,
		{"func (h H) Own() {}", ""}:                                      false, // the other Own takes its place
		{"K()\n", "\n"}:                                                  false,
		{"\tl()\n", "\n"}:                                                true,
		{"type N uint8", "type N uint16"}:                                false,
	} {
		changed := strings.Replace(shown, what.old, what.new, 1)
		if changed == shown {
			t.Errorf("%q is not there to be changed", what.old)
		}
		if got := of(changed) == of(shown); got != same {
			t.Errorf("same is %v for %q instead of %q, which shows as\n%s", got, what.new, what.old, of(changed))
		}
	}
}

// namesToKnow is what docs/surface.md has room for.
const namesToKnow = 60

// TestNamesToBeginWith: docs/surface.md lists at most sixty names to begin with, all of them are there, and it says of
// every other name of the root package when it is needed.
func TestNamesToBeginWith(t *testing.T) {
	text, err := os.ReadFile("docs/surface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "## Sixty names to begin with")
	first, after, ok := strings.Cut(after, "## The others of the root package")
	rest, _, _ := strings.Cut(after, "Their methods")
	if !ok || rest == "" {
		t.Fatal("the sections have other titles")
	}
	root := compiled(t)(".").Scope()
	seen := map[string]bool{}
	name := regexp.MustCompile("`([A-Z][A-Za-z0-9]*)(?:\\.([A-Z][A-Za-z0-9]*))?`")
	for i, section := range []string{first, rest} {
		names := name.FindAllStringSubmatch(section, -1)
		if i == 0 && (len(names) > namesToKnow || len(names) < namesToKnow-5) {
			t.Errorf("%d names to begin with, there is room for %d", len(names), namesToKnow)
		}
		for _, n := range names {
			object := root.Lookup(n[1])
			if object == nil || seen[n[0]] {
				t.Errorf("%s is not there, or twice", n[0])
			} else if method, _, _ := types.LookupFieldOrMethod(types.NewPointer(object.Type()), true, object.Pkg(),
				n[2]); n[2] != "" && method == nil {
				t.Errorf("%s has no %s", n[1], n[2])
			}
			seen[n[0]] = true
		}
	}
	for _, n := range root.Names() {
		if token.IsExported(n) && !seen["`"+n+"`"] {
			t.Errorf("docs/surface.md does not say when %s is needed", n)
		}
	}
}
