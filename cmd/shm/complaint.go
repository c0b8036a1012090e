package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/namedshm/namedshm"
)

// usageError is a command line that parses and makes no sense all the same.
type usageError struct{ error }

// exitStatus ends the command with a status, silently: whatever there was to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// complaint is an error as --json prints it.
type complaint struct {
	Error string `json:"error"`          // all of it, in one line
	Op    string `json:"op,omitempty"`   // what failed: a call of the library, or the verb
	Name  string `json:"name,omitempty"` // the object's, in full
	// from here on: what a namedshm.Error has; the number of the Win32 error
	Code   namedshm.Code `json:"code,omitempty"`
	Symbol string        `json:"symbol,omitempty"` // and its name
	Cause  string        `json:"cause,omitempty"`
	Advice string        `json:"advice,omitempty"`
}

func (a *app) newComplaint(err error) complaint {
	told := complaint{Error: err.Error(), Op: a.verb}
	name := a.name
	var failed *namedshm.Error
	if errors.As(err, &failed) {
		told.Op, told.Code, told.Symbol, told.Advice = failed.Op, failed.Code, failed.Code.Symbol(), failed.Advice
		name = cmp.Or(failed.Name, name)
		if failed.Cause != nil {
			told.Cause = failed.Cause.Error()
		}
	}
	if name != "" {
		told.Name = fullName(name)
	}
	return told
}

// fail prints an error, if there is one, and returns its exit status.
func (a *app) fail(err error) int {
	var status exitStatus
	if err == nil {
		return 0
	}
	if errors.As(err, &status) {
		return int(status)
	}
	if a.asJSON {
		a.stderr.json(a.newComplaint(err))
	} else {
		a.note("%w", err)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// note prints to standard error what is not a result and need not be an error.
func (a *app) note(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if a.asJSON {
		a.stderr.json(struct {
			Note string `json:"note"`
		}{err.Error()})
		return
	}
	a.stderr.printf("shm: %s\n", err)
}

// inVerb gives an error the verb that was typed, where the library has only tried to open what that verb is for.
func inVerb(verb string, err error) error {
	var failed *namedshm.Error
	if !errors.As(err, &failed) || failed.Op != "open" {
		return err
	}
	told := *failed
	told.Op = verb
	return &told
}

// isNotFound reports that no object has the name.
func isNotFound(err error) bool { return errors.Is(err, fs.ErrNotExist) }
