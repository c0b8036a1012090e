package main

import (
	"context"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestListFitsTheTree: each change of the list can be made in one place alone, and its test is there. So the list does
// not grow old unseen.
func TestListFitsTheTree(t *testing.T) {
	root := filepath.Join("..", "..")
	all, err := readList(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		changed, err := m.apply(string(text))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := format.Source([]byte(changed)); err != nil {
			t.Errorf("%s: what it makes of %s is no Go: %v", m.name, m.file, err)
		}
		tests, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(m.pkg), "*_test.go"))
		if !slices.ContainsFunc(tests, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "\nfunc "+m.test+"(t *testing.T) {")
		}) {
			t.Errorf("%s: there is no %s in %s", m.name, m.test, m.pkg)
		}
	}
}

func TestListsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"=a b\n":                          "is not a name",
		"-x\n":                            "belongs to nothing",
		"=a b.go TestC\nx\n":              "begins with neither",
		"=a b.go TestC\n x\n":             "changes nothing",
		"=a b.go TestC\n":                 "changes nothing",
		"=a b.go T\n-x\n=a b.go T\n-y\n":  "two named a",
		"# why\n=a b.go TestC\n-x\n+x\n":  "changes nothing",
		"=a b.go conf/x.TestC\n-x\n y\n?": "begins with neither",
	} {
		if _, err := parseList(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	all, err := parseList("=a b.go conf/x.TestC\n x\n-\ty\n+\tz\n")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if m := all[0]; m.file != "internal/kernel/b.go" || m.pkg != "conf/x" || m.test != "TestC" || m.old != "x\n\ty\n" ||
		m.new != "x\n\tz\n" {
		t.Errorf("read as %+v", m)
	}
	for text, want := range map[string]string{
		"x\n\ty\n":             "x\n\tz\n",
		"a\nx\n\ty\nb\n":       "a\nx\n\tz\nb\n",
		"ax\n\ty\n":            "",
		"x\n\tyy\n":            "",
		"x\n\ty\n\nx\n\ty\n\n": "",
	} {
		if got, err := all[0].apply(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q becomes %q, %v", text, got, err)
		}
	}
}

// TestVerdicts tries changes of a program of three lines.
func TestVerdicts(t *testing.T) {
	root := t.TempDir()
	const good = "package p\n\nfunc f() int {\n\tfor range 3 {\n\t}\n\treturn 1\n}\n"
	for file, text := range map[string]string{
		"go.mod": "module p\n\ngo 1.26\n",
		"p/p.go": good,
		"p/p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestF(t *testing.T) {\n\tif f() == 2 " +
			"{\n\t\tt.Error(2)\n\t}\n}\n\n" +
			"func TestLeftOut(t *testing.T) { t.Skip(\"it rains\") }\n\nfunc TestWrong(t *testing.T) { t.Error(3) }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := benchIn(context.Background(), root, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, c := range []struct {
		old, new string
		noticed  bool
		text     string
	}{
		{"return 1", "return 2", true, "noticed by TestF"},
		{"return 1", "return 3", false, "SURVIVED p"},
		{"return 1", "panic(1)", true, "noticed"},
		{"range 3", ";;", true, "does not end"},
		{"return 1", "return true", false, "it does not compile"},
	} {
		r := b.tryText("p/p.go", strings.Replace(good, c.old, c.new, 1), "p", "^TestF$", 0)
		if r.noticed != c.noticed || !strings.Contains(r.String(), c.text) {
			t.Errorf("%q for %q: %v %v", c.new, c.old, r.noticed, r)
		}
	}
	t.Setenv("CI", "")
	leftOut, err := b.right([]*mutant{{pkg: "p", test: "TestF"}, {pkg: "p", test: "TestLeftOut"}})
	if err != nil || len(leftOut) != 1 || leftOut[probe{"p", "TestLeftOut"}] != "it rains" {
		t.Errorf("left out: %v, %v", leftOut, err)
	}
	for _, test := range []string{"TestWrong", "TestNoSuch"} {
		if _, err := b.right([]*mutant{{pkg: "p", test: test}}); err == nil || !strings.Contains(err.Error(), test) {
			t.Errorf("%s can find something: %v", test, err)
		}
	}
	t.Setenv("CI", "true")
	if _, err := b.right([]*mutant{{pkg: "p", test: "TestLeftOut"}}); err == nil {
		t.Error("in CI nothing may be left out")
	}
}

// TestSeedlings: each kind of change is found, where it is, and makes Go of Go.
func TestSeedlings(t *testing.T) {
	const text = `package p

import "os"

const c = 3

func f(a, b int) (err error) {
	if a < b && c > 2 {
		os.Exit(1)
	}
	defer g()
	for i := 0; i != a; {
		i++
	}
	switch {
	case a == b:
		return nil
	default:
	}
	return err
}
`
	want := []string{
		"5: one more than 3", "8: negated a < b && c > 2", "8: <= instead of <", "8: || instead of &&", "8: >= instead of >",
		"8: one more than 2",
		"9: left out os.Exit(1)", "9: one more than 1", "11: left out defer g()", "12: one more than 0", "12: negated i != a",
		"13: left out i++",
		"16: left out case a == b: …", "20: nil instead of the returned err",
	}
	all, err := changes("p.go", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, strings.TrimPrefix(c.where(), "p.go:")+c.what)
		if _, err := format.Source([]byte(text[:c.start] + c.new + text[c.end:])); err != nil {
			t.Errorf("%s%s: %v", c.where(), c.what, err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
