package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
	"github.com/namedshm/namedshm/wine"
	"golang.org/x/sys/unix"
)

// Text that others wrote reaches nobody's terminal as anything but text: whatever they call their objects, files and
// programs, and whatever they write into memory, through every verb.

// hostile is a name that does what a name can: a title, a colour by a C1 control, a change of direction, a line that
// looks like one of ours, a second name that cannot be seen. It has none of the sequences that the command itself uses.
const hostile = "evil\x1b]0;P\a\x1b[35m\u009b35m\u202e\u2066\u200f\u200b\u2028\u0085\U000E0041\u3164\x7f\r\nforged"

// hostileBytes is more, where it need not be UTF-8.
const hostileBytes = hostile + "\x9b35m\xff\xe2\x80"

// hostileCommand is a process's name, which has fifteen bytes.
const hostileCommand = "\x1b]0;P\a\x9b\u202e\nx"

// ours are the sequences that the command has for a terminal, longest first.
var ours = []sequence{
	enterScreen, leaveScreen, beginUpdate, endUpdate, "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[39m", bold, faint, normal,
	reverse, unreverse, clearLine,
}

// wantText wants output to be text, with our own sequences where they may be, and no line that others have begun,
// unless it is theirs.
func wantText(t *testing.T, what string, output []byte, onTerminal, ownLines bool) {
	t.Helper()
	text := string(output)
	if onTerminal {
		for _, s := range ours {
			text = strings.ReplaceAll(text, string(s), "")
		}
		text = strings.ReplaceAll(text, string(nextLine), "\n")
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: not UTF-8: %.300q", what, text)
	}
	for i, r := range text {
		strange := unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point)
		if strange && r != ' ' && r != '\n' && r != '\t' {
			t.Errorf("%s: %U stands in %q", what, r, text[max(0, i-40):min(i+40, len(text))])
			break
		}
	}
	for line := range strings.Lines(text) {
		if !ownLines && strings.HasPrefix(strings.TrimLeft(line, " \t\r"), "forged") {
			t.Errorf("%s: others began a line: %.300q", what, line)
		}
	}
}

// pseudoTerminal is both ends of one that changes nothing of what is written to it.
func pseudoTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	settings, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, settings); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 400}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// use is one use of a verb.
type use struct {
	args       []string
	input      string // on standard input, which is then at its end
	key        string // typed again and again on a terminal until it ends
	until      string // it is ended when this has been printed
	tells      bool   // the hostile text must be among what it prints, in a harmless form
	exactly    string // standard output on a pipe, byte for byte; "" for text
	noJSON     bool   // not with --json as well
	ownLines   bool   // what it shows on a terminal may have lines of its own: contents
	noTerminal bool
	noPipe     bool
}

// TestHostileText sends all that through every verb, and looks at every byte that comes out, on a terminal and on a
// pipe.
func TestHostileText(t *testing.T) {
	uses := hostileWorld(t)
	parser, err := newParser(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range parser.Model.Leaves(false) {
		name := strings.TrimPrefix(verb.Path(), "shm ")
		if uses[name] == nil {
			t.Errorf("the verb %s is not tried", name)
		}
		all := append(slices.Clone(uses[name]),
			use{args: []string{"--no-such-flag" + hostile}, noTerminal: true, tells: !verb.Passthrough})
		if !verb.Passthrough {
			for _, u := range uses[name] {
				if u.args = append([]string{"--json"}, u.args...); !u.noJSON {
					u.key, u.noPipe = "", true
					all = append(all, u)
				}
			}
		}
		delete(uses, name)
		for i, u := range all {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				t.Parallel()
				u.try(t, strings.Fields(name))
			})
		}
	}
	for name := range uses {
		t.Errorf("there is no verb %s", name)
	}
}

// try runs a verb on a terminal and on pipes.
func (u *use) try(t *testing.T, verb []string) {
	args := append(slices.Clone(verb), u.args...)
	if !u.noTerminal {
		shown := u.onTerminal(t, args)
		wantText(t, "on a terminal", shown, true, u.ownLines)
		u.wantTold(t, "on a terminal", shown)
	}
	if u.noPipe {
		return
	}
	told, complaint := u.onPipes(t, args)
	wantText(t, "standard error", complaint, false, false)
	if u.exactly == "" {
		wantText(t, "on a pipe", told, false, false)
		u.wantTold(t, "on pipes", slices.Concat(told, complaint))
	} else if string(told) != u.exactly {
		t.Errorf("on a pipe: %q, want %q", told, u.exactly)
	}
}

// wantTold wants the hostile text in an output, where it belongs there, and JSON where that was asked for.
func (u *use) wantTold(t *testing.T, where string, output []byte) {
	t.Helper()
	if u.tells && !bytes.Contains(output, []byte("1b]0;P")) {
		t.Errorf("%s it tells nothing of what it was given: %.300q", where, output)
	}
	if u.args == nil || u.args[0] != "--json" {
		return
	}
	for line := range bytes.Lines(output) {
		if !json.Valid(line) {
			t.Errorf("%s: not JSON: %q", where, line)
		}
	}
}

// command is a run that ends in any case.
func (u *use) command(t *testing.T, args []string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, "shm", args...)
	c.Cancel = func() error {
		t.Error("it does not end")
		return c.Process.Kill()
	}
	return c
}

// watched is output that a run is ended by.
type watched struct {
	seen []byte
	use  *use
	run  *exec.Cmd
}

func (w *watched) Write(p []byte) (int, error) {
	w.seen = append(w.seen, p...)
	if w.use.until != "" && bytes.Contains(w.seen, []byte(w.use.until)) {
		w.run.Process.Signal(syscall.SIGTERM)
	}
	return len(p), nil
}

func (u *use) onPipes(t *testing.T, args []string) (stdout, stderr []byte) {
	c := u.command(t, args)
	out, complaint := &watched{use: u, run: c}, &watched{use: u, run: c}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(u.input), out, complaint
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return out.seen, complaint.seen
}

func (u *use) onTerminal(t *testing.T, args []string) []byte {
	master, slave := pseudoTerminal(t)
	c := u.command(t, args)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(u.input), slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if u.key != "" {
		c.Stdin, c.SysProcAttr.Setctty = slave, true
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	out := &watched{use: u, run: c}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(out, master)
		read <- err
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Wait()
	}()
	for typing := u.key != ""; typing; {
		select {
		case <-ended:
			typing = false
		case <-time.After(5 * time.Millisecond):
			io.WriteString(master, u.key)
		}
	}
	<-ended
	if err := <-read; !errors.Is(err, syscall.EIO) { // nobody has the terminal any more
		t.Errorf("reading the terminal: %v", err)
	}
	return out.seen
}

// hostileWorld makes objects, files and processes with such names, and gives the uses of each verb.
func hostileWorld(t *testing.T) map[string][]use {
	isolate(t)
	// The common directory has such a name too, and appears in what errors, doctor and demo say.
	root := filepath.Join(os.Getenv("NAMEDSHM_ROOT"), hostile)
	if err := os.Mkdir(root, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAMEDSHM_ROOT", root)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(hostileBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	holdAs(t, hostileCommand, hostile, "create", "--size", "4KiB", "--file", file)
	holdAs(t, hostileCommand, hostile+" event", "event", "create", "--manual", "--set")
	holdAs(t, hostileCommand, hostile+" mutex", "mutex", "create", "--owned")
	holdAs(t, hostileCommand, hostile+" free", "mutex", "create")
	holdAs(t, hostileCommand, hostile+" semaphore", "semaphore", "create", "--initial", "1000", "--maximum", "2000")
	return merge(sectionUses(file), waitableUses(), flowUses(t), otherUses(t, root))
}

func merge(maps ...map[string][]use) map[string][]use {
	all := map[string][]use{}
	for _, m := range maps {
		for name, uses := range m {
			all[name] = append(all[name], uses...)
		}
	}
	return all
}

// sectionUses is the verbs for sections.
func sectionUses(file string) map[string][]use {
	absent := use{args: []string{hostile + " absent"}, tells: true}
	text := []string{"--text", hostile}
	return map[string][]use{
		"create": {
			{args: []string{hostile + " new", "--size", "256", "--text", hostile, "--hold", "0s"}, tells: true},
			{args: []string{hostile, "--size", "8KiB", "--hold", "0s"}, tells: true},
			{args: []string{hostile + " new", "--size", "256", "--file", file + hostile}, tells: true},
			{args: []string{hostile + " new", "--size", "256", "--exclusive", "--share", hostile}, tells: true},
			{args: []string{hostile + `\` + hostile, "--size", "256"}, tells: true},
		},
		"open": {
			{args: []string{hostile}, tells: true, exactly: hostileBytes + "\n", ownLines: true},
			{args: []string{hostile, "--as", "raw", "--length", "8"}, exactly: hostileBytes[:8]},
			{args: []string{hostile, "--as", "raw", "--length", fmt.Sprint(len(hostileBytes))}, tells: true,
				exactly: hostileBytes, ownLines: true},
			{args: []string{hostile, "--as", "json"}, tells: true, noJSON: true},
			{args: []string{hostile, "--as", "hex"}, noJSON: true},
			{args: []string{hostile, "--as", "utf16"}, exactly: wide(hostileBytes) + "\n", noJSON: true},
			{args: []string{hostile, "--offset", "1GiB"}, tells: true},
			{args: []string{hostile + " absent", "--wait", "1ms"}, tells: true},
			absent,
		},
		"write": {
			{args: append(text, hostile, "--offset", "2KiB"), tells: true}, {args: append(text, hostile+" absent"), tells: true},
			{args: []string{hostile, "--file", hostile}, tells: true},
		},
		"watch": {
			{args: []string{hostile, "--count", "1"}, key: "q", tells: true},
			{args: []string{hostile, "--offset", "1GiB", "--count", "1"}, key: "q", tells: true, noJSON: true},
			absent,
		},
		"hold": {
			{args: []string{hostile, "--size", "64KiB", "--", "true"}, tells: true},
			{args: []string{hostile + " new", "--size", "1", "--", "/" + hostile}, tells: true},
			{args: []string{hostile + `\`, "--size", "1", "--", "true"}, tells: true},
		},
	}
}

// wide is bytes shown as UTF-16.
func wide(b string) string {
	text, err := readText(strings.NewReader(b+"\x00\x00\x00"), true)
	if err != nil {
		panic(err)
	}
	return text
}

// waitableUses is the verbs for events, mutexes and semaphores.
func waitableUses() map[string][]use {
	event, mutex, free, semaphore := hostile+" event", hostile+" mutex", hostile+" free", hostile+" semaphore"
	absent := use{args: []string{hostile + " absent"}, tells: true}
	wrong := use{args: []string{hostile}, tells: true} // a section
	return map[string][]use{
		"event create": {{args: []string{event, "--hold", "0s"}, tells: true},
			{args: []string{hostile, "--hold", "0s"}, tells: true}},
		"event open":  {{args: []string{event}, tells: true}, absent, wrong},
		"event set":   {{args: []string{event}}, absent, wrong},
		"event reset": {{args: []string{hostile + " new"}, tells: true}, absent, wrong},
		"event pulse": {{args: []string{hostile + " new"}, tells: true}, absent, wrong},
		"event wait":  {{args: []string{event}}, absent, wrong},
		"mutex create": {{args: []string{mutex, "--hold", "0s"}, tells: true},
			{args: []string{hostile, "--hold", "0s"}, tells: true}},
		"mutex open": {{args: []string{mutex}, tells: true}, absent, wrong},
		"mutex lock": {{args: []string{mutex, "--timeout", "0s", "--", "true"}, tells: true},
			{args: []string{free, "--", "/" + hostile}, tells: true}},
		"mutex wait":        {{args: []string{mutex, "--timeout", "0s"}, tells: true}, absent, wrong},
		"semaphore create":  {{args: []string{semaphore, "--initial", "1", "--maximum", "1", "--hold", "0s"}, tells: true}},
		"semaphore open":    {{args: []string{semaphore}, tells: true}, absent, wrong},
		"semaphore release": {{args: []string{semaphore}}, {args: []string{semaphore, "2000"}, tells: true}, absent, wrong},
		"semaphore wait":    {{args: []string{semaphore}}, absent, wrong},
		"wait": {
			{args: []string{mutex, event}, tells: true, exactly: event + "\n"},
			{args: []string{mutex, "--timeout", "0s"}, tells: true},
			{args: []string{mutex, semaphore, event, "--all", "--timeout", "0s"}, tells: true},
			{args: []string{hostile + " absent", "--wait-for-name", "--timeout", "1ms"}, tells: true},
			absent, wrong,
		},
	}
}

// otherUses is the verbs that are not for one object.
func otherUses(t *testing.T, root string) map[string][]use {
	litter(t, root)
	prefix := "--prefix=/nowhere/" + hostile
	return map[string][]use{
		"demo": {{tells: true}, {args: []string{"--kill"}, tells: true}},
		"ls":   {{tells: true}, {args: []string{hostile}, tells: true}},
		"stat": {{args: []string{hostile}, tells: true}, {args: []string{hostile + " mutex"}, tells: true},
			{args: []string{hostile + " absent"}, tells: true}},
		"gc":      {{tells: true}},
		"doctor":  {{tells: true}},
		"setup":   {{tells: true}, {args: []string{"--group", hostile}, tells: os.Geteuid() == 0}},
		"wine ls": {{args: []string{prefix}}}, // what it says depends on what else runs
		"wine attach": {{args: []string{hostile, prefix}},
			{args: []string{hostile, prefix, "--follow", "--as", hostile}, tells: true}},
		"wine publish": {{args: []string{hostile, prefix, "--hold", "1ms"}, tells: true},
			{args: []string{hostile + " absent", prefix}, tells: true}},
		"wine link": {
			{args: []string{hostile, prefix}, until: "waiting for it", tells: true},
			{args: []string{hostile, "../" + hostile, "--posix", prefix}, tells: true},
			{args: []string{hostile, hostile + ` absent\`, prefix}, tells: true},
		},
		"completion": {{args: []string{"bash"}}, {args: []string{"zsh"}}, {args: []string{"fish"}},
			{args: []string{hostile}, tells: true}},
		"help":    {{}, {args: []string{"event", "set"}}, {args: []string{hostile}, tells: true}},
		"version": {{}},
		"demo-process": {{args: []string{"first", hostile + " demo"}, input: "create\ncreate event\nmap\nwrite\n",
			tells: true}, {args: []string{"first", "x"}, input: hostile + "\n"}},
		"wine-guard": {{args: []string{"/nowhere/" + hostile}, tells: true}},
		"__manual":   {{args: []string{"/nowhere/" + hostile, "2026-01-31"}, tells: true}},
		"__complete": {{args: []string{"stat", ""}}, {args: []string{"open", hostile[:4]}}, {args: []string{hostile, ""}}},
	}
}

// litter leaves what gc finds: files that are no entries, and the entry of a holder that was killed.
func litter(t *testing.T, root string) {
	local, err := filepath.Glob(filepath.Join(strings.NewReplacer("[", `\[`, "]", `\]`).Replace(root),
		"namedshm-*u[0-9]*"))
	if err != nil || len(local) != 1 {
		t.Fatalf("the Local directory: %q, %v", local, err)
	}
	for _, name := range []string{hostile, "\x9b35m", "\u202egnp.exe", "\u2028forged"} {
		if err := os.WriteFile(filepath.Join(local[0], name), bytes.Repeat([]byte("x"), 300), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// holdAs makes an object and holds it, in a process that is called so.
func holdAs(t *testing.T, command, name string, verb ...string) {
	t.Helper()
	path, err := exec.LookPath("shm")
	if err != nil {
		t.Fatal(err)
	}
	called := filepath.Join(t.TempDir(), command)
	if err := os.Symlink(path, called); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), called, append(verb, name, "--hold", "5m")...)
	c.Args[0] = "shm"
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	c.Stderr = &complaint
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	if told, err := io.ReadAll(io.LimitReader(out, 8)); err != nil || len(told) < 8 {
		c.Wait()
		t.Fatalf("shm %q: %v, %s", verb, err, complaint.String())
	}
	await(t, `"command":"\u001b]0;P`, "stat", name, "--json")
}

// poison writes hostile text into every string that a value has, and makes lists of one.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostileBytes)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				poison(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		poison(v.Index(0))
		poison(v.Index(1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		poison(v.Elem())
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	}
}

func poisoned[T any]() (v T) {
	poison(reflect.ValueOf(&v).Elem())
	return v
}

// TestHostileData prints what the library reports with hostile text in every field: also users' and groups' names, and
// those of prefixes, which not every test machine has.
func TestHostileData(t *testing.T) {
	info, check, prefix := poisoned[inspect.Info](), poisoned[inspect.Check](), poisoned[wine.Prefix]()
	check.Status = inspect.Missing
	section, mutex, event := info, info, info
	section.Kind, mutex.Kind, event.Kind = inspect.KindSection, inspect.KindMutex, inspect.KindEvent
	event.State = &inspect.State{Reset: new(namedshm.ResetMode(77)), Signaled: true}
	infos := []inspect.Info{info, section, mutex, event}
	failure := &namedshm.Error{Op: "open", Name: hostile, Code: namedshm.ErrBusy, Cause: errors.New(hostileBytes),
		Advice: hostile}
	for name, print := range map[string]func(a *app) error{
		"ls":     func(a *app) error { return (&lsCmd{}).print(a, infos) },
		"gc":     func(a *app) error { return (&gcCmd{}).tell(a, poisoned[upkeep.Leftover]()) },
		"doctor": func(a *app) error { (&doctorCmd{}).tell(a, []inspect.Check{check, check}); return nil },
		"setup":  func(a *app) error { return (&setupCmd{}).tell(a, poisoned[upkeep.Setup]()) },
		"stat": func(a *app) (err error) {
			for _, i := range infos {
				err = cmp.Or(err, a.tellAll(&i))
			}
			return err
		},
		"wine ls": func(a *app) error {
			if a.asJSON {
				return a.json(listed{prefix, poisoned[[]wine.SectionInfo](), hostile})
			}
			var rows table
			for _, row := range append(prefixRows(&prefix, nil), prefixRows(&prefix, poisoned[[]wine.SectionInfo]())...) {
				rows.add(row...)
			}
			return rows.print(a.stdout, a.stdout.width())
		},
		"wine events": func(a *app) (err error) {
			for _, kind := range []wine.ChangeKind{wine.Gone, wine.Published, wine.Taken} {
				e := wine.Change{Kind: kind, Prefix: hostileBytes, Reason: hostileBytes}
				if a.asJSON {
					err = cmp.Or(err, a.happening(hostile, e))
				} else {
					a.happened(hostile, e)
				}
			}
			return err
		},
		"an error": func(a *app) error { a.fail(failure); return nil },
		"another error": func(a *app) error {
			a.fail(usageError{errors.Join(failure, errors.New(hostileBytes))})
			return nil
		},
	} {
		for _, asJSON := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, asJSON), func(t *testing.T) {
				for _, onTerminal := range []bool{false, true} {
					output := printed(t, onTerminal, asJSON, print)
					wantText(t, fmt.Sprintf("on a terminal %v", onTerminal), output, onTerminal, false)
					if !bytes.Contains(output, []byte("1b]0;P")) {
						t.Errorf("nothing of it is reported: %q", output)
					}
				}
			})
		}
	}
}

// printed is what an app prints on both streams.
func printed(t *testing.T, onTerminal, asJSON bool, print func(*app) error) []byte {
	t.Helper()
	reader, writer := pseudoTerminal(t)
	if !onTerminal {
		var err error
		if reader, writer, err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
	}
	output := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(reader)
		output <- b
	}()
	if err := print(&app{stdout: &stream{writer}, stderr: &stream{writer}, asJSON: asJSON}); err != nil {
		t.Error(err)
	}
	writer.Close()
	return <-output
}

// TestNothingElseWrites keeps the streams the one way out: a verb that wrote to the files behind them would be past all
// this.
func TestNothingElseWrites(t *testing.T) {
	past := regexp.MustCompile(`os\.Std(out|err)\b|fmt\.Print|\bprint(ln)?\(|\blog\.|\.std(out|err)\.file\b`)
	// What stands in the line that may.
	allowed := []string{
		"stdout: &stream{os.Stdout}, stderr: &stream{os.Stderr}", // the streams themselves
		"c.Stderr = os.Stderr", "child.Stdout, child.Stderr = ", // other processes' own
		"term.GetSize(", "enableSequences(", // no writing
		"lateWriter{", // a bar, in which nothing is others'
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasSuffix(file, "_test.go") || !past.MatchString(line) ||
				strings.HasPrefix(strings.TrimSpace(line), "func ") {
				continue
			}
			found++
			if !slices.ContainsFunc(allowed, func(a string) bool {
				return strings.Contains(line, a)
			}) && !strings.Contains(line, ".print(") {
				t.Errorf("%s: %s", file, strings.TrimSpace(line))
			}
		}
	}
	if found < len(allowed) {
		t.Errorf("only %d such lines are found", found)
	}
}
