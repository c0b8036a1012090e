//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// terminal is a real one: a shell in tmux.
type terminal struct {
	t        *testing.T
	socket   string
	commands int
}

// needTools skips a test on a machine that lacks what it drives; but where CI=true, that is a failure.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Fatal(err)
		} else if err != nil {
			t.Skip(err)
		}
	}
}

// newTerminal starts a shell in a terminal of this size, in an object namespace of its own.
func newTerminal(t *testing.T, width, height int) *terminal {
	needTools(t, "tmux")
	isolate(t)
	t.Setenv("TMUX", "")
	t.Setenv("LC_ALL", "C.UTF-8")
	// Not in t.TempDir: a socket's path has room for a hundred characters.
	dir, err := os.MkdirTemp("", "tmux")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	term := &terminal{t: t, socket: filepath.Join(dir, "s")}
	term.tmux("-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height),
		"exec env PS1='ready> ' sh")
	t.Cleanup(func() { term.tmux("kill-server") })
	term.await(`ready>`)
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-u", "-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// screen is what is visible, with colours and other attributes as escape sequences if they are wanted.
func (term *terminal) screen(sequences bool) string {
	args := []string{"capture-pane", "-p"}
	if sequences {
		args = append(args, "-e")
	}
	return strings.TrimRight(term.tmux(args...), "\n")
}

func (term *terminal) keys(keys ...string) {
	term.tmux(append([]string{"send-keys"}, keys...)...)
}

// command types a command line on a screen that is empty except for a number, so that everything visible from then on
// comes from it. The shell must be ready for it.
func (term *terminal) command(line string) {
	term.t.Helper()
	term.commands++
	term.keys(fmt.Sprintf("clear; echo command %d", term.commands), "Enter")
	term.await(fmt.Sprintf(`\Acommand %d\nready>$`, term.commands))
	term.keys(line, "Enter")
}

// await waits until the screen matches, and returns it.
func (term *terminal) await(pattern string) string {
	term.t.Helper()
	return term.awaitScreen(pattern, false)
}

func (term *terminal) awaitScreen(pattern string, sequences bool) string {
	term.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		screen := term.screen(sequences)
		if re.MatchString(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("the terminal never shows %q, but\n%s", pattern, screen)
		}
	}
}

// shm runs the command outside of the terminal.
func shm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("shm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("shm %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// hold makes an object that lives until the function is called: see holdVerb.
func hold(t *testing.T, args ...string) (letGo func()) {
	t.Helper()
	c := exec.Command("shm", holdVerb(args)...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	letGo = func() {
		c.Process.Kill()
		c.Wait()
	}
	t.Cleanup(letGo)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "holding it") {
			return letGo
		}
	}
	c.Wait()
	t.Fatalf("shm create %q does not hold it:\n%s", args, complaint.String())
	return nil
}

// awaitSane waits until the terminal is in the state that a shell wants: whole lines, and what is typed is shown.
func (term *terminal) awaitSane() {
	term.t.Helper()
	term.command(`stty -a`)
	term.await(`(^| )icanon `)
	term.await(`(^| )echo `)
	term.await(`(^| )opost `)
}

// awaitKeys waits until single keys are read from the terminal. Before that they are shown, and Ctrl-C is a signal.
func (term *terminal) awaitKeys() {
	term.t.Helper()
	tty := strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_tty}"))
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		settings, err := exec.Command("sh", "-c", `stty -a <"$0"`, tty).CombinedOutput()
		if err == nil && strings.Contains(string(settings), "-icanon") {
			return
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("no single keys are read: %v\n%s", err, settings)
		}
	}
}

func TestCreateHoldsUntilAKeyIsPressed(t *testing.T) {
	term := newTerminal(t, 100, 30)
	for _, key := range []string{"x", "Up", "C-c", "Enter"} {
		term.command(`shm create Foo --size 256 --text hello`)
		term.await(`^holding it until a key is pressed$`)
		if got := shm(t, "open", "Foo"); got != "hello\n" {
			t.Errorf("while it is held: %q", got)
		}
		term.awaitKeys()
		term.keys(key)
		term.await(`^released \(key pressed\): name and memory are gone\n(.*\n)*ready>$`)
	}
	term.awaitSane()
	// Told to end from outside, it gives the terminal back as well.
	term.command(`shm create Foo --size 256`)
	term.await(`^holding it`)
	if out, err := exec.Command("pkill", "-TERM", "-f", "^shm create Foo --size 256$").CombinedOutput(); err != nil {
		t.Fatalf("pkill: %v %s", err, out)
	}
	term.await(`^released \(terminated\)`)
	term.awaitSane()
	// In the background, the terminal is the shell's: it keeps holding, and the keys are not for it.
	term.command(`set -m; shm create Foo --size 256 &`)
	term.await(`^holding it until it is interrupted \(SIGINT, SIGTERM\)$`)
	term.command(`echo mine; jobs; kill %1; wait`)
	term.await(`^mine\n(.*\n)*released \(terminated\)`)
}

func TestNamesAndTextsDoNotReachTheTerminalRaw(t *testing.T) {
	term := newTerminal(t, 160, 30)
	hold(t, "evil\x1b]0;x\a\nname", "--size", "256", "--text", "red\x1b[31m\x1b[2Jgone\a\tkept\nkept")
	term.command(`shm ls; shm open "$(printf 'evil\033]0;x\a\nname')"; shm stat "$(printf 'evil\033]0;x\a\nname')"`)
	screen := term.await(`(?s)handles +1.*ready>$`)
	for _, want := range []string{`"Local\\evil\x1b]0;x\a\nname"  section`, `red\x1b[31m\x1b[2Jgone\a`,
		`name        "Local\\evil`, "kept\nkept"} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not on the screen:\n%s", want, screen)
		}
	}
}

// TestCompletedNamesAreQuoted: a name is completed as a word, whatever a shell would do with it, and in a directory
// whose files it fits as a pattern.
func TestCompletedNamesAreQuoted(t *testing.T) {
	needTools(t, "bash")
	term := newTerminal(t, 160, 30)
	dir := t.TempDir()
	for _, file := range []string{"star1", "star2"} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	odd := `x (a) ;touch two; !"#%&'*+,-.:<=>?@[]^_{|}~ y`
	for _, name := range []string{odd, "star*", "run$(touch one)", "run`touch three`", `run"$(touch four)`,
		"run'`touch five`'"} {
		hold(t, name, "--size", "1")
	}
	term.command("cd " + dir + " && exec env PS1='bash> ' bash --norc")
	term.await(`^bash>$`)
	term.keys("source <(shm completion bash)", "Enter")
	for _, c := range []struct{ typed, name string }{{"x", odd}, {"'x", odd}, {`"x`, odd}, {"st", "star*"},
		{"'st", "star*"}, {"run", ""}, {"'run", ""}, {`"run`, ""}} {
		term.keys("C-u", "clear", "Enter")
		term.await(`\Abash>$`) // or bash is not there for the keys
		term.keys("-l", "shm stat "+c.typed)
		term.keys("Tab")
		if c.name == "" { // what could be run is not offered
			term.keys("C-e", "C-u", "echo asked", "Enter")
			term.await(`^asked\nbash>$`)
			continue
		}
		term.await(`^bash> shm stat .*[*y].?$`)
		term.keys("Enter")
		term.await(`(?s)name +"?Local.+` + regexp.QuoteMeta(c.name[1:3]) + `.*handles.*bash>$`)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("names were run: %v, %v", left, err)
	}
}

func TestListFitsTheTerminal(t *testing.T) {
	term := newTerminal(t, 100, 30)
	for range 8 {
		hold(t, "Greeting", "--size", "64KiB")
	}
	// What a row must show of each kind in a hundred columns, however long the process ids are; what may be left out
	// for them is in brackets.
	hold(t, "Ready", "event", "--manual")
	hold(t, "Lock", "mutex", "--owned")
	hold(t, "Slots", "semaphore", "--initial", "12", "--maximum", "500")
	term.command(`shm ls`)
	screen := term.await(`^Local\\Greeting +section +64KiB, 0 resident +- +8 .*…\n(.*\n)*ready>$`)
	for _, row := range []string{
		`(?m)^Local\\Lock +mutex +owned by \d+ shm( for \d+s)? +0 +1( +-)?( +\S+)?( +\d+s)? +\d+ shm$`,
		`(?m)^Local\\Ready +event +not set \(manual\) +0 +1( +-)?( +\S+)?( +\d+s)? +\d+ shm$`,
		`(?m)^Local\\Slots +semaphore +count 12 of 500 +0 +1( +-)?( +\S+)?( +\d+s)? +\d+ shm$`,
	} {
		if !regexp.MustCompile(row).MatchString(screen) {
			t.Errorf("no row %q:\n%s", row, screen)
		}
	}
}

func TestWatchShowsBytesAndMarksChanges(t *testing.T) {
	term := newTerminal(t, 90, 12)
	letGo := hold(t, "Foo", "--size", "4KiB", "--text", "Hello")
	term.command("shm watch Foo --interval 10ms")
	term.await(`^Foo  4096 bytes \(4KiB\)$`)
	screen := term.await(`^00000000  48 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  \|Hello\.{11}\|$`)
	if lines := strings.Split(screen, "\n"); len(lines) != 12 || !strings.HasPrefix(lines[11], "q quit") {
		t.Errorf("the view does not fill the terminal:\n%s", screen)
	}

	// The changed bytes are marked, in numbers and as text; the others are not; and after a while none is.
	shm(t, "write", "Foo", "--offset", "1", "--text", "u")
	term.awaitScreen(`00000000  48 \x1b\[7m75(\x1b\[[0-9;]*m)+ \x1b\[7m00(\x1b\[[0-9;]*m)+ 6c 6f 00 .*\|H\x1b\[7mu\.(\x1b\[[0-9;]*m)+lo\.{11}\|$`, true)
	term.await(`last change \d\d:\d\d:\d\d: 2 bytes at 0x1$`)
	term.awaitScreen(`^(\x1b\[[0-9;]*m)*00000000  48 75 00 6c 6f 00 00 00  .*\|Hu\.lo\.{11}\|$`, true)

	// Moving, and back.
	term.keys("End")
	term.await(`^00000ff0  .*\nq quit`)
	term.keys("Up")
	term.await(`^00000fe0  .*\nq quit`)
	term.keys("PageUp")
	term.await(`^00000f40  .*\nq quit`)
	term.keys("Home")
	term.await(`4KiB\)\n00000000 `)

	// Resizing: fewer bytes in a row, then fewer rows than anything needs, then all of it again.
	term.tmux("resize-window", "-x", "50", "-y", "8")
	term.await(`^00000000  48 75 00 6c 6f 00 00 00  \|Hu\.lo\.\.\.\|$`)
	term.tmux("resize-window", "-x", "20", "-y", "1")
	term.await(`^Foo  4096 bytes`)
	term.tmux("resize-window", "-x", "90", "-y", "12")
	term.await(`^00000090 .*\nq quit`)

	// The watch keeps nothing alive, says that it is gone, and sees the next of that name.
	letGo()
	term.await(`^Foo  4096 bytes \(4KiB\)  gone since \d\d:\d\d:\d\d, waiting for it to come back$`)
	if out, err := exec.Command("shm", "open", "Foo").CombinedOutput(); err == nil {
		t.Errorf("it is still there: %s", out)
	}
	hold(t, "Foo", "--size", "8KiB", "--text", "Back")
	term.await(`^Foo  8192 bytes \(8KiB\)$`)
	term.await(`\|Back`)

	// The terminal is as it was.
	term.keys("q")
	term.await(`\Acommand \d+\nready> shm watch Foo --interval 10ms\nready>$`)
	term.awaitSane()
}

func TestWatchGivesTheTerminalBackWhenItIsTerminated(t *testing.T) {
	term := newTerminal(t, 90, 12)
	hold(t, "Foo", "--size", "4KiB")
	for _, end := range []string{"C-c", ""} {
		term.command("shm watch Foo")
		term.await(`^00000000 `)
		if end != "" {
			term.keys(end)
		} else if out, err := exec.Command("pkill", "-TERM", "-f", "^shm watch Foo$").CombinedOutput(); err != nil {
			t.Fatalf("pkill: %v %s", err, out)
		}
		term.await(`\Acommand \d+\nready> shm watch Foo\nready>$`)
		term.awaitSane()
	}
}

// TestWriteShowsProgress: a pipe that delivers slowly makes a write take long; the bar then comes, and goes.
func TestWriteShowsProgress(t *testing.T) {
	term := newTerminal(t, 90, 12)
	hold(t, "Foo", "--size", "1MiB")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v %s", err, out)
	}
	term.command("shm write Foo - < " + fifo)
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// A piece every few milliseconds, until the bar is there.
	shown := regexp.MustCompile(`writing`)
	for deadline := time.Now().Add(patience); !shown.MatchString(term.screen(false)); {
		if time.Now().After(deadline) {
			t.Fatalf("no progress is shown:\n%s", term.screen(false))
		}
		if _, err := w.Write([]byte("some bytes")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	screen := term.await(`^wrote \d+ bytes to Foo at offset 0\nready>$`)
	if shown.MatchString(strings.ReplaceAll(screen, "shm write", "")) {
		t.Errorf("the bar stays:\n%s", screen)
	}
}
