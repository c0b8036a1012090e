package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPlanted: a user who can write where things are installed cannot redirect what is written, and cannot prevent the
// installation.
func TestPlanted(t *testing.T) {
	source, elsewhere := t.TempDir(), t.TempDir()
	files := append([]string{sharedFile, archive}, headers...)
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(source, name), []byte("new "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	victim, absent := filepath.Join(elsewhere, "victim"), filepath.Join(elsewhere, "absent")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for name, plant := range map[string]func(string) error{
		"nothing":           func(string) error { return nil },
		"a link":            func(path string) error { return os.Symlink(victim, path) },
		"a link to nothing": func(path string) error { return os.Symlink(absent, path) },
		"a second name":     func(path string) error { return os.Link(victim, path) },
		"a FIFO":            func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a file":            func(path string) error { return os.WriteFile(path, []byte("old"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			l := layout{prefix: "/usr/local", root: filepath.Join(t.TempDir(), "root")}
			want := map[string]string{filepath.Join(l.pkgConfig(), "namedshm.pc"): l.pc()}
			for _, name := range []string{sharedFile, soname, linkName} {
				want[filepath.Join(l.lib(), name)] = "new " + sharedFile
			}
			want[filepath.Join(l.lib(), archive)] = "new " + archive
			for _, name := range headers {
				want[filepath.Join(l.include(), name)] = "new " + name
			}
			for path := range want {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				for _, at := range []string{path, path + ".new", path + ".tmp"} {
					if err := plant(at); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := (&build{capi: source, directory: source}).put(l); err != nil {
				t.Fatal(err)
			}
			checkInstalled(t, want)
			if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
				t.Errorf("elsewhere a file has %q, %v", text, err)
			}
			if info, err := os.Stat(victim); err != nil || info.Mode() != 0o600 {
				t.Errorf("elsewhere a file has mode %v, %v", info.Mode(), err)
			}
			if _, err := os.Lstat(absent); err == nil {
				t.Error("a file was made elsewhere")
			}
		})
	}
}

// TestSummary: it says where things are, and the command that it prints finds them: a shell runs it unchanged, with a
// pkg-config that reports where it was to look.
func TestSummary(t *testing.T) {
	programs := t.TempDir()
	for name, script := range map[string]string{
		"pkg-config": `echo "$PKG_CONFIG_PATH"; echo "$@"`,
		"cc":         `echo "compiles $@"`,
	} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ prefix, destination, path string }{
		{"/usr/local", "", "/usr/local/lib/pkgconfig"},
		{"/usr", "", ""},
		{"/usr", "/tmp/package", ""},
		{"/opt/x", "/tmp/package", "/opt/x/lib/pkgconfig"},
	} {
		l := layout{prefix: c.prefix, root: filepath.Join(c.destination, c.prefix)}
		text := l.summary()
		for _, part := range []string{sharedFile, archive, l.lib(), l.include(), c.prefix} {
			if !strings.Contains(text, part) {
				t.Errorf("%q does not tell of %s", text, part)
			}
		}
		_, command, found := strings.Cut(text, "to compile with it: ")
		run := exec.Command("sh", "-c", command)
		run.Env = []string{"PATH=" + programs, "HOME=/nowhere"}
		out, err := run.CombinedOutput()
		if want := strings.Join(strings.Fields("compiles program.c "+c.path+" --cflags --libs namedshm"), " ") +
			"\n"; !found || err != nil || string(out) != want {
			t.Errorf("%s: %v, %q, want %q", command, err, out, want)
		}
	}
}

// TestRefusedPrefix: a prefix that could not be used unquoted in the command is refused before anything is built.
func TestRefusedPrefix(t *testing.T) {
	for _, prefix := range []string{"/opt/a b", "/opt/it's", "/opt/$HOME", "/opt/a,b", "/opt/a:b", "/opt/ä", "/opt/a\nb",
		"/opt/#", `/opt/"`, "/opt/~", "/opt/a;b"} {
		root := t.TempDir()
		_, err := install(prefix, root)
		if err == nil || !strings.Contains(err.Error(), "characters that pkg-config") {
			t.Errorf("%q: %v", prefix, err)
		}
		if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
			t.Errorf("%q: there is %v, %v", prefix, left, err)
		}
	}
}

// TestCommandCompiles: with every kind of character that a prefix may have, pkg-config and the compiler do what the
// printed command says, and the program finds the library. It is not the library that matters here.
func TestCommandCompiles(t *testing.T) {
	for _, tool := range []string{"pkg-config", "cc"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	source := t.TempDir()
	for _, name := range append([]string{archive}, headers...) {
		if err := os.WriteFile(filepath.Join(source, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell := func(dir, command string) string {
		t.Helper()
		run := exec.Command("sh", "-c", command)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		return string(out)
	}
	shell(source, "echo 'int answer(void) { return 42; }' > answer.c && cc -shared -fPIC -Wl,-soname,"+soname+" -o "+
		sharedFile+" answer.c")
	prefix := t.TempDir() + "/Az09_.+-/opt"
	if err := usable(prefix); err != nil {
		t.Fatal(err)
	}
	l := layout{prefix: prefix, root: prefix}
	if err := (&build{capi: source, directory: source}).put(l); err != nil {
		t.Fatal(err)
	}
	program := `#include <stdio.h>
#include <` + headers[0] + `>
int answer(void);
int main(void) { return printf("%d", answer()) != 2; }
`
	if err := os.WriteFile(filepath.Join(source, "program.c"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(l.summary(), "to compile with it: ")
	shell(source, command)
	if got := shell(source, "./a.out"); got != "42" {
		t.Errorf("the program prints %q", got)
	}
}

func checkInstalled(t *testing.T, want map[string]string) {
	t.Helper()
	for path, content := range want {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if content == "new "+sharedFile {
			mode = 0o755
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != content || info.Mode() != mode {
			t.Errorf("%s: %q, %v, mode %v", path, text, err, info.Mode())
		}
		names, err := filepath.Glob(path + ".new-*")
		if err != nil || len(names) > 0 {
			t.Errorf("left behind: %q, %v", names, err)
		}
		link, err := os.Readlink(path)
		if linked := err == nil; linked != (strings.HasSuffix(path, soname) || strings.HasSuffix(path, linkName)) ||
			linked && link != sharedFile {
			t.Errorf("%s is a link to %q: %v", path, link, err)
		}
	}
}
