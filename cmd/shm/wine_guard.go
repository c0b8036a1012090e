package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// guardedFile is a file in /dev/shm that is removed when this process has ended, however it ends: a process of its own
// waits for that, at the end of a pipe. Only a file that is still the same one is removed.
type guardedFile struct {
	path  string
	guard *exec.Cmd
	pipe  io.Closer
}

// guard starts the waiting for a file that has been made.
func guard(path string) (*guardedFile, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	g := &guardedFile{path: path, guard: exec.Command(self, "wine-guard", path)}
	if g.pipe, err = g.guard.StdinPipe(); err != nil {
		return nil, err
	}
	ready, err := g.guard.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.guard.Start(); err != nil {
		return nil, err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		g.remove()
		return nil, fmt.Errorf("%s would be left behind after a crash: %w", path, err)
	}
	return g, nil
}

// remove removes the file, by letting the guard do it.
func (g *guardedFile) remove() {
	g.pipe.Close()
	g.guard.Wait()
}

// wineGuardCmd is the guard.
type wineGuardCmd struct {
	Path string `arg:"" help:"The file."`
}

// Run waits for the end of the process that has started it. A Ctrl-C that is meant for that one reaches both.
func (c *wineGuardCmd) Run(a *app) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := checkPosixName(c.Path); err != nil {
		return err
	}
	directory, err := openPosix()
	if err != nil {
		return err
	}
	defer directory.Close()
	name := filepath.Base(c.Path)
	before, err := directory.Lstat(name)
	if err != nil {
		return err
	}
	if err := a.printf("\n"); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, a.stdin); err != nil {
		return err
	}
	if after, err := directory.Lstat(name); err == nil && os.SameFile(before, after) {
		return directory.Remove(name)
	}
	return nil
}
