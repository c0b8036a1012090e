// Command soak has many processes use objects of all kinds at once, kills some and stops others, for as long as one
// likes, and says whether anything was ever wrong:
//
//	go run ./conformance/soak --minutes 60
//
// It is the riots of the tests, one after the other, each with names of its own and judged when it is over: sections in
// both namespaces (Global needs root), events, mutexes, semaphores, waits for any and for all of several. A riot's
// journal is kept if something was wrong with it.
//
// The exit status is 0 if nothing was, 1 for a violation, and 2 for a command line that makes no sense.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

const description = `Many processes use named objects of all kinds at once, at random, while some are killed and others
stopped. What they were told is checked against a sequential model, riot by riot.

Examples:

    go run ./conformance/soak                          # a minute
    go run ./conformance/soak --minutes 600            # a night
    go run ./conformance/soak --minutes 0.2 --seed 42  # a seed that was printed
    go run ./conformance/soak --processes 20 --json

Global names are among them only for root. NAMEDSHM_BACKING=file soaks the backing of other Unix systems. Ctrl-C ends it
after the riot that goes on, with the table.`

// cli is the command line.
type cli struct {
	Minutes   float64 `default:"1" placeholder:"N" help:"How long (${default}); fractions are allowed."`
	Seed      uint64  `placeholder:"N" help:"Where the random choices begin; without it, somewhere."`
	Processes int     `default:"8" placeholder:"N" help:"How many processes there are at once (${default})."`
	Journals  string  `placeholder:"DIR" help:"Where journals of riots with violations are kept; without it, a new directory in the temporary one."`
	JSON      bool    `help:"Print JSON for programs: one object at the end."`
}

func main() {
	if becomeActor() {
		return
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("soak"), kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err == nil {
		_, err = parser.Parse(os.Args[1:])
	}
	if err == nil && (c.Minutes <= 0 || c.Processes < 2) {
		err = fmt.Errorf("--minutes must be more than 0 and --processes at least 2")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v; see --help\n", err)
		os.Exit(2)
	}
	os.Exit(soak(&c))
}
