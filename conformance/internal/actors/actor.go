//go:build linux

package actors

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
)

// Failure is what an answer says of an error. It is embedded in the answers of most suites.
type Failure struct {
	Error string        `json:",omitempty"`
	Code  namedshm.Code `json:",omitempty"`
}

// Note writes an error down.
func (f *Failure) Note(err error) {
	if err == nil {
		return
	}
	f.Error = err.Error()
	var e *namedshm.Error
	if errors.As(err, &e) {
		f.Code = e.Code
	}
}

func (f Failure) failure() Failure { return f }

// Actor is a process that a test sends commands Q, and that gives answers A, in which a Failure is embedded.
type Actor[Q any, A interface{ failure() Failure }] struct {
	*Process
	T        *testing.T
	Patience time.Duration // for an answer; 0 stands for Prompt
}

// Ask sends a command, and does not wait for the answer.
func (a *Actor[Q, A]) Ask(command Q) {
	a.T.Helper()
	a.Process.Ask(command)
}

// Answer waits for the answer to the last command.
func (a *Actor[Q, A]) Answer() (answer A) {
	a.T.Helper()
	a.AnswerWithin(cmp.Or(a.Patience, Prompt), &answer)
	return answer
}

// Do sends a command and waits for its answer.
func (a *Actor[Q, A]) Do(command Q) A {
	a.T.Helper()
	a.Ask(command)
	return a.Answer()
}

// Must is Do for what has to succeed.
func (a *Actor[Q, A]) Must(command Q) A {
	a.T.Helper()
	return a.Succeeded(command, a.Do(command))
}

// Succeeded fails the test if the answer to a command is an error.
func (a *Actor[Q, A]) Succeeded(command Q, got A) A {
	a.T.Helper()
	if f := got.failure(); f.Error != "" {
		a.T.Fatalf("actor %d: %v: %s", a.PID, command, f.Error)
	}
	return got
}

// Refused is Do for what has to fail with this code, and an error that says all these words.
func (a *Actor[Q, A]) Refused(command Q, code namedshm.Code, words ...string) A {
	a.T.Helper()
	got := a.Do(command)
	if got.failure().Code != code {
		a.T.Fatalf("actor %d: %v: want %v, got %+v", a.PID, command, code, got)
	}
	for _, word := range words {
		if said := got.failure().Error; !strings.Contains(said, word) {
			a.T.Errorf("actor %d: %v: the error does not say %q: %s", a.PID, command, word, said)
		}
	}
	return got
}
