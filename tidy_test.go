//go:build unix

package namedshm_test

// The rules of this house, as a test: what a reviewer would otherwise have to look for each time. Each rule is a
// function from a source file to complaints. TestEveryRuleCanFail shows that each finds what it is there for.

import (
	"bytes"
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
	"sync"
	"testing"
	"unicode/utf8"
)

const (
	modulePath  = "github.com/namedshm/namedshm"
	longestFunc = 70
	longestLine = 120 // characters; a tab is one
	longestRaw  = 80  // a raw string of more may make its line longer: breaking it would change it
)

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
	{"walls", false, checkWalls},
	{"portable root", false, checkPortableRoot},
	{"dependencies", false, checkDependencies},
	{"documented", false, checkDocumented},
	{"short functions", false, checkLength},
	{"settings", false, checkSettings},
	{"line length", true, checkLineLength},
	{"no drawers", true, checkDrawers},
	{"suites", true, checkSuites},
	{"no machine paths", true, checkPaths},
	{"nothing unfinished", true, checkUnfinished},
}

// settings are the library's environment variables, by their names in the environment and in the code.
var settings = regexp.MustCompile(`^("NAMEDSHM_(ROOT|BACKING|WAIT)"|(\w+\.)?(Root|Backing|Wait)Variable)$`)

// checkSettings wants the library's variables to be read where it is known whether they are to be believed: by setting,
// in internal/kernel. Code that reads them elsewhere trusts the caller of a set-user-id program.
func checkSettings(s *source) (complaints []string) {
	if s.isTest() || s.in("conformance", "bench") {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || len(call.Args) != 1 || function.Sel.Name != "Getenv" && function.Sel.Name != "LookupEnv" {
			return true
		}
		var argument bytes.Buffer
		if err := format.Node(&argument, s.files, call.Args[0]); err == nil && settings.Match(argument.Bytes()) {
			complaints = append(complaints, s.at(call.Pos(), "%s is read past internal/kernel's setting", argument.String()))
		}
		return true
	})
	return complaints
}

func checkFormat(s *source) []string {
	formatted, err := format.Source(s.text)
	if err != nil || bytes.Equal(formatted, s.text) {
		return nil
	}
	return []string{s.path + ": gofmt would change it"}
}

// checkRooms keeps what is dangerous, and what is different on every system, where it is expected: system calls and
// unsafe in internal/kernel and internal/waiting, and cgo in capi. Tests, and benchmarks that measure the naked calls,
// make them. The command needs a few for terminals and signals, package wine for what it reads in /proc, and win32 is
// the system's own calls where the system has them; what they take from x/sys is in files for one platform. win32 and
// capi take and give addresses.
// What lies in a ring or feed is internal/conduit's, and flow makes values of it in one file.
func checkRooms(s *source) []string {
	var complaints []string
	for _, spec := range s.file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		allowed := true
		switch {
		case imported == "C":
			allowed = s.in("capi")
		case imported == "unsafe" && s.in("win32", "capi"):
		case imported == "unsafe" && s.in("internal/conduit", "flow"):
			allowed = s.isTest() || s.in("internal/conduit") || s.path == "flow/values.go"
		case imported == "unsafe", strings.HasPrefix(imported, "golang.org/x/sys"):
			allowed = s.in("internal/kernel", "internal/waiting", "conformance", "bench") ||
				s.in("cmd/shm", "win32", "capi", "wine") && s.forOnePlatform() || s.isTest()
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

// checkWalls keeps two rooms apart from the rest of the house. Errors are made in all rooms, so internal/fault needs
// none of them. What waits learns about others from a byte slice and an interface: internal/waiting opens no file, and
// knows no names; what makes the memory and the others for its tests is theirs.
func checkWalls(s *source) []string {
	var complaints []string
	for _, spec := range s.file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		first, _, _ := strings.Cut(imported, "/")
		ours := imported == modulePath || strings.HasPrefix(imported, modulePath+"/")
		allowed := true
		switch {
		case s.in("internal/fault"):
			allowed = !strings.Contains(first, ".")
		case s.in("internal/waiting") && ours:
			allowed = imported == modulePath+"/internal/fault"
		case s.in("internal/waiting") && strings.Contains(first, "."):
			allowed = strings.HasPrefix(imported, "golang.org/x/sys/")
		case s.in("internal/waiting"):
			allowed = s.isTest() || first != "os" && first != "io" && first != "net" && imported != "path/filepath"
		}
		if !allowed {
			complaints = append(complaints, s.at(spec.Pos(), "there is a wall between this and %s", imported))
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

// checkDependencies: a user of the library gets golang.org/x/sys with it and nothing else.
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

// suiteCells is how many cells a row of the suites' table has: what is promised, the suite, how to run it, what it
// takes, and how long a quick run and a full one last.
const suiteCells = 6

// suitePath is a suite, where a text speaks of it by its path.
var suitePath = regexp.MustCompile(`\bconformance/([a-z0-9]+)\b[^.]`)

// checkSuites wants a row of conformance/README.md for each suite, and a suite for each row and wherever one is spoken
// of.
func checkSuites(s *source) (complaints []string) {
	suites := suiteDirectories()
	for _, found := range suitePath.FindAllStringSubmatch(string(s.text), -1) {
		had := s.path == "CHANGELOG.md" // which tells of former ones, too
		if found[1] != "internal" && !slices.Contains(suites, found[1]) && !had {
			complaints = append(complaints, fmt.Sprintf("%s: there is no suite %q", s.path, found[1]))
		}
	}
	if s.path != "conformance/README.md" {
		return complaints
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(s.text)) {
		row := strings.TrimSpace(line)
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| ---") || strings.HasPrefix(row, "| promise |") {
			continue
		}
		cells := strings.Split(strings.Trim(row, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != suiteCells || slices.Contains(cells, "") {
			complaints = append(complaints, fmt.Sprintf("%s: no %d cells with something in each: %s", s.path, suiteCells, row))
			continue
		}
		suite, _, _ := strings.Cut(strings.TrimPrefix(cells[1], "["), "]")
		own := cells[1] == "["+suite+"]("+suite+")" && strings.Contains(cells[2], "./conformance/"+suite+"`")
		if !slices.Contains(suites, suite) || !own {
			complaints = append(complaints, fmt.Sprintf("%s: no such suite, or another's link or command: %s", s.path, row))
		}
		told[suite] = true
	}
	for _, suite := range suites {
		if !told[suite] {
			complaints = append(complaints, fmt.Sprintf("%s: there is no row for %s", s.path, suite))
		}
	}
	return complaints
}

// suiteDirectories are the suites by their directories: all but what they share.
var suiteDirectories = sync.OnceValue(func() (suites []string) {
	files, _ := filepath.Glob("conformance/*/*.go")
	for _, file := range files {
		if suite := filepath.Base(filepath.Dir(file)); !slices.Contains(suites, suite) {
			suites = append(suites, suite)
		}
	}
	return suites
})

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

// checkLineLength limits the lines of code and of prose, so that two files fit beside each other on a screen. Exempt is
// what cannot be broken: raw strings, directives and generated code in Go; tables, code and the targets of links in
// Markdown.
func checkLineLength(s *source) (complaints []string) {
	var exempt map[int]bool
	switch {
	case s.file != nil && !ast.IsGenerated(s.file):
		exempt = s.unbreakable()
	case path.Ext(s.path) == ".md":
		exempt = tablesAndCode(s.text)
	default:
		return nil
	}
	number := 0
	for line := range bytes.Lines(s.text) {
		number++
		if s.file == nil {
			line = linkTarget.ReplaceAll(line, nil)
		}
		if n := utf8.RuneCount(bytes.TrimRight(line, "\r\n")); n > longestLine && !exempt[number] {
			complaints = append(complaints, fmt.Sprintf("%s:%d: %d characters; %d fit", s.path, number, n, longestLine))
		}
	}
	return complaints
}

// linkTarget is what a link leads to, behind its text.
var linkTarget = regexp.MustCompile(`\]\([^)]*\)`)

// unbreakable are the lines of a Go file that are as long as they must be.
func (s *source) unbreakable() map[int]bool {
	lines := map[int]bool{}
	add := func(from, to token.Pos) {
		for n := s.files.Position(from).Line; n <= s.files.Position(to).Line; n++ {
			lines[n] = true
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Value[0] == '`' &&
			(utf8.RuneCountInString(l.Value) >= longestRaw || strings.Contains(l.Value, "\n")) {
			add(l.Pos(), l.End())
		}
		return true
	})
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if directive.MatchString(c.Text) {
				add(c.Pos(), c.Pos())
			}
		}
	}
	return lines
}

// directive is a comment for a tool, which must be one line.
var directive = regexp.MustCompile(`^//(go:|sys\t|sys |export |nolint)`)

// tablesAndCode are the lines of a Markdown file that are tables, or code between fences.
func tablesAndCode(text []byte) map[int]bool {
	lines := map[int]bool{}
	number, fenced := 0, false
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		fence := bytes.HasPrefix(line, []byte("```"))
		fenced = fenced != fence
		lines[number] = fenced || fence || bytes.HasPrefix(line, []byte("|"))
	}
	return lines
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
		if d.Name() == ".git" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil // of a linked worktree: a line that says where the repository is
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

// proof is a file that a rule is to complain about, and one much like it that is in order.
type proof struct{ rule, path, wrong, right string }

// lineProofs are those for the rule about the length of lines.
var lineProofs = func() []proof {
	fits, long := strings.Repeat("x", longestLine-3), strings.Repeat("x", longestLine-2)
	raw := strings.Repeat("y", longestRaw)
	link := "](https://example.org/" + raw + ")"
	return []proof{
		{"line length", "a.go", "package p\n\n// " + long + "\n", "package p\n\n// " + fits + "\n"},
		{"line length", "a_test.go", "package p\n\n// " + fits + "ä\n", "package p\n\n// " + fits[1:] + "ä\n"},
		{"line length", "a.go", "package p\n\nconst a = \"" + long + "\"\n", "package p\n\nconst a = `" + long + "`\n"},
		{"line length", "a.go", "package p\n\nvar a, b = `y`, \"" + long + "\"\n",
			"package p\n\nvar a = `\n" + raw + raw + "\n`\n"},
		{"line length", "a.go", "", "package p\n\n//go:generate " + long + "\n"},
		{"line length", "a.go", "", "// Code generated by hand. DO NOT EDIT.\n\npackage p\n\n// " + long + "\n"},
		{"line length", "a.md", long + "yyy\n", fits + "yyy\n"},
		{"line length", "a.md", "```\nx\n```\n" + long + "yyy\n", "```\n" + long + "yyy\n```\n"},
		{"line length", "a.md", "[x" + link + fits + "yy\n", "[x" + link + fits + "\n"},
		{"line length", "a.md", "", "| " + long + " |\n"},
		{"line length", "a.txt", "", long + "yyy\n"},
	}
}()

// importProofs are those for the rules about imports.
var importProofs = []proof{
	{"rooms", "a.go", "package p\n\nimport \"unsafe\"\n", "package p\n\nimport \"fmt\"\n"},
	{"rooms", "a.go", "package p\n\nimport \"syscall\"\n", "package p\n\nimport \"os\"\n"},
	{"rooms", "internal/kernel/a.go", "package p\n\nimport \"C\"\n", "package p\n\nimport \"unsafe\"\n"},
	{"rooms", "win32/a.go", "package p\n\nimport \"C\"\n", "package p\n\nimport \"unsafe\"\n"},
	{"rooms", "win32/a.go", "package p\n\nimport \"golang.org/x/sys/windows\"\n",
		"//go:build windows\n\npackage p\n\nimport \"golang.org/x/sys/windows\"\n"},
	{"rooms", "capi/a.go", "package main\n\nimport \"golang.org/x/sys/unix\"\n", "package main\n\nimport \"C\"\n"},
	{"rooms", "cmd/shm/a.go", "package main\n\nimport \"golang.org/x/sys/unix\"\n",
		"//go:build unix\n\npackage main\n\nimport \"golang.org/x/sys/unix\"\n"},
	{"rooms", "wine/a.go", "package wine\n\nimport \"golang.org/x/sys/unix\"\n",
		"//go:build linux\n\npackage wine\n\nimport \"golang.org/x/sys/unix\"\n"},
	{"rooms", "wine/a_linux.go", "package wine\n\nimport \"unsafe\"\n",
		"package wine\n\nimport \"golang.org/x/sys/unix\"\n"},
	{"rooms", "flow/a.go", "package flow\n\nimport \"unsafe\"\n", "package flow\n\nimport \"context\"\n"},
	{"rooms", "flow/sender.go", "package flow\n\nimport \"unsafe\"\n", ""},
	{"rooms", "flow/values.go", "package flow\n\nimport \"syscall\"\n", "package flow\n\nimport \"unsafe\"\n"},
	{"rooms", "internal/conduit/a.go", "package p\n\nimport \"syscall\"\n", "package p\n\nimport \"unsafe\"\n"},
	{"rooms", "inspect/a.go", "package p\n\nimport \"golang.org/x/sys/unix\"\n", ""},
	{"rooms", "internal/waiting/a.go", "package p\n\nimport \"syscall\"\n",
		"package p\n\nimport (\n\t\"unsafe\"\n\n\t\"golang.org/x/sys/unix\"\n)\n"},
	{"walls", "internal/waiting/a.go", "package p\n\nimport \"os\"\n", "package p\n\nimport \"sync\"\n"},
	{"walls", "internal/waiting/a.go", "package p\n\nimport \"" + modulePath + "/internal/kernel\"\n",
		"package p\n\nimport \"" + modulePath + "/internal/fault\"\n"},
	{"walls", "internal/waiting/a_test.go", "package p\n\nimport \"" + modulePath + "/internal/kernel\"\n",
		"package p\n\nimport \"os\"\n"},
	{"walls", "internal/waiting/a.go", "package p\n\nimport \"" + modulePath + "\"\n",
		"package p\n\nimport \"golang.org/x/sys/unix\"\n"},
	{"walls", "internal/waiting/a.go", "package p\n\nimport \"github.com/anishathalye/porcupine\"\n", ""},
	{"walls", "internal/fault/a.go", "package p\n\nimport \"" + modulePath + "/internal/plain\"\n",
		"package p\n\nimport \"os\"\n"},
	{"walls", "internal/kernel/a.go", "", "package p\n\nimport (\n\t\"os\"\n\n\t\"" + modulePath +
		"/internal/waiting\"\n)\n"},
}

var proofs = func() []proof {
	long := "package p\n\nfunc f() {\n" + strings.Repeat("\tg()\n", longestFunc-1) + "}\n"
	unix := "//go:build unix\n\npackage p\n"
	row := func(suite string) string {
		return fmt.Sprintf("| it | [%[1]s](%[1]s) | `go test ./conformance/%[1]s` | all | 1 s | 2 s |\n", suite)
	}
	suites := "| promise | suite |\n| --- | --- |\n"
	for _, name := range suiteDirectories() {
		suites += row(name)
	}
	return []proof{
		{"gofmt", "a.go", "package p\nfunc  f() {}\n", "package p\n\nfunc f() {}\n"},
		{"portable root", "a.go", unix, "package p\n"},
		{"portable root", "a_linux.go", "package p\n", ""},
		{"portable root", "inspect/a.go", "", unix},
		{"dependencies", "inspect/a.go", "package p\n\nimport \"github.com/alecthomas/kong\"\n",
			"package p\n\nimport \"golang.org/x/sys/unix\"\n"},
		{"dependencies", "cmd/shm/a.go", "", "package p\n\nimport \"github.com/alecthomas/kong\"\n"},
		{"documented", "a.go", "package p\n\nfunc F() {}\n", "package p\n\n// F is.\nfunc F() {}\n\nfunc g() {}\n"},
		{"documented", "a.go", "package p\n\ntype t int\n\ntype T int\n",
			"package p\n\n// T is.\ntype T int\n\ntype t int\n\nfunc (t) M() {}\n"},
		{"documented", "a.go", "package p\n\n// T is.\ntype T int\n\nfunc (t *T) M() {}\n",
			"package p\n\n// T is.\ntype T int\n\n// M does.\nfunc (t *T) M() {}\n"},
		{"documented", "a.go", "package p\n\nconst (\n\tA = 1\n)\n", "package p\n\nconst (\n\tA = 1 // is\n)\n"},
		{"short functions", "a.go", long, strings.Replace(long, "\tg()\n", "", 1)},
		{"short functions", "a.go", "", "// Code generated by hand. DO NOT EDIT.\n\n" + long},
		{"settings", "cmd/shm/a.go", "package main\n\nvar r = os.Getenv(\"NAMEDSHM_ROOT\")\n",
			"package main\n\nvar r = os.Getenv(\"DISPLAY\")\n"},
		{"settings", "a.go", "package p\n\nfunc f() {\n\tif v, ok := os.LookupEnv(kernel.WaitVariable); ok " +
			"{\n\t\tg(v)\n\t}\n}\n", ""},
		{"settings", "internal/kernel/a.go", "package p\n\nvar b = os.Getenv(BackingVariable)\n",
			"package p\n\nvar b = setting(BackingVariable)\n"},
		{"settings", "a_test.go", "", "package p\n\nvar r = os.Getenv(\"NAMEDSHM_ROOT\")\n"},
		{"no drawers", "utils/a.go", "package utils\n", ""},
		{"no drawers", "cmd/shm/helpers_test.go", "package main\n", ""},
		{"no drawers", "a/commonest.go", "", "package a\n"},
		{"suites", "conformance/README.md", strings.Replace(suites, row("faults"), "", 1), suites},
		{"suites", "conformance/README.md", suites + row("nothing"), suites + "It took 3 s | 4 s.\n"},
		{"suites", "conformance/README.md", strings.Replace(suites, "(faults)", "(model)", 1), ""},
		{"suites", "conformance/README.md", strings.Replace(suites, "conformance/faults`", "conformance/model`", 1), ""},
		{"suites", "conformance/README.md", strings.Replace(suites, "| 2 s |", "| |", 1), ""},
		{"suites", "CHANGELOG.md", "", "was conformance" + "/nothing before\n"},
		{"suites", "a.md", "see conformance" + "/nothing for it\n",
			"see conformance/main.go, conformance/internal/spec and `conformance/faults`\n| it |\n"},
		{"no machine paths", "a.md", "see /wor" + "k/main\n", "see /dev/shm and network/a\n"},
		{"nothing unfinished", "a.txt", "// TOD" + "O: all\n", "TODOS\n"},
	}
}()

// TestEveryRuleCanFail gives each rule something to complain about, and something much like it that is in order.
func TestEveryRuleCanFail(t *testing.T) {
	proved := map[string]bool{}
	for _, c := range slices.Concat(importProofs, lineProofs, proofs) {
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
