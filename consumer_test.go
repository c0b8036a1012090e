//go:build unix

package namedshm_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const consumerVersion = "v0.0.1"

// apart are the packages that nobody else can import, or has a reason to.
var apart = regexp.MustCompile(`/internal/|^/(conformance|bench)/`)

// importable are the packages that a program of somebody else may import.
func importable(t *testing.T) (packages []string) {
	t.Helper()
	listed := output(t, ".", nil, "go", "list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	for name := range strings.FieldsSeq(listed) {
		below := strings.TrimPrefix(name, modulePath)
		if !apart.MatchString(below + "/") {
			packages = append(packages, name)
		}
	}
	if len(packages) < 5 || !slices.Contains(packages, modulePath+"/wine") {
		t.Fatalf("of %q only %q is for others", listed, packages)
	}
	return packages
}

// TestConsumer is a program of somebody else, which gets this module from a proxy into an empty module cache, whatever
// it imports. Its go.sum has the two lines of this module, and two of the one that it needs: nothing of what the
// command, the tests and the benchmarks need. go mod tidy also asks for what the tests of imported packages need, so
// these must not need more.
func TestConsumer(t *testing.T) {
	proxy := t.TempDir()
	publish(t, proxy)
	downloads := strings.TrimSpace(output(t, ".", nil, "go", "env", "GOMODCACHE")) + "/cache/download"
	env := append(os.Environ(), "GOMODCACHE="+t.TempDir(), "GOPROXY="+fileURL(proxy)+","+fileURL(downloads), "GOSUMDB=off",
		"GOFLAGS=-modcacherw -mod=mod",
		"GOWORK=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	for _, imported := range importable(t) {
		t.Run(path.Base(imported), func(t *testing.T) { consume(t, env, imported) })
	}
}

// consume imports a package and looks at what that takes.
func consume(t *testing.T, env []string, imported string) {
	t.Helper()
	consumer := t.TempDir()
	write(t, filepath.Join(consumer, "go.mod"),
		"module example.org/consumer\n\ngo 1.26\n\nrequire "+modulePath+" "+consumerVersion+"\n")
	write(t, filepath.Join(consumer, "main.go"), fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", imported))
	output(t, consumer, env, "go", "mod", "tidy")
	needed := output(t, consumer, env, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	for module := range strings.FieldsSeq(needed) {
		if !slices.Contains([]string{"example.org/consumer", modulePath, "golang.org/x/sys"}, module) {
			t.Errorf("the program needs %s", module)
		}
	}
	sums, err := os.ReadFile(filepath.Join(consumer, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(sums)) {
		count[strings.Fields(line)[0]]++
	}
	if count[modulePath] != 2 || count["golang.org/x/sys"] != 2 || len(count) != 2 {
		t.Errorf("go.sum does not have two lines of this module and two of golang.org/x/sys:\n%s", sums)
	}
	required, err := os.ReadFile(filepath.Join(consumer, "go.mod"))
	if err != nil || strings.Count(string(required), " v") != 2 {
		t.Errorf("go.mod requires more than these two (%v):\n%s", err, required)
	}
}

// publish puts this module's Go files into a module proxy.
func publish(t *testing.T, proxy string) {
	t.Helper()
	directory := filepath.Join(proxy, modulePath, "@v")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if name != "." && (strings.HasPrefix(d.Name(), ".") || err == nil) { // a module of its own
				return filepath.SkipDir
			}
			return nil
		}
		if name != "go.mod" && !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := w.Create(path.Join(modulePath+"@"+consumerVersion, filepath.ToSlash(name)))
		if err == nil {
			_, err = f.Write(text)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(directory, "list"), consumerVersion+"\n")
	write(t, filepath.Join(directory, consumerVersion+".info"), fmt.Sprintf("{%q: %q}", "Version", consumerVersion))
	write(t, filepath.Join(directory, consumerVersion+".mod"), string(mod))
	write(t, filepath.Join(directory, consumerVersion+".zip"), archive.String())
}

func fileURL(directory string) string { return (&url.URL{Scheme: "file", Path: directory}).String() }

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// output is what a command prints, which must succeed.
func output(t *testing.T, directory string, env []string, command string, args ...string) string {
	t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir, cmd.Env = directory, env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", command, args, err, errorOutput(err))
	}
	return string(out)
}
