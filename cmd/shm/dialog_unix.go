//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
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
	return nil, errors.New("no program that shows a dialog was found; install zenity, kdialog or xmessage")
}

// zenity takes backslash sequences in its text for characters, but not when markup is off.
func zenity(path, title, text string) error {
	return runDialog(exec.Command(path, "--info", "--no-markup", "--no-wrap", "--title="+title, "--text="+text))
}

// kdialog takes text that looks like HTML for HTML, and backslash sequences for characters. So it is made HTML in which
// nothing is left to be taken for anything.
func kdialog(path, title, text string) error {
	text = strings.ReplaceAll(html.EscapeString(text), `\`, "&#92;")
	return runDialog(exec.Command(path, "--title", title, "--msgbox", `<qt><div style="white-space:pre-wrap">`+text+`</div></qt>`))
}

func xmessage(path, title, text string) error {
	c := exec.Command(path, "-center", "-title", title, "-buttons", "OK:0", "-default", "OK", "-file", "-")
	c.Stdin = strings.NewReader(text)
	return runDialog(c)
}

// runDialog runs a dialog program. Closed by its frame or by Escape it reports 1, which is as good as OK; but when it
// could not show anything it reports 1 as well, and tells why.
func runDialog(c *exec.Cmd) error {
	var complaint bytes.Buffer
	c.Stderr = &complaint
	err := c.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && exit.ExitCode() == 1 && !bytes.Contains(complaint.Bytes(), []byte("display")) {
		return nil
	}
	if lines := bytes.TrimSpace(complaint.Bytes()); len(lines) > 0 {
		return fmt.Errorf("%s: %w: %s", c.Path, err, lines)
	}
	return fmt.Errorf("%s: %w", c.Path, err)
}
