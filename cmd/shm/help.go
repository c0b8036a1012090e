package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// helpCmd prints what --help prints, for those who look for a verb first.
type helpCmd struct {
	Verb []string `arg:"" optional:"" help:"The verb; without it, all verbs are listed."`
}

// Help has the examples.
func (*helpCmd) Help() string {
	return `The same as shm VERB --help.

Examples:

    shm help
    shm help create
    shm help event wait`
}

// helpText is what help --json prints.
type helpText struct {
	Verb string `json:"verb"` // "" for the whole command
	Help string `json:"help"`
}

// Run has the parser print its help, which knows what to say of a verb that does not exist, too.
func (c *helpCmd) Run(a *app, parser *kong.Kong) error {
	words := slices.Clone(c.Verb) // parsing again makes it empty
	verb, node := 0, parser.Model.Node
	for ; verb < len(words); verb++ {
		if node = childNamed(node, words[verb]); node == nil {
			break
		}
	}
	var text strings.Builder
	if a.asJSON {
		parser.Stdout = &text
	}
	printed := false
	parser.Exit = func(int) { printed = true }
	// Behind the verb's own words: behind all of them it might be an argument of a command that the verb would run.
	_, err := parser.Parse(slices.Insert(slices.Clone(words), verb, "--help"))
	if err == nil && !printed { // it is in nobody's list of verbs, and takes every word
		err = fmt.Errorf("unexpected argument %s", words[0])
	}
	switch {
	case !printed:
		return usageError{fmt.Errorf("%w; see 'shm --help'", err)}
	case a.asJSON:
		return a.json(helpText{strings.Join(words[:verb], " "), text.String()})
	}
	return nil
}
