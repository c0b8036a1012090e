package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
)

// timing is how long a wait may take.
type timing struct {
	Timeout *time.Duration `placeholder:"DURATION" help:"Give up after that long, such as 5s or 200ms; 0s looks once. Without it, it waits for ever."`
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
	WaitForName bool `help:"Wait until it exists, too; without it, a name that nobody has is an error."`
	output
}

// waitHelp is what the help of these verbs says of how they end, and plainWaitHelp where no mutex can be among the objects.
const plainWaitHelp = `The exit status is 0 when it was let through; 1 when time was up; and 1 for an error. These last two are told apart by
standard error, and with --json by an "outcome", which an error does not print.`

const waitHelp = `The exit status is 0 when it was let through; 3 when it was let through by a mutex that was abandoned (its last owner
ended without unlocking it, and nobody will be told again); 1 when time was up; and 1 for an error. These last two
are told apart by standard error, and with --json by an "outcome", which an error does not print.`

// opening opens an object to wait for it: at once or not at all, or with await as soon as it exists.
type opening func(ctx context.Context, name string, await bool) (namedshm.Waitable, error)

// waited is what a wait prints with --json.
type waited struct {
	Name    string  `json:"name,omitempty"` // who let it through; the abandoned one where all did
	Outcome string  `json:"outcome"`        // acquired, abandoned or timed out
	Seconds float64 `json:"seconds"`        // how long it took
}

// wait waits for one of the objects, or for all of them, and gives back what can be given back. A name that is returned
// is that of the object that let it through, or was abandoned.
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

// run waits and says how it ended. With say it prints who let it through.
func (p *waitFlags) run(a *app, verb string, names []string, all, say bool, open opening) error {
	ctx, cancel := p.context()
	defer cancel()
	begin := time.Now()
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
	if p.JSON {
		if err := a.json(w); err != nil {
			return err
		}
	} else if say && w.Name != "" {
		if err := a.printf("%s\n", a.name(w.Name)); err != nil {
			return err
		}
	}
	if w.Outcome == "abandoned" {
		fmt.Fprintf(a.stderr, "shm: %s %s: %s\n", verb, printable(w.Name, ""), abandonedText)
		return exitStatus(3)
	}
	return err
}

// abandonedText says what an abandoned mutex is.
const abandonedText = "it was abandoned: its last owner ended without unlocking it"

// timedOut says what it was that let nobody through. opened are those that were there to wait for.
func (t *timing) timedOut(verb string, names []string, opened map[string]bool) error {
	shown, states := make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		shown[i] = printable(name, "")
		info, err := namedshm.Stat(name)
		switch {
		case isNotFound(err):
			states[i] = "nobody made it"
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
	return fmt.Errorf("%s %s: timed out after %v: %s", verb, strings.Join(shown, ", "), *t.Timeout, strings.Join(states, "; "))
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

// openWaitable opens an object of any kind that can be waited for.
func openWaitable(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	for range 3 {
		var last error
		for _, open := range []opening{openEvent, openMutex, openSemaphore} {
			w, err := open(ctx, name, await)
			if !errors.Is(err, namedshm.ErrInvalidHandle) { // another kind
				return w, err
			}
			last = err
		}
		info, err := namedshm.Stat(name)
		if err != nil {
			return nil, last
		}
		if info.State == nil {
			break
		}
		// It has become another kind while we asked: once more.
	}
	return nil, fmt.Errorf("wait %s: it is no event, mutex or semaphore", printable(name, ""))
}

func openEvent(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenEvent(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenEvent(name, namedshm.Synchronize)
}

func openMutex(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenMutex(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenMutex(name, namedshm.Synchronize)
}

func openSemaphore(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenSemaphore(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenSemaphore(name, namedshm.Synchronize)
}
