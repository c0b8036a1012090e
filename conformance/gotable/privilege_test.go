package gotable

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
)

// The rows about Global names that a process without the privilege makes and opens. They are a child's, which renounces
// it. What the child gets it closes at once: it only says how it went.

var privilegeGivens = []given{
	when(`session != 0, token without SeCreateGlobalPrivilege, name unused`, unprivileged),
	when(`as GLO-001, name already exists`, both(func(w *world, _ []string) error {
		name, err := w.NameInCall()
		if err != nil {
			return err
		}
		s, created, err := namedshm.OpenOrCreate(name, 4096, namedshm.ReadWrite,
			namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
		if err == nil && !created {
			err = fmt.Errorf("%q is taken", name)
		}
		if err == nil {
			w.keep(s)
		}
		return err
	}, unprivileged)),
}

func unprivileged(w *world, _ []string) error {
	if err := w.startChild(); err != nil {
		return err
	}
	return w.child.does("renounce")
}

var privilegeCalls = []call{
	does(`OpenFileMapping\(".*"\)`, func(w *world, _ []string) (outcome, error) {
		out, err := w.attempts("open-section")
		out.opened = true
		return out, err
	}),
	does(`CreateFileMapping\(".*"\)`, func(w *world, _ []string) (outcome, error) { return w.attempts("create-section") }),
	does(`CreateEvent/CreateMutex/CreateSemaphore\(".*"\)`, func(w *world, _ []string) (outcome, error) {
		return w.attempts("create-event", "create-mutex", "create-semaphore")
	}),
}

// attempts has the child try one thing after the other, until one fails.
func (w *world) attempts(what ...string) (out outcome, err error) {
	name, err := w.NameInCall()
	if err != nil {
		return out, err
	}
	out.absent = true
	for _, one := range what {
		answer, err := w.child.ask("attempt " + one + " " + name)
		if err != nil {
			return out, err
		}
		if out.existed, out.err = parseAnswer(answer); out.err != nil {
			break
		}
	}
	return out, nil
}

var errExisted = errors.New("existed")

// attempt is the child's side.
func attempt(what, name string) error {
	var object namedshm.Waitable
	var section *namedshm.Section
	var err error
	created := true
	switch what {
	case "open-section":
		section, err = namedshm.Open(name, namedshm.ReadWrite)
	case "create-section":
		section, created, err = namedshm.OpenOrCreate(name, 4096, namedshm.ReadWrite)
	default:
		var w world
		var existed bool
		object, existed, err = w.openOrCreate(name, plain[strings.TrimPrefix(what, "create-")])
		created = !existed
	}
	if err != nil {
		return err
	}
	if section != nil {
		err = section.Close()
	} else {
		err = object.Close()
	}
	if err == nil && !created {
		return errExisted
	}
	return err
}

// answerTo is an error as a child tells it.
func answerTo(err error) string {
	var e *namedshm.Error
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if errors.As(err, &e) {
		return fmt.Sprintf("code %d: %s", e.Code, text)
	}
	return text
}

var answerPattern = regexp.MustCompile(`^code (\d+): (.*)$`)

// parseAnswer is what the child told.
func parseAnswer(answer string) (existed bool, err error) {
	switch m := answerPattern.FindStringSubmatch(answer); {
	case answer == "ok":
		return false, nil
	case answer == errExisted.Error():
		return true, nil
	case m != nil:
		code, err := strconv.ParseUint(m[1], 10, 32)
		return false, errors.Join(&namedshm.Error{Op: "attempt", Code: namedshm.Code(code), Cause: errors.New(m[2])}, err)
	}
	return false, errors.New(answer)
}
