// Command shm makes, opens, lists and watches Windows' named shared memory, and the events, mutexes and semaphores that
// go with it, on every platform that package namedshm serves. Run "shm demo" first, then "shm --help".
//
// Its exit status is 0 for success, 1 for a failure and 2 for a command line that makes no sense. A wait ends with 1
// when time was up, too, and with 3 for an abandoned mutex; reading messages ends with 3 when their sender died. A verb
// that runs a command passes its exit status on.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/namedshm/namedshm"
)

const description = `Named shared memory: processes meet by name and see each other's bytes. The name and the memory live
as long as any process holds them and are gone with the last one, even after kill -9. Nothing ever has to be deleted.

A name is Local\X (or just X), which belongs to this user, or Global\X, which belongs to the machine. Quote it in a
shell: 'Local\X'. Sizes are in bytes, or whole numbers of KiB, MiB, GiB or TiB.

Events, mutexes and semaphores, for processes that wait for each other, have the same kind of name and lifetime.

Start with shm demo. Then try shm create, and in another terminal shm open.`

// cli is the command line. The verbs are in the order in which a newcomer wants them.
type cli struct {
	JSON bool `help:"Print JSON, one object per line; errors too, on standard error."`

	Demo        demoCmd        `cmd:"" help:"Show how it works: two processes meet in one section."`
	Create      createCmd      `cmd:"" help:"Create or open a section, write into it, and hold it."`
	Open        openCmd        `cmd:"" help:"Show the contents of a section."`
	Write       writeCmd       `cmd:"" help:"Write into an existing section."`
	Ls          lsCmd          `cmd:"" help:"List the live objects."`
	Stat        statCmd        `cmd:"" help:"Describe one object in full."`
	Watch       watchCmd       `cmd:"" help:"Watch a section's bytes change."`
	Hold        holdCmd        `cmd:"" help:"Keep a section alive while a command runs."`
	Event       eventCmd       `cmd:"" help:"Create an event, set it, wait for it."`
	Mutex       mutexCmd       `cmd:"" help:"Create a mutex, run a command while it is locked."`
	Semaphore   semaphoreCmd   `cmd:"" help:"Create a semaphore, wait for it, release it."`
	Wait        waitCmd        `cmd:"" help:"Wait for any or all of several events, mutexes and semaphores."`
	Ring        ringCmd        `cmd:"" help:"Send messages to one receiver, each once."`
	Feed        feedCmd        `cmd:"" help:"Publish the newest messages to any number of readers."`
	Wine        wineCmd        `cmd:"" help:"Meet Windows programs that run under Wine or Proton."`
	Gc          gcCmd          `cmd:"" help:"Remove what crashed processes left behind."`
	Doctor      doctorCmd      `cmd:"" help:"Report what this machine offers, and what is wrong."`
	Setup       setupCmd       `cmd:"" help:"Create the Global directory (root)."`
	Completion  completionCmd  `cmd:"" help:"Print a shell's tab completion script."`
	Help        helpCmd        `cmd:"" help:"Show how to use a verb, like shm VERB --help."`
	Version     versionCmd     `cmd:"" help:"Print the version, like shm --version."`
	DemoProcess demoProcessCmd `cmd:"" hidden:"" help:"One of the demo's two processes."`
	WineGuard   wineGuardCmd   `cmd:"" hidden:"" help:"Remove a file when its maker has ended."`
	Manual      manualCmd      `cmd:"" hidden:"" name:"__manual" help:"Write the manual pages."`
	Complete    completeCmd    `cmd:"" hidden:"" name:"__complete" passthrough:"" help:"Candidates for a shell's tab completion."`
}

func main() {
	os.Exit(run(os.Args[1:], &app{stdin: os.Stdin, stdout: &stream{os.Stdout}, stderr: &stream{os.Stderr}}))
}

// run is the whole command; it returns the exit status.
func run(args []string, a *app) int {
	parser, err := newParser(new(cli))
	if err != nil {
		return a.fail(err)
	}
	parser.Stdout, parser.Stderr = a.stdout, a.stderr
	if len(args) == 0 {
		parser.Stdout = a.stderr
		parser.Exit = func(int) {}
		parser.Parse([]string{"--help"}) // prints, and then has no verb to complain about
		return 2
	}
	if args[0] == "--version" {
		args = append([]string{"version"}, args[1:]...)
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
		a.asJSON = asksForJSON(args, parsed)
		a.isAbout(parsed)
		return a.fail(usageError{fmt.Errorf("%w; see '%s --help'", err, command)})
	}
	for _, flag := range parsed.Flags() {
		value := parsed.FlagValue(flag)
		a.asJSON = a.asJSON || flag.Name == "json" && value == true || flag.Name == "as" && value == "json"
	}
	a.isAbout(parsed)
	return a.fail(parsed.Run(a, parser))
}

// isAbout notes the verb, and the name if there is one, for errors that do not say so themselves.
func (a *app) isAbout(parsed *kong.Context) {
	if parsed == nil || parsed.Selected() == nil {
		return
	}
	a.verb = parsed.Selected().Name
	for _, part := range parsed.Path {
		if p := part.Positional; p != nil && isName(p) {
			switch value := parsed.Value(part).Interface().(type) {
			case string:
				a.name = value
			case []string:
				if len(value) == 1 {
					a.name = value[0]
				}
			}
		}
	}
}

// isName reports an argument that is an object's name.
func isName(p *kong.Positional) bool { return p.Name == "name" || p.Name == "windowsname" }

// asksForJSON reports --json among words that could not be parsed, or make no sense; not among those of a command of
// the user's own, which may stand behind "--".
func asksForJSON(args []string, parsed *kong.Context) bool {
	if parsed != nil {
		for _, part := range parsed.Path {
			if p := part.Positional; p != nil && p.Passthrough {
				command, _ := parsed.Value(part).Interface().([]string)
				args = args[:max(0, len(args)-len(command))]
			}
		}
	}
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// makesSense refuses values that no verb can make anything of: a name that is empty, which nobody could open, and a
// time that is over before it begins.
func makesSense(parsed *kong.Context) error {
	for _, v := range parsed.Selected().Positional {
		if !isName(v) {
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
// not a placeholder, and a user's command comes after everything else.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	var help bytes.Buffer
	out := ctx.Stdout
	ctx.Stdout = &help
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(help.String(), "\n  [<->]", "\n  [-]  ") // with the arguments, whose texts form a column
	text = strings.ReplaceAll(text, "[<->]", "[-]")
	text = usageWithCommand.ReplaceAllStringFunc(text, func(usage string) string {
		part := usageWithCommand.FindStringSubmatch(usage)
		command := " -- <command> ..."
		if part[3] != "" {
			command = " [-- <command> ...]"
		}
		return part[1] + " <name>" + part[2] + " [flags]" + command
	})
	usage, rest, _ := strings.Cut(text, "\n")
	if !strings.Contains(usage, "[flags]") { // it has none but those that all verbs have
		usage += " [flags]"
	}
	_, err = io.WriteString(out, usage+"\n"+rest)
	return err
}

// usageWithCommand is the usage line of a verb that runs a command: the verb, required flags, and whether it may go
// without the command.
var usageWithCommand = regexp.MustCompile(`(?m)^(Usage: shm(?: [a-z]+)+)((?: --\S+)*) <name> (\[?)<command> \.\.\.\]? \[flags\]$`)

// app is what every verb works with: the three streams, and how to speak through them.
type app struct {
	stdin          *os.File
	stdout, stderr *stream
	asJSON         bool   // all output is for a program, errors too
	verb, name     string // what was typed; "" for none
}

// fullName is a name as it is listed: with its namespace, which links may change.
func fullName(name string) string {
	local, global := namedshm.Local.String(), namedshm.Global.String()
	namespace := local
	for {
		if rest, found := strings.CutPrefix(name, local); found && namespace == local {
			name = rest
		} else if rest, found := strings.CutPrefix(name, global); found {
			name, namespace = rest, global
		} else {
			return namespace + name
		}
	}
}

// printf prints to people. A failure matters: what is not shown has not been done.
func (a *app) printf(format string, args ...any) error { return a.stdout.printf(format, args...) }

// json prints one object on a line of its own.
func (a *app) json(v any) error { return a.stdout.json(v) }
