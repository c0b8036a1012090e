//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trickyText has all that a dialog program could take for something else than text.
const trickyText = "Message <b>from</b> &amp; first\\n process.\nC:\\temp — ünï"

// fakeDialog puts a program of this name, and no other, on the PATH; it writes down what it was given.
func fakeDialog(t *testing.T, name string) (told func() string) {
	dir := t.TempDir()
	script := "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\n' \"<$a>\" >> " + dir +
		"/told; done\nwhile read -r line; do printf '%s\\n' \"$line\" >> " + dir + "/told; done\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":0")
	return func() string {
		b, err := os.ReadFile(filepath.Join(dir, "told"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestDialogProgramsAreGivenData(t *testing.T) {
	for name, want := range map[string]string{
		"zenity": "<--info>\n<--no-markup>\n<--no-wrap>\n<--title=-t>\n<--text=--a <b>&\\n>\n",
		"kdialog": "<--title>\n<-t>\n<--msgbox>\n<<qt><div style=\"white-space:pre-wrap\">--a " +
			"&lt;b&gt;&amp;&#92;n</div></qt>>\n",
		"xmessage": "<-center>\n<-title>\n<-t>\n<-buttons>\n<OK:0>\n<-default>\n<OK>\n<-file>\n<->\n--a <b>&\\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			told := fakeDialog(t, name)
			show, err := findDialog()
			if err != nil {
				t.Fatal(err)
			}
			text := "--a <b>&\\n"
			if name == "xmessage" {
				text += "\n" // a shell's read wants a whole line
			}
			if err := show("-t", text); err != nil {
				t.Fatal(err)
			}
			if got := told(); got != want {
				t.Errorf("it was given\n%swant\n%s", got, want)
			}
		})
	}
}

// TestDialogsShowText: what a section has in it is text in a box, too, and its name a title.
func TestDialogsShowText(t *testing.T) {
	isolate(t)
	shm, err := exec.LookPath("shm")
	if err != nil {
		t.Fatal(err)
	}
	name := "evil\x1b]0;P\a\u202e"
	hold(t, name, "--size", "4KiB", "--text", "red\x1b[31m\u202e\u009b\nkept")
	told := fakeDialog(t, "zenity")
	if out, err := exec.Command(shm, "open", name, "--box").CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	want := "<--info>\n<--no-markup>\n<--no-wrap>\n<--title=evil\\x1b]0;P\\a\\u202e>\n" +
		"<--text=red\\x1b[31m\\u202e\\u009b\nkept>\n"
	if got := told(); got != want {
		t.Errorf("it was given\n%swant\n%s", got, want)
	}
}

func TestFindDialogSaysWhatIsLacking(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct{ display, wayland, want string }{
		{"", "", "there is no display"}, {":0", "", "install zenity, kdialog or xmessage"},
		{"", "wayland-0", "install zenity"},
	} {
		t.Setenv("DISPLAY", c.display)
		t.Setenv("WAYLAND_DISPLAY", c.wayland)
		if _, err := findDialog(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// newDisplay starts an X server on a number that is free.
func newDisplay(t *testing.T, ctx context.Context) string {
	needTools(t, "Xvfb", "zenity", "xdotool", "import")
	number, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	// It must not restart when its only client has gone, which may be the one that only looks for windows.
	server := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp",
		"-noreset")
	server.ExtraFiles = []*os.File{theirs}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt) // so that it removes its lock file
		server.Wait()
	})
	theirs.Close()
	line, err := bufio.NewReader(number).ReadString('\n') // to the end: a server that cannot write it all dies of that
	if err != nil {
		t.Fatal(err)
	}
	return ":" + strings.TrimSpace(line)
}

// awaitWindow waits for a window with this title and returns its number. (xdotool's own waiting fails when a window
// goes while it looks at it.)
func awaitWindow(t *testing.T, ctx context.Context, title string) string {
	for ctx.Err() == nil {
		out, err := exec.CommandContext(ctx, "xdotool", "search", "--onlyvisible", "--name", "^"+title+"$").Output()
		if id, _, found := strings.Cut(string(out), "\n"); err == nil && found {
			return id
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no window %q", title)
	return ""
}

func picture(t *testing.T, id string) image.Image {
	out, err := exec.Command("import", "-window", id, "png:-").Output()
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	p, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// settled is the picture of a window when it has stopped changing.
func settled(t *testing.T, ctx context.Context, id string) image.Image {
	for last := picture(t, id); ctx.Err() == nil; {
		time.Sleep(100 * time.Millisecond)
		next := picture(t, id)
		if same(last, next) {
			return next
		}
		last = next
	}
	t.Fatal("the window never stops changing")
	return nil
}

// TestBox shows a section's text in a real message box on a real display. What is to be seen there is not asked of the
// program under test: a second box has the same text in it by another way, as markup in which everything is spelled
// out.
func TestBox(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	isolate(t)
	t.Setenv("DISPLAY", newDisplay(t, ctx))
	holder := exec.CommandContext(ctx, "shm", "create", `Local\Box`, "--size", "256", "--text", trickyText)
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer input.Close()

	box := exec.CommandContext(ctx, "shm", "open", `Local\Box`, "--wait", patience.String(), "--box")
	box.Env = append(os.Environ(), "LC_ALL=C") // as from cron; the text is UTF-8 all the same
	var complaint bytes.Buffer
	box.Stderr = &complaint
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	id := awaitWindow(t, ctx, `Local.Box`)
	if title, err := exec.Command("xdotool", "getwindowname", id).Output(); string(title) != "Local\\Box\n" || err != nil {
		t.Errorf("the title is %q, %v", title, err)
	}
	got := settled(t, ctx, id)
	if out, err := exec.CommandContext(ctx, "xdotool", "windowfocus", id, "key", "Return").CombinedOutput(); err != nil {
		t.Fatalf("pressing OK: %v %s", err, out)
	}
	if err := box.Wait(); err != nil {
		t.Errorf("shm open --box: %v\n%s", err, complaint.String())
	}

	spelled := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, "&#92;").Replace(trickyText)
	t.Setenv("LC_ALL", "C.UTF-8")
	reference := exec.CommandContext(ctx, "zenity", "--info", "--no-wrap", "--title=reference", "--text="+spelled)
	if err := reference.Start(); err != nil {
		t.Fatal(err)
	}
	want := settled(t, ctx, awaitWindow(t, ctx, "reference"))
	reference.Process.Kill()
	reference.Wait()
	if !same(got, want) {
		save(t, "box-got.png", got)
		save(t, "box-want.png", want)
		t.Error("the box does not show the text as it is")
	}
}

// save keeps a picture, to find out why a test failed.
func save(t *testing.T, name string, p image.Image) {
	path := filepath.Join(os.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Log(err)
		return
	}
	defer f.Close()
	if err := png.Encode(f, p); err != nil {
		t.Log(err)
	}
	t.Log("see", path)
}

func TestBoxOnADisplayThatIsNotThere(t *testing.T) {
	isolate(t)
	c := exec.Command("shm", "hold", "Foo", "--size", "1", "--", "shm", "open", "Foo", "--box")
	c.Env = append(os.Environ(), "DISPLAY=:4095", "WAYLAND_DISPLAY=")
	out, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "shm: open --box: ") ||
		!strings.Contains(string(out), "display") {
		t.Errorf("%v\n%s", err, out)
	}
}
