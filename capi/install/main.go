// Command install builds the C library and puts it, its headers and a pkg-config file under a prefix:
//
//	go run ./capi/install --prefix /usr/local
//	c++ program.cpp $(pkg-config --cflags --libs namedshm)
//
// It takes Go, a C compiler and the binutils that come with it, on 64-bit Linux.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	prefix := flag.String("prefix", "/usr/local", "where include, lib and lib/pkgconfig are to lie")
	destination := flag.String("destdir", "", "put in front of the prefix for the copies, as packages are made")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "install: %q makes no sense here\n", flag.Args())
		os.Exit(2)
	}
	if err := install(*prefix, *destination); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func install(prefix, destination string) error {
	prefix, err := filepath.Abs(prefix)
	if err != nil {
		return err
	}
	b, err := newBuild()
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.directory)
	if err := b.libraries(); err != nil {
		return err
	}
	return b.put(layout{prefix: prefix, root: filepath.Join(destination, prefix)})
}

// layout is where things lie. They are put under root, and will be found under prefix.
type layout struct{ prefix, root string }

func (l layout) include() string   { return filepath.Join(l.root, "include", "namedshm") }
func (l layout) lib() string       { return filepath.Join(l.root, "lib") }
func (l layout) pkgConfig() string { return filepath.Join(l.lib(), "pkgconfig") }

// put copies what was built.
func (b *build) put(l layout) error {
	for _, d := range []string{l.include(), l.lib(), l.pkgConfig()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	for _, h := range headers {
		if err := replace(filepath.Join(b.capi, h), filepath.Join(l.include(), h), 0o644); err != nil {
			return err
		}
	}
	if err := replace(filepath.Join(b.directory, sharedFile), filepath.Join(l.lib(), sharedFile), 0o755); err != nil {
		return err
	}
	if err := replace(filepath.Join(b.directory, archive), filepath.Join(l.lib(), archive), 0o644); err != nil {
		return err
	}
	for _, link := range []string{soname, linkName} {
		path := filepath.Join(l.lib(), link)
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(sharedFile, path); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(l.pkgConfig(), "namedshm.pc"), []byte(l.pc()), 0o644)
}

// replace copies a file to a new one and then gives it the name: a program that uses the old library goes on using it.
func replace(from, to string, mode os.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	temporary := to + ".new"
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return err
	}
	if err := os.Chmod(temporary, mode); err != nil { // whatever the umask says
		return err
	}
	return os.Rename(temporary, to)
}

// pc is the pkg-config file. A program finds the library where it was installed, without any setting: for that it is told
// the path, unless it is one where the system looks anyway.
func (l layout) pc() string {
	path := " -Wl,-rpath,${libdir}"
	if l.prefix == "/usr" {
		path = ""
	}
	return fmt.Sprintf(`prefix=%s
libdir=${prefix}/lib
includedir=${prefix}/include

Name: namedshm
Description: Windows' named shared memory, events, mutexes and semaphores
URL: https://github.com/namedshm/namedshm
Version: %s
Cflags: -I${includedir}/namedshm
Libs: -L${libdir}%s -lnamedshm
Libs.private: -pthread
`, l.prefix, version, path)
}
