package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// timing is how long a wait may take.
type timing struct {
	Timeout *time.Duration `placeholder:"DURATION" help:"Give up after this long, such as 5s or 200ms; 0s checks once. Without this flag it waits forever."`
}

// context ends when time is up.
func (t *timing) context() (context.Context, context.CancelFunc) {
	if t.Timeout == nil {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), *t.Timeout)
}

// waitFlags is what the verbs that wait have in common.
type waitFlags struct {
	timing
	WaitForName bool `help:"Wait for the name to exist, too; without this flag a missing name is an error."`
}

// waitHelp is what the help of these verbs says of how they end, and plainWaitHelp where no mutex can be among the
// objects.
const plainWaitHelp = `The exit status is 0 if the wait was satisfied, and 1 if it timed out or failed: standard error says which, and with
--json an "outcome", which is not printed for an error.`

const waitHelp = `The exit status is 0 if the wait was satisfied; 3 if it was satisfied by an abandoned mutex (the last owner ended
without unlocking it; this is reported only once); and 1 if the wait timed out or failed: standard error says which, and
with --json an "outcome", which is not printed for an error.`

// waited is what a wait prints with --json.
type waited struct {
	Name    string  `json:"name,omitempty"` // what satisfied the wait; the abandoned one if all did
	Outcome string  `json:"outcome"`        // acquired, abandoned or timed out
	Seconds float64 `json:"seconds"`        // how long it took
}

// wait waits for one of the objects, or for all of them, and gives back what can be given back. A returned name is that
// of the object that satisfied the wait, or was abandoned.
func (p *waitFlags) wait(ctx context.Context, names []string, all bool, open opening) (w waited, err error) {
	begin := time.Now()
	objects := make([]namedshm.Waitable, len(names))
	for i, name := range names {
		if objects[i], err = open(ctx, name, p.WaitForName); err != nil {
			return w, err
		}
		defer objects[i].Close()
	}
	wait := namedshm.WaitAny
	if all {
		wait = namedshm.WaitAll
	}
	outcome, err := wait(ctx, objects...)
	if err != nil {
		return w, err
	}
	w = waited{Name: names[outcome.Index], Outcome: "acquired", Seconds: time.Since(begin).Seconds()}
	if all && len(names) > 1 && !outcome.Abandoned {
		w.Name = ""
	}
	if outcome.Abandoned {
		w.Outcome = "abandoned"
	}
	for i, o := range objects {
		if m, ok := o.(*namedshm.Mutex); ok && (all || i == outcome.Index) {
			if err := m.Unlock(); err != nil {
				return w, err
			}
		}
	}
	return w, nil
}

// run waits and says how it ended. With say it prints what satisfied the wait.
func (p *waitFlags) run(a *app, verb string, names []string, all, say bool, open opening) error {
	begin := time.Now() // before the context's time begins
	ctx, cancel := p.context()
	defer cancel()
	opened := map[string]bool{}
	w, err := p.wait(ctx, names, all, func(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
		object, err := open(ctx, name, await)
		opened[name] = err == nil
		return object, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		w = waited{Outcome: "timed out", Seconds: time.Since(begin).Seconds()}
		err = p.timedOut(verb, names, opened)
	} else if err != nil {
		return inVerb(verb, err)
	}
	if a.asJSON {
		told := w
		if w.Name != "" {
			told.Name = fullName(w.Name)
		}
		if err := a.json(told); err != nil {
			return err
		}
	} else if say && w.Name != "" {
		if err := a.sayWho(w.Name); err != nil {
			return err
		}
	}
	if w.Outcome == "abandoned" {
		a.note("%s %s: %s", verb, plain.Name(w.Name), abandonedText)
		return exitStatus(3)
	}
	return err
}

// sayWho prints a name: for a script as it was given, so that it can compare it.
func (a *app) sayWho(name string) error {
	if a.stdout.isTerminal() {
		return a.printf("%s\n", plain.Name(name))
	}
	return a.showContent(strings.NewReader(name + "\n"))
}

// abandonedText says what an abandoned mutex is.
const abandonedText = "it was abandoned: its last owner ended without unlocking it"

// timedOut says what was not signaled. opened are those that were there to wait for.
func (t *timing) timedOut(verb string, names []string, opened map[string]bool) error {
	shown, states := make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		shown[i] = plain.Name(name)
		info, err := inspect.Stat(name)
		switch {
		case isNotFound(err):
			states[i] = "nobody created it"
			if opened[name] {
				states[i] = "nobody else has it open any more"
			}
		case err != nil:
			states[i] = "?"
		default:
			states[i] = stateText(&info) + waiting(info.State)
		}
		if len(names) > 1 {
			states[i] = shown[i] + ": " + states[i]
		}
	}
	return fmt.Errorf("%s %s: timed out after %v: %s", verb, strings.Join(shown, ", "), *t.Timeout,
		strings.Join(states, "; "))
}
