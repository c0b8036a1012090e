//go:build unix

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// findDialog finds the desktop's own dialog program, or says what is lacking.
func findDialog() (dialog, error) {
	x11 := os.Getenv("DISPLAY") != ""
	if !x11 && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil, errors.New("there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set")
	}
	for _, program := range []struct {
		name  string
		needs bool
		show  func(path, title, text string) error
	}{{"zenity", true, zenity}, {"kdialog", true, kdialog}, {"xmessage", x11, xmessage}} {
		if path, err := exec.LookPath(program.name); err == nil && program.needs {
			return func(title, text string) error { return program.show(path, title, text) }, nil
		}
	}
	return nil, errors.New("no program for message boxes was found; install zenity, kdialog or xmessage")
}

// zenity takes backslash sequences in its text for characters, but not when markup is off.
func zenity(path, title, text string) error {
	return runDialog(exec.Command(path, "--info", "--no-markup", "--no-wrap", "--title="+title, "--text="+text))
}

// kdialog takes text that looks like HTML for HTML, and backslash sequences for characters. So it is made HTML in which
// nothing is left to be taken for anything.
func kdialog(path, title, text string) error {
	text = strings.ReplaceAll(html.EscapeString(text), `\`, "&#92;")
	return runDialog(exec.Command(path, "--title", title, "--msgbox",
		`<qt><div style="white-space:pre-wrap">`+text+`</div></qt>`))
}

func xmessage(path, title, text string) error {
	c := exec.Command(path, "-center", "-title", title, "-buttons", "OK:0", "-default", "OK", "-file", "-")
	c.Stdin = strings.NewReader(text)
	return runDialog(c)
}

// inUTF8 is an environment in which programs take text for UTF-8, which it is. In the C locale, which cron and many
// services have, a dialog program refuses an argument that is not ASCII.
func inUTF8(environ []string) []string {
	value := func(name string) (v string) {
		for _, entry := range environ {
			if n, is, _ := strings.Cut(entry, "="); n == name {
				v = is // of two the last counts
			}
		}
		return v
	}
	charset := strings.ToLower(cmp.Or(value("LC_ALL"), value("LC_CTYPE"), value("LANG")))
	if strings.Contains(charset, "utf-8") || strings.Contains(charset, "utf8") {
		return environ
	}
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		return strings.HasPrefix(entry, "LC_ALL=")
	})
	return append(environ, "LC_CTYPE=C.UTF-8")
}

// runDialog runs a dialog program. Closed by its frame or by Escape it reports 1, which is as good as OK; but if it
// could not show anything it reports 1 as well, and says why.
func runDialog(c *exec.Cmd) error {
	var complaint bytes.Buffer
	c.Stderr = &complaint
	c.Env = inUTF8(os.Environ())
	err := c.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && exit.ExitCode() == 1 &&
		!bytes.Contains(complaint.Bytes(), []byte("display")) {
		return nil
	}
	if lines := bytes.TrimSpace(complaint.Bytes()); len(lines) > 0 {
		return fmt.Errorf("%s: %w: %s", c.Path, err, lines)
	}
	return fmt.Errorf("%s: %w", c.Path, err)
}
