// Command shm makes, opens, lists and watches Windows' named shared memory, and the events, mutexes and semaphores that
// go with it, on every platform that package namedshm serves. Run "shm demo" first, then "shm --help".
//
// Its exit status is 0 for success, 1 for a failure and 2 for a command line that makes no sense. A wait ends with 1 when
// time was up, too, and with 3 for an abandoned mutex. A verb that runs a command passes its exit status on.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

const description = `Named shared memory: processes meet by name and see each other's bytes. The name and the memory live
as long as somebody holds them and are gone with the last one, kill -9 included. Nobody ever has to delete anything.

A name is Local\X (or X, the same): this user's own; or Global\X: the machine's. Mind the quotes in a
shell: 'Local\X'. Sizes are bytes, or whole numbers of KiB, MiB, GiB and TiB.

Events, mutexes and semaphores, to wait for each other, have names of the same kind and live as long.

First: shm demo. Then: shm create, and in another terminal shm open.`

// cli is the command line. The verbs stand in the order in which a newcomer wants them.
type cli struct {
	Demo        demoCmd        `cmd:"" help:"Show it at work: two processes meet in one section."`
	Create      createCmd      `cmd:"" help:"Make or open a section, write into it, and hold it."`
	Open        openCmd        `cmd:"" help:"Show what is in a section."`
	Write       writeCmd       `cmd:"" help:"Write into a section that exists."`
	Ls          lsCmd          `cmd:"" help:"List the live objects."`
	Stat        statCmd        `cmd:"" help:"Tell all about one object."`
	Watch       watchCmd       `cmd:"" help:"Watch a section's bytes change."`
	Hold        holdCmd        `cmd:"" help:"Keep a section alive while a command runs."`
	Event       eventCmd       `cmd:"" help:"Make an event, set it, wait for it."`
	Mutex       mutexCmd       `cmd:"" help:"Make a mutex, run a command while it is locked."`
	Semaphore   semaphoreCmd   `cmd:"" help:"Make a semaphore, take from it, give back."`
	Wait        waitCmd        `cmd:"" help:"Wait for any or all of several events, mutexes and semaphores."`
	Wine        wineCmd        `cmd:"" help:"Meet Windows programs that run under Wine or Proton."`
	Gc          gcCmd          `cmd:"" help:"Bury what crashed processes left behind."`
	Doctor      doctorCmd      `cmd:"" help:"Tell what this machine offers, and what is amiss."`
	Setup       setupCmd       `cmd:"" help:"Make the Global directory (root)."`
	Completion  completionCmd  `cmd:"" help:"Print the tab completion of a shell."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
	DemoProcess demoProcessCmd `cmd:"" hidden:"" help:"One of the demo's two processes."`
	WineGuard   wineGuardCmd   `cmd:"" hidden:"" help:"Removes a file when its maker has ended."`
	Complete    completeCmd    `cmd:"" hidden:"" name:"__complete" passthrough:"" help:"Candidates for a shell's tab completion."`
}

func main() {
	os.Exit(run(os.Args[1:], &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}

// run is the whole command; it returns the exit status.
func run(args []string, a *app) int {
	parser, err := newParser(new(cli))
	if err != nil {
		return a.fail(err)
	}
	if len(args) == 0 {
		parser.Stdout = a.stderr
		parser.Exit = func(int) {}
		parser.Parse([]string{"--help"}) // prints, and then has no verb to complain about
		return 2
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = makesSense(parsed)
	}
	if err != nil {
		command := "shm"
		var parse *kong.ParseError
		if errors.As(err, &parse) {
			parsed = parse.Context
		}
		if parsed != nil && parsed.Selected() != nil {
			command += " " + parsed.Selected().Path()
		}
		return a.fail(usageError{fmt.Errorf("%w; see '%s --help'", err, command)})
	}
	return a.fail(parsed.Run(a, parser))
}

// makesSense refuses values that no verb can make anything of: a name that is empty, which nobody could open, and a time
// that is over before it begins.
func makesSense(parsed *kong.Context) error {
	for _, v := range parsed.Selected().Positional {
		if v.Name != "name" && v.Name != "windowsname" {
			continue
		}
		names, many := v.Target.Interface().([]string)
		if !many {
			names = []string{v.Target.String()}
		}
		if slices.Contains(names, "") {
			return errors.New("the name is empty")
		}
	}
	for _, flag := range parsed.Flags() {
		target := reflect.Indirect(flag.Target)
		if !target.IsValid() { // it was not given
			continue
		}
		if d, ok := target.Interface().(time.Duration); ok && d < 0 {
			return fmt.Errorf("--%s: %v is negative", flag.Name, d)
		}
	}
	return nil
}

// newParser is the grammar of the command line. Values may begin with a hyphen: --text -5 is a text.
func newParser(c *cli) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("shm"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(printHelp),
		kong.WithHyphenPrefixedParameters(true),
	)
}

// printHelp prints kong's help, with the usage lines mended that it cannot know: an argument that is a lone hyphen is
// no placeholder, and a command of the user's own stands behind all else.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	var help bytes.Buffer
	out := ctx.Stdout
	ctx.Stdout = &help
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(help.String(), "\n  [<->]", "\n  [-]  ") // with the arguments, where texts stand in a column
	text = strings.ReplaceAll(text, "[<->]", "[-]")
	_, err = io.WriteString(out, usageWithCommand.ReplaceAllStringFunc(text, func(usage string) string {
		part := usageWithCommand.FindStringSubmatch(usage)
		command := " -- <command> ..."
		if part[3] != "" {
			command = " [-- <command> ...]"
		}
		return part[1] + " <name>" + part[2] + " [flags]" + command
	}))
	return err
}

// usageWithCommand is the usage line of a verb that runs a command: the verb, required flags, and whether it may go
// without the command.
var usageWithCommand = regexp.MustCompile(`(?m)^(Usage: shm(?: [a-z]+)+)((?: --\S+)*) <name> (\[?)<command> \.\.\.\]? \[flags\]$`)

// app is what every verb works with: the three streams, and how to speak through them.
type app struct {
	stdin, stdout, stderr *os.File
}

// usageError is a command line that parses and makes no sense all the same.
type usageError struct{ error }

// exitStatus ends the command with a status, silently: whatever there was to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// fail tells an error, if it is one, and returns the exit status for it.
func (a *app) fail(err error) int {
	var status exitStatus
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		fmt.Fprintln(a.stderr, "shm: "+usage.Error())
		return 2
	}
	fmt.Fprintln(a.stderr, "shm: "+err.Error())
	return 1
}

// printf prints to people. A failure matters: what is not shown has not been done.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format, args...)
	return err
}

// output is embedded by the verbs that print data.
type output struct {
	JSON bool `help:"Print JSON for programs: one object a line."`
}

// json prints one object on a line of its own.
func (a *app) json(v any) error { return encodeJSON(a.stdout, v) }

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// name is an object's name as it can be shown: quoted where it would upset a terminal.
func (a *app) name(name string) string {
	if isTerminal(a.stdout) && upsets(name) {
		return strconv.Quote(name)
	}
	return name
}

// upsets reports text that a terminal would take for more than text.
func upsets(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && !strconv.IsPrint(r) || r == '\uFFFD' })
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
