package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The library's version, and the one of its interface: the number in the soname changes when a program that was linked
// to an older library would not run with a newer one.
const (
	version    = "0.1.0"
	soname     = "libnamedshm.so.0"
	sharedFile = "libnamedshm.so." + version
	linkName   = "libnamedshm.so"
	archive    = "libnamedshm.a"
)

var headers = []string{"namedshm.h", "namedshm_flow.h", "windows.h", "tchar.h", "conio.h"}

// build is one building of the library, in a directory of its own.
type build struct {
	capi      string // the directory of package capi
	goroot    string
	directory string
	exports   []string
}

func newBuild() (*build, error) {
	out, err := exec.Command("go", "list", "-f", "{{.Module.Dir}}", "github.com/namedshm/namedshm/capi/install").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the module: %w (run it in a checkout)", err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	b := &build{capi: filepath.Join(strings.TrimSpace(string(out)), "capi"), goroot: strings.TrimSpace(string(goroot))}
	for _, h := range headers {
		text, err := os.ReadFile(filepath.Join(b.capi, h))
		if err != nil {
			return nil, err
		}
		b.exports = append(b.exports, declared(string(text))...)
	}
	b.directory, err = os.MkdirTemp("", "namedshm-build-")
	return b, err
}

// A declaration of the library's begins a line with NAMEDSHM_API, or with what that stands for.
var declaration = regexp.MustCompile(`(?m)^(?:NAMEDSHM_API|extern __attribute__\(\(__visibility__\("default"\)\)\)) [^;(]*?(\w+)\(`)

// declared is the functions that a header declares, which are those that the library exports.
func declared(header string) (names []string) {
	for _, m := range declaration.FindAllStringSubmatch(header, -1) {
		names = append(names, m[1])
	}
	return names
}

// libraries builds both.
func (b *build) libraries() error {
	overlay, err := b.overlay()
	if err != nil {
		return err
	}
	script := filepath.Join(b.directory, "exports.map")
	text := "{\n\tglobal:\n\t\t" + strings.Join(b.exports, ";\n\t\t") + ";\n\tlocal:\n\t\t*;\n};\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return err
	}
	shared := filepath.Join(b.directory, sharedFile)
	if err := b.goBuild(overlay, "c-shared", shared,
		"-Wl,--version-script="+script+" -Wl,-soname,"+soname+" -Wl,-z,defs"); err != nil {
		return err
	}
	if err := b.goBuild(overlay, "c-archive", filepath.Join(b.directory, "all.a"), ""); err != nil {
		return err
	}
	return b.hide()
}

// runtimeSettings are made the runtime's defaults. It must not interrupt threads by SIGURG, which is the program's, nor
// shrink a stack on which a handler of the program may run, nor read again, from what may be another's descriptor by
// then, how many processors a container has.
const runtimeSettings = "asyncpreemptoff=1,gcshrinkstackoff=1,updatemaxprocs=0"

func (b *build) goBuild(overlay, mode, to, linker string) error {
	flags := "-s -w -X=runtime.godebugDefault=" + runtimeSettings
	if linker != "" {
		flags += " -extldflags '" + linker + "'"
	}
	c := exec.Command("go", "build", "-overlay", overlay, "-buildmode="+mode, "-trimpath", "-tags",
		"osusergo namedshm_nopoller", "-ldflags", flags, "-o", to, ".")
	c.Dir = b.capi
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	return run(c)
}

// unblock is what the runtime's table of signals says of those that its threads never block. The three it needs are
// libc's own.
var unblock = regexp.MustCompile(`(?m)^\t/\* (\d+) \*/ \{.*( \+ _SigUnblock)\b`)

// overlay has the runtime compiled with two files that are not Go's own.
func (b *build) overlay() (path string, err error) {
	replace := map[string]string{}
	for file, change := range map[string]func(text string) (string, error){
		"sigtab_linux_generic.go": blockSignals, pollerFile: dropPoller,
	} {
		from := filepath.Join(b.goroot, "src", "runtime", file)
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		changed, err := change(string(text))
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, from)
		}
		if doubt := doubtPoller(string(text)); file == pollerFile && doubt != "" {
			fmt.Fprintf(os.Stderr, "warning: %s: %s\n", doubt, from)
		}
		replace[from] = filepath.Join(b.directory, file)
		if err := os.WriteFile(replace[from], []byte(changed), 0o644); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(b.directory, "overlay.json")
	return path, os.WriteFile(path, list, 0o644)
}

// blockSignals makes a different signal table for the runtime: no signal is unblocked in Go's threads, except those
// that libc uses among threads. Otherwise SIGCHLD and SIGPROF, sent to a program that blocks them to wait for them,
// would end up in a thread of Go's and be lost.
func blockSignals(text string) (string, error) {
	var own []string
	blocked := unblock.ReplaceAllStringFunc(text, func(line string) string {
		number := unblock.FindStringSubmatch(line)[1]
		if slices.Contains([]string{"32", "33", "34"}, number) {
			return line
		}
		own = append(own, number)
		return strings.Replace(line, " + _SigUnblock", "", 1)
	})
	if !slices.Contains(own, "17") || !slices.Contains(own, "27") {
		return "", errors.New("this version of Go has a different table of signals, and the library would take over the " +
			"program's signals")
	}
	return blocked, nil
}

// poller is a file of the runtime with a poller that needs no descriptors.
//
//go:embed poller.go.txt
var poller string

const pollerFile = "netpoll_epoll.go" // the one it replaces

// readPollers are the pollers of Go that poller was written to replace: what codeHash makes of the file, by the version
// in which it first was so. That the functions are the same does not mean that they do the same.
var readPollers = map[string]string{
	"44891ba7565127af8a18ca85ffdc21c66460bfeee44344317fc18abcd3c104c2": "1.26",
}

// doubtPoller warns of a poller that nobody has compared with the one in its place. It does not stop the build, because
// a bug-fix release rarely gives it a new duty; the tests refuse it until somebody has read it.
func doubtPoller(text string) string {
	if _, read := readPollers[codeHash(text)]; read {
		return ""
	}
	return "this version of Go has a poller that has not been tried; if it does more than earlier ones, the library's " +
		"timers may not work"
}

// codeHash is a hash of a file's code, without comments and white space.
func codeHash(text string) string {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", files.Base(), len(text)), []byte(text), nil, 0)
	sum := sha256.New()
	for {
		_, kind, literal := s.Scan()
		if kind == token.EOF {
			return hex.EncodeToString(sum.Sum(nil))
		}
		if literal == "" || literal == "\n" {
			literal = kind.String()
		}
		fmt.Fprintf(sum, "%q ", literal)
	}
}

// function is the head of one of a file's functions, with its types.
var function = regexp.MustCompile(`(?m)^func .*(\{)`)

// dropPoller has the runtime do without epoll. It ends the program when it finds its descriptors closed, and a program
// that makes itself a daemon closes those that it does not know.
func dropPoller(text string) (string, error) {
	heads := func(text string) []string {
		var all []string
		for _, head := range function.FindAllString(text, -1) {
			head, _, _ = strings.Cut(head, "{")
			all = append(all, strings.TrimSpace(head))
		}
		slices.Sort(all)
		return all
	}
	if !slices.Equal(heads(text), heads(poller)) {
		return "", errors.New("this version of Go has a different poller, and the library would not survive the closing of " +
			"its descriptors")
	}
	return poller, nil
}

// constructors is where the archive's lie, in the order in which they are to run; with Go's and after_go of guest.c in
// the last. A linker sorts such sections by number. Those below 101 are kept for a language's implementation, which
// Go's runtime is, so no constructor of a program comes before these or between them.
var constructors = []string{".init_array.00101", ".init_array.00102", ".init_array"}

const firstConstructor = 97

// hide makes the archive one object in which nothing but the library's functions is to be seen: in a program's link,
// runtime and libraries would otherwise meet another Go archive's. The order in the object is that of the archive, and
// so Go's constructor stays before the one that comes after it.
//
// All its constructors precede the program's: the constructor of a global object may make a call, which would wait
// forever for a runtime that only a later constructor starts.
func (b *build) hide() error {
	names := filepath.Join(b.directory, "exports")
	object := filepath.Join(b.directory, "namedshm.o")
	if err := os.WriteFile(names, []byte(strings.Join(b.exports, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	early := []string{"objcopy"}
	for i, section := range constructors {
		early = append(early, "--rename-section", fmt.Sprintf("%s=.init_array.%05d", section, firstConstructor+i))
	}
	for _, step := range [][]string{
		{"ld", "-r", "-d", "-o", object, "--whole-archive", filepath.Join(b.directory, "all.a")},
		append(early, object),
		{"objcopy", "--keep-global-symbols=" + names, object},
		{"ar", "rcsD", filepath.Join(b.directory, archive), object},
	} {
		if err := run(exec.Command(step[0], step[1:]...)); err != nil {
			return err
		}
	}
	return nil
}

func run(c *exec.Cmd) error {
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.Args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
