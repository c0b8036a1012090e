// Command install builds the C library and puts it, its headers and a pkg-config file under a prefix:
//
//	go run ./capi/install --prefix /usr/local
//	c++ program.cpp $(pkg-config --cflags --libs namedshm)
//
// It says what it has put where, and how to compile with it. It requires Go, a C compiler and the binutils that come
// with it, on 64-bit Linux.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	prefix := flag.String("prefix", "/usr/local", "where to put include, lib and lib/pkgconfig")
	destination := flag.String("destdir", "", "put before the prefix when copying, for building packages")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "install: unexpected argument %q\n", flag.Args())
		os.Exit(2)
	}
	l, err := install(*prefix, *destination)
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
	fmt.Print(l.summary())
}

func install(prefix, destination string) (l layout, err error) {
	if prefix, err = filepath.Abs(prefix); err != nil {
		return l, err
	}
	if err := usable(prefix); err != nil {
		return l, err
	}
	b, err := newBuild()
	if err != nil {
		return l, err
	}
	defer os.RemoveAll(b.directory)
	if err := b.libraries(); err != nil {
		return l, err
	}
	l = layout{prefix: prefix, root: filepath.Join(destination, prefix)}
	return l, b.put(l)
}

// plainPath is a path that needs no quoting in a pkg-config file, among the compiler's options, after -Wl, and in a
// shell. Each has its own way of quoting, and a command that combines them has none.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+-]+$`)

// usable says why a prefix cannot be written for pkg-config.
func usable(prefix string) error {
	if plainPath.MatchString(prefix) {
		return nil
	}
	return fmt.Errorf("the prefix %q has characters that pkg-config or the compiler would misread: "+
		"use only ASCII letters, digits and _ . / + -, or a symbolic link with such a name", prefix)
}

// layout is where things lie. They are put under root, and will be found under prefix.
type layout struct{ prefix, root string }

func (l layout) include() string   { return filepath.Join(l.root, "include", "namedshm") }
func (l layout) lib() string       { return filepath.Join(l.root, "lib") }
func (l layout) pkgConfig() string { return filepath.Join(l.lib(), "pkgconfig") }

// summary is what was installed where, and how to compile a program with it. pkg-config by itself looks below /usr, and
// in few other places.
func (l layout) summary() string {
	text := fmt.Sprintf("installed %s, %s and namedshm.pc in %s, the headers in %s\n", sharedFile, archive, l.lib(),
		l.include())
	if l.root != l.prefix {
		text += fmt.Sprintf("programs will look for them under %s\n", l.prefix)
	}
	path := ""
	if l.prefix != "/usr" {
		at := layout{root: l.prefix}
		path = "PKG_CONFIG_PATH=" + at.pkgConfig() + " "
	}
	return text + "to compile with it: cc program.c $(" + path + "pkg-config --cflags --libs namedshm)\n"
}

// put copies what was built.
func (b *build) put(l layout) error {
	for directory, files := range map[string]map[string]content{
		l.include():   fromFiles(b.capi, 0o644, headers...),
		l.lib():       fromFiles(b.directory, 0o644, archive),
		l.pkgConfig(): {"namedshm.pc": {text: []byte(l.pc()), mode: 0o644}},
	} {
		if err := putAll(directory, files); err != nil {
			return err
		}
	}
	return putAll(l.lib(), map[string]content{
		sharedFile: {from: filepath.Join(b.directory, sharedFile), mode: 0o755},
		soname:     {link: sharedFile},
		linkName:   {link: sharedFile},
	})
}

// content is what a file is to have in it: what another one has, a text, or, as a symbolic link, a path.
type content struct {
	from, link string
	text       []byte
	mode       os.FileMode
}

// fromFiles is the files of a directory, under their own names.
func fromFiles(directory string, mode os.FileMode, names ...string) map[string]content {
	all := map[string]content{}
	for _, name := range names {
		all[name] = content{from: filepath.Join(directory, name), mode: mode}
	}
	return all
}

// putAll makes files in a directory, which is opened once. On some systems the members of a group may write where
// programs are installed: they are not to lead what root writes to another place.
func putAll(path string, files map[string]content) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	directory, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	for name, c := range files {
		if err := c.put(directory, name); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// put creates a new file, under a name that nobody can have taken, and then renames it: a program that uses the old
// library keeps using it.
func (c content) put(directory *os.Root, name string) error {
	temporary := name + ".new-" + rand.Text()
	if err := c.make(directory, temporary); err != nil {
		directory.Remove(temporary)
		return err
	}
	if err := directory.Rename(temporary, name); err != nil {
		directory.Remove(temporary)
		return err
	}
	return nil
}

func (c content) make(directory *os.Root, name string) error {
	if c.link != "" {
		return directory.Symlink(c.link, name)
	}
	if c.from != "" {
		var err error
		if c.text, err = os.ReadFile(c.from); err != nil {
			return err
		}
	}
	f, err := directory.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, c.mode)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(c.text); err != nil {
		return err
	}
	if err := f.Chmod(c.mode); err != nil { // whatever the umask says
		return err
	}
	return f.Close()
}

// pc is the pkg-config file. A program finds the library where it was installed, without any setting: for that it is
// linked with the path, unless the system looks there anyway.
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
