package main

import (
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// completionCmd prints what makes a shell complete shm's verbs, flags and the names of live objects.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help has the examples.
func (*completionCmd) Help() string {
	return `Completes verbs, flags, their values, and the names of live objects of the kind that the verb works on.

Examples:

    source <(shm completion bash)                                      # in ~/.bashrc
    source <(shm completion zsh)                                       # in ~/.zshrc, behind compinit
    shm completion fish > ~/.config/fish/completions/shm.fish`
}

// The scripts only ask this program: shm __complete gets the words up to the cursor, without the first, and prints the
// candidates for the last, one a line. A single line ":files" asks for file names.
//
// bash hands words over as they are typed, quotes and all, and quotes what it inserts when it takes it for file names.
// It would take a name in an unquoted expansion for a pattern, so lines are read one by one; and it leaves dollar signs
// and backquotes as they are, so that a name could run a command: names with one are not offered.
var completionScripts = map[string]string{
	"bash": `_shm() {
    local line
    COMPREPLY=()
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do
        [[ $line == *[$'$\x60']* ]] || COMPREPLY+=("$line")
    done < <(shm __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ ${COMPREPLY[0]} == :files ]]; then
        COMPREPLY=()
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen -f -- "$2")
    fi
}
complete -F _shm shm
`,
	"zsh": `#compdef shm
_shm() {
    local -a found
    found=("${(@f)$(shm __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${found[1]} == :files ]]; then
        _files
    elif [[ -n ${found[1]} ]]; then
        compadd -- "${found[@]}"
    fi
}
compdef _shm shm
`,
	"fish": `function __shm_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    set -l found (shm __complete $words 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $found
    end
end
complete -c shm -f -a '(__shm_complete)'
`,
}

// completionScript is what completion --json prints.
type completionScript struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

// Run prints the script.
func (c *completionCmd) Run(a *app) error {
	if a.asJSON {
		return a.json(completionScript{c.Shell, completionScripts[c.Shell]})
	}
	_, err := io.WriteString(a.stdout, completionScripts[c.Shell])
	return err
}

// completeCmd answers the scripts.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints the candidates for the last word.
func (c *completeCmd) Run(a *app, parser *kong.Kong) error {
	words := c.Words
	if len(words) == 0 {
		words = []string{""}
	}
	for i, w := range words {
		words[i] = unquote(w)
	}
	last := words[len(words)-1]
	for _, candidate := range candidates(parser.Model.Node, words[:len(words)-1], last) {
		if !plain.Is(candidate) {
			continue // the shell would show it, and what it inserts could not be read
		}
		if strings.HasPrefix(candidate, last) || candidate == wantFiles {
			if err := a.printf("%s\n", candidate); err != nil {
				return err
			}
		}
	}
	return nil
}

// wantFiles asks the shell for file names.
const wantFiles = ":files"

// unquote takes the quotes off a word as it is typed, which may be unfinished. It expands nothing.
func unquote(word string) string {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote == 0 && i+1 < len(word):
			i++
			b.WriteByte(word[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// candidates returns what may follow the words before.
func candidates(verb *kong.Node, before []string, last string) []string {
	for ; len(before) > 0 && len(verb.Children) > 0; before = before[1:] {
		if before[0] == "--json" {
			continue
		}
		if verb = childNamed(verb, before[0]); verb == nil {
			return nil
		}
	}
	if len(verb.Children) > 0 {
		verbs := []string{}
		if strings.HasPrefix(last, "-") {
			verbs = append(verbs, "--help", "--json")
			if verb.Parent == nil {
				verbs = append(verbs, "--version")
			}
		}
		return append(verbs, shownVerbs(verb)...)
	}
	if verb.Name == "help" {
		about := verb.Parent
		for _, word := range before {
			if about = childNamed(about, word); about == nil {
				return nil
			}
		}
		return shownVerbs(about)
	}
	positional := 0
	for i := 0; i < len(before); i++ {
		name, isFlag := strings.CutPrefix(before[i], "--")
		switch {
		case !isFlag:
			positional++
		case name == "":
			return []string{wantFiles} // behind "--" stands a command of the user's own
		default:
			if flag := flagNamed(verb, name); flag != nil && !flag.IsBool() {
				if i++; i == len(before) {
					return valuesOf(verb, flag.Value, last)
				}
			}
		}
	}
	if strings.HasPrefix(last, "-") {
		var flags []string
		for _, flag := range flagsOf(verb) {
			flags = append(flags, "--"+flag.Name)
		}
		return flags
	}
	for i, argument := range verb.Positional {
		if i == positional || i < positional && argument.IsCumulative() {
			return valuesOf(verb, argument, last)
		}
	}
	return nil
}

// shownVerbs is the verbs below one, as far as they are shown.
func shownVerbs(node *kong.Node) (names []string) {
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

func childNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagsOf is the flags that a verb can have, those for all verbs among them.
func flagsOf(node *kong.Node) []*kong.Flag { return slices.Concat(node.AllFlags(true)...) }

func flagNamed(node *kong.Node, name string) *kong.Flag {
	for _, flag := range flagsOf(node) {
		if flag.Name == name {
			return flag
		}
	}
	return nil
}

// valuesOf returns the values that a flag or an argument can have, as far as they are known. last is what has been
// typed.
func valuesOf(verb *kong.Node, v *kong.Value, last string) []string {
	switch {
	case v.Enum != "":
		return v.EnumSlice()
	case v.Name == "name" && (verb.Parent.Name == "ring" || verb.Parent.Name == "feed"):
		return liveFlows(last, verb.Parent.Name)
	case v.Name == "name" || v.Name == "linuxname":
		return liveNames(last, kindsFor(verb)...)
	case v.Name == "prefix":
		return prefixPaths()
	case v.Name == "namespace":
		return []string{"local", "global"}
	case v.Name == "file" || v.Name == "command":
		return []string{wantFiles}
	}
	return nil
}

// prefixPaths is the prefixes that run. The names in one would take a program that is started there: too much for a
// key.
func prefixPaths() (paths []string) {
	running, err := wine.Prefixes()
	if err != nil {
		return nil
	}
	for _, p := range running {
		paths = append(paths, p.Path)
	}
	return paths
}

// kindsFor is the kinds of objects that a verb is for; none for any.
func kindsFor(verb *kong.Node) []inspect.Kind {
	switch {
	case verb.Parent.Name == "event":
		return []inspect.Kind{inspect.KindEvent}
	case verb.Parent.Name == "mutex":
		return []inspect.Kind{inspect.KindMutex}
	case verb.Parent.Name == "semaphore":
		return []inspect.Kind{inspect.KindSemaphore}
	case verb.Name == "wait":
		return []inspect.Kind{inspect.KindEvent, inspect.KindMutex, inspect.KindSemaphore}
	case verb.Name == "stat":
		return nil
	}
	return []inspect.Kind{inspect.KindSection}
}

// liveNames is the names of the live objects of these kinds, as well as they can be listed. A Local name is offered
// with its prefix, and also without it, for a user who has begun to type.
func liveNames(last string, kinds ...inspect.Kind) []string {
	return offered(last, func(n namedshm.Namespace) []string { return namesOf(n, kinds) })
}

// offered is names as they are offered.
func offered(last string, namesOf func(n namedshm.Namespace) []string) (names []string) {
	for _, n := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		for _, name := range namesOf(n) {
			names = append(names, name)
			if plain, ok := strings.CutPrefix(name, namedshm.Local.String()); ok && last != "" {
				names = append(names, plain)
			}
		}
	}
	return names
}

// namesOf is the names in one namespace; none where they cannot be listed. Distinguishing kinds requires a look at each
// object.
func namesOf(n namedshm.Namespace, kinds []inspect.Kind) (names []string) {
	if kinds == nil {
		names, _ = inspect.Names(n)
		return names
	}
	infos, _ := inspect.List(n)
	for _, info := range infos {
		if slices.Contains(kinds, info.Kind) {
			names = append(names, info.Name)
		}
	}
	return names
}
