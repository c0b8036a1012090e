package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
)

// seedling is a change of a few bytes of a file.
type seedling struct {
	file       string
	line       int
	start, end int
	new        string
	what       string
}

// where is the line, as compilers say it.
func (c *seedling) where() string { return fmt.Sprintf("%s:%d: ", c.file, c.line) }

// sow makes changes at random, as many as asked for that compile, and runs all tests of the packages against each.
func (b *bench) sow(to io.Writer, number int, seed uint64, pattern string, pkgs []string) (s score, err error) {
	all, err := b.seedlings(pattern)
	if err != nil {
		return s, err
	}
	for _, pkg := range pkgs {
		if _, err := b.passes(pkg, "."); err != nil {
			return s, err
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	place := <-b.places
	defer func() { b.places <- place }()
	for _, c := range all {
		if s.noticed+s.survived == number {
			break
		}
		text, err := os.ReadFile(filepath.Join(b.root, filepath.FromSlash(c.file)))
		if err != nil {
			return s, err
		}
		var r result
		for _, pkg := range pkgs {
			if r = b.tryText(c.file, string(text[:c.start])+c.new+string(text[c.end:]), pkg, ".", place); r.noticed ||
				r.err != nil {
				break
			}
		}
		switch {
		case errors.Is(r.err, errCompile) && b.ctx.Err() == nil:
			continue // something is unused now, for instance
		case r.err != nil:
			return s, r.err
		case r.noticed:
			s.noticed++
		default:
			s.survived++
		}
		fmt.Fprintf(to, "%s%s: %s\n", c.where(), c.what, r)
	}
	return s, nil
}

// seedlings is every change that can be made in the files that match a pattern and are built on this system. A pattern
// without a directory is for those of the kernel.
func (b *bench) seedlings(pattern string) ([]seedling, error) {
	in, pattern := path.Split(pattern)
	if in = path.Clean(in); in == "." {
		in = target
	}
	dir := filepath.Join(b.root, filepath.FromSlash(in))
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var all []seedling
	for _, name := range pkg.GoFiles {
		if match, err := filepath.Match(pattern, name); err != nil || !match {
			if err != nil {
				return nil, err
			}
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		found, err := changes(path.Join(in, name), text)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no file of %s matches %q", in, pattern)
	}
	return all, nil
}

// changes are those that can be made in a file: conditions are negated, calls left out, numbers made one larger, cases
// left out, and errors kept to oneself.
func changes(file string, text []byte) (all []seedling, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	add := func(n ast.Node, new, what string) {
		start, end := files.Position(n.Pos()), files.Position(n.End())
		was := string(text[start.Offset:end.Offset])
		all = append(all, seedling{file, start.Line, start.Offset, end.Offset, new, fmt.Sprintf("%s %s", what, brief(was))})
	}
	negate := func(cond ast.Expr) {
		if cond != nil {
			start, end := files.Position(cond.Pos()).Offset, files.Position(cond.End()).Offset
			add(cond, "!("+string(text[start:end])+")", "negated")
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.IMPORT
		case *ast.IfStmt:
			negate(n.Cond)
		case *ast.ForStmt:
			negate(n.Cond)
		case *ast.ExprStmt:
			if _, ok := n.X.(*ast.CallExpr); ok {
				add(n, "", "left out")
			}
		case *ast.DeferStmt:
			add(n, "", "left out")
		case *ast.IncDecStmt:
			add(n, "", "left out")
		case *ast.CaseClause:
			if n.List != nil {
				add(n, "", "left out")
			}
		case *ast.BasicLit:
			if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
				add(n, strconv.FormatInt(v+1, 10), "one more than")
			}
		case *ast.BinaryExpr:
			if other, ok := others[n.Op]; ok {
				at := files.Position(n.OpPos)
				all = append(all, seedling{file, at.Line, at.Offset, at.Offset + len(n.Op.String()), other.String(),
					fmt.Sprintf("%s instead of %s", other, n.Op)})
			}
		case *ast.ReturnStmt:
			if len(n.Results) > 0 {
				if last, ok := n.Results[len(n.Results)-1].(*ast.Ident); ok && last.Name == "err" {
					add(last, "nil", "nil instead of the returned")
				}
			}
		}
		return true
	})
	slices.SortStableFunc(all, func(a, b seedling) int { return a.start - b.start })
	return all, nil
}

// others are operators that are easily mistaken for one another.
var others = map[token.Token]token.Token{
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.ADD: token.SUB, token.SUB: token.ADD, token.OR: token.AND, token.AND: token.AND_NOT, token.AND_NOT: token.AND,
}

// brief is the beginning of a text, on one line.
func brief(text string) string {
	const most = 60
	short := []rune(text)
	for i, r := range short {
		if r == '\n' || i == most {
			return string(short[:i]) + " …"
		}
	}
	return text
}
