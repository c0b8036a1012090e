// Actor does what it is told on its standard input, line by line, with the objects of package namedshm, and answers
// each line with one of its own: "ok", perhaps with a result, or "error", the Win32 code and the text. Bytes are given
// and told in hexadecimal. It holds at most one section and one view, and of each name at most one other object; all is
// gone when its input ends.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

func main() {
	a := actor{objects: make(map[string]namedshm.Waitable)}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		fields := strings.Fields(input.Text())
		if len(fields) == 0 {
			continue
		}
		result, err := a.do(fields[0], fields[1:])
		var failed *namedshm.Error
		switch {
		case errors.As(err, &failed):
			fmt.Printf("error %d %v\n", failed.Code, err)
		case err != nil:
			fmt.Printf("error 0 %v\n", err)
		default:
			fmt.Printf("ok %s\n", result)
		}
	}
}

type actor struct {
	ends
	section *namedshm.Section
	view    *namedshm.View
	objects map[string]namedshm.Waitable // by name
}

// command is something that the actor can be told to do.
type command struct {
	arguments int // at least
	run       func([]string) (string, error)
}

func (a *actor) do(verb string, args []string) (string, error) {
	commands := map[string]command{
		"pid":    {0, func([]string) (string, error) { return strconv.Itoa(os.Getpid()), nil }},
		"create": {3, a.create},
		"open":   {2, a.open},
		"wait":   {2, a.wait},
		"map":    {3, a.mapView},
		"read":   {2, a.read},
		"write":  {2, a.write},
		"unmap":  {0, func([]string) (string, error) { return "", a.view.Close() }},
		"close":  {0, func([]string) (string, error) { return "", a.section.Close() }},
		"stat":   {1, stat},
		"find":   {1, find},
		"kill":   {1, kill},
	}
	maps.Copy(commands, a.waitableCommands())
	maps.Copy(commands, a.flowCommands())
	c, found := commands[verb]
	if !found || len(args) < c.arguments {
		return "", fmt.Errorf("cannot do %q with %d arguments", verb, len(args))
	}
	return c.run(args)
}

// create NAME SIZE ACCESS OPTION …
func (a *actor) create(args []string) (string, error) {
	size, err := strconv.ParseInt(args[1], 0, 64)
	if err != nil {
		return "", err
	}
	options, err := optionsOf(args[3:])
	if err != nil {
		return "", err
	}
	a.section, err = namedshm.Create(args[0], size, access(args[2]), options...)
	return a.told(err)
}

func optionsOf(words []string) (options []namedshm.SectionOption, err error) {
	for _, word := range words {
		sddl, isDescriptor := strings.CutPrefix(word, "sddl=")
		switch {
		case isDescriptor:
			options = append(options, namedshm.SecurityDescriptor(sddl))
		case word == "everyone-reads":
			options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read))
		case word == "no-commit":
			options = append(options, namedshm.NoCommit())
		default:
			return nil, fmt.Errorf("unknown option %q", word)
		}
	}
	return options, nil
}

// sharing is optionsOf for what can be waited for.
func sharing(words []string) (options []namedshm.WaitableOption, err error) {
	for _, word := range words {
		sddl, isDescriptor := strings.CutPrefix(word, "sddl=")
		switch {
		case isDescriptor:
			options = append(options, namedshm.SecurityDescriptor(sddl))
		case word == "everyone-waits":
			options = append(options, namedshm.ShareRights(namedshm.Everyone(), namedshm.Synchronize))
		default:
			return nil, fmt.Errorf("unknown option %q", word)
		}
	}
	return options, nil
}

// open NAME ACCESS
func (a *actor) open(args []string) (_ string, err error) {
	a.section, err = namedshm.Open(args[0], access(args[1]))
	return a.told(err)
}

// wait NAME ACCESS says "waiting" before it waits, so that the other side knows.
func (a *actor) wait(args []string) (_ string, err error) {
	fmt.Println("waiting")
	a.section, err = namedshm.WaitOpen(context.Background(), args[0], access(args[1]))
	return a.told(err)
}

func (a *actor) told(err error) (string, error) {
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(a.section.Size(), 10), nil
}

// map OFFSET LENGTH ACCESS
func (a *actor) mapView(args []string) (string, error) {
	offset, errOffset := strconv.ParseInt(args[0], 0, 64)
	length, errLength := strconv.ParseInt(args[1], 0, 64)
	if err := errors.Join(errOffset, errLength); err != nil {
		return "", err
	}
	var err error
	if a.view, err = a.section.Map(offset, length, access(args[2])); err != nil {
		return "", err
	}
	return strconv.Itoa(a.view.Len()), nil
}

// read OFFSET LENGTH
func (a *actor) read(args []string) (string, error) {
	offset, errOffset := strconv.ParseInt(args[0], 0, 64)
	length, errLength := strconv.Atoi(args[1])
	if err := errors.Join(errOffset, errLength); err != nil {
		return "", err
	}
	b := make([]byte, length)
	_, err := a.view.ReadAt(b, offset)
	return hex.EncodeToString(b), err
}

// write OFFSET BYTES
func (a *actor) write(args []string) (string, error) {
	offset, errOffset := strconv.ParseInt(args[0], 0, 64)
	b, errBytes := hex.DecodeString(args[1])
	if err := errors.Join(errOffset, errBytes); err != nil {
		return "", err
	}
	_, err := a.view.WriteAt(b, offset)
	return "", err
}

// stat NAME
func stat(args []string) (string, error) {
	info, err := inspect.Stat(args[0])
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(info)
	return string(text), err
}

// find NAME looks for it in the listing of its namespace.
func find(args []string) (string, error) {
	namespace := namedshm.Local
	if strings.HasPrefix(args[0], `Global\`) {
		namespace = namedshm.Global
	}
	infos, err := inspect.List(namespace)
	if err != nil {
		return "", err
	}
	for _, info := range infos {
		if info.Name == args[0] {
			text, err := json.Marshal(info)
			return string(text), err
		}
	}
	return "null", nil
}

// kill PID ends a process as TerminateProcess does, and returns when it has ended.
func kill(args []string) (string, error) {
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return "", err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return "", err
	}
	if err := process.Kill(); err != nil {
		return "", err
	}
	_, err = process.Wait()
	return "", err
}

// access is a set of access in letters: r, w, c, x.
func access(letters string) (a namedshm.Access) {
	for _, letter := range letters {
		a |= map[rune]namedshm.Access{
			'r': namedshm.Read, 'w': namedshm.Write, 'c': namedshm.Copy, 'x': namedshm.Execute,
		}[letter]
	}
	return a
}
