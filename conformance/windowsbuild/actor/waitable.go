package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/namedshm/namedshm"
)

// waitableCommands are those for events, mutexes and semaphores. The other program has the same.
func (a *actor) waitableCommands() map[string]command {
	return map[string]command{
		"make":   {3, a.make},
		"reach":  {3, a.reach},
		"drop":   {1, func(args []string) (string, error) { return "", a.objects[args[0]].Close() }},
		"set":    {1, func(args []string) (string, error) { return "", a.objects[args[0]].(*namedshm.Event).Set() }},
		"reset":  {1, func(args []string) (string, error) { return "", a.objects[args[0]].(*namedshm.Event).Reset() }},
		"pulse":  {1, func(args []string) (string, error) { return "", a.objects[args[0]].(*namedshm.Event).Pulse() }},
		"unlock": {1, func(args []string) (string, error) { return "", a.objects[args[0]].(*namedshm.Mutex).Unlock() }},
		"post":   {2, a.post},
		"try":    {2, a.try},
		"await":  {2, a.await},
		"serve":  {3, func(args []string) (string, error) { return "", a.volley(args, true) }},
		"return": {3, func(args []string) (string, error) { return "", a.volley(args, false) }},
		"count":  {2, a.count},
	}
}

// make event NAME auto|manual set|unset OPTION …, make mutex NAME owned|free OPTION …, make semaphore NAME INITIAL
// MAXIMUM OPTION … takes what exists, and says whether it did.
func (a *actor) make(args []string) (string, error) {
	fixed := map[string]int{"event": 4, "mutex": 3, "semaphore": 4}[args[0]]
	if len(args) < fixed || fixed == 0 {
		return "", fmt.Errorf("cannot make %q", args)
	}
	options, err := sharing(args[fixed:])
	if err != nil {
		return "", err
	}
	name, created := args[1], false
	var object namedshm.Waitable
	switch args[0] {
	case "event":
		mode := map[string]namedshm.ResetMode{"auto": namedshm.AutoReset, "manual": namedshm.ManualReset}[args[2]]
		object, created, err = namedshm.OpenOrCreateEvent(name, mode, args[3] == "set", options...)
	case "mutex":
		object, created, err = namedshm.OpenOrCreateMutex(name, args[2] == "owned", options...)
	case "semaphore":
		initial, errInitial := strconv.Atoi(args[2])
		maximum, errMaximum := strconv.Atoi(args[3])
		if err := errors.Join(errInitial, errMaximum); err != nil {
			return "", err
		}
		object, created, err = namedshm.OpenOrCreateSemaphore(name, initial, maximum, options...)
	}
	if err != nil {
		return "", err
	}
	a.objects[name] = object
	if created {
		return "new", nil
	}
	return "existed", nil
}

// reach KIND NAME RIGHTS opens what exists.
func (a *actor) reach(args []string) (string, error) {
	rights, err := strconv.ParseUint(args[2], 0, 32)
	if err != nil {
		return "", err
	}
	var object namedshm.Waitable
	switch args[0] {
	case "event":
		object, err = namedshm.OpenEvent(args[1], namedshm.Rights(rights))
	case "mutex":
		object, err = namedshm.OpenMutex(args[1], namedshm.Rights(rights))
	case "semaphore":
		object, err = namedshm.OpenSemaphore(args[1], namedshm.Rights(rights))
	}
	if err == nil {
		a.objects[args[1]] = object
	}
	return "", err
}

// post NAME COUNT says what the count was.
func (a *actor) post(args []string) (string, error) {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return "", err
	}
	previous, err := a.objects[args[0]].(*namedshm.Semaphore).Release(n)
	return strconv.Itoa(previous), err
}

// try any|all NAME … looks once.
func (a *actor) try(args []string) (string, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	result, err := a.waitFor(ctx, args)
	if errors.Is(err, context.Canceled) {
		return "timeout", nil
	}
	return result, err
}

// await any|all NAME … says "waiting" before it waits.
func (a *actor) await(args []string) (string, error) {
	fmt.Println("waiting")
	// A context that can be done makes another wait than one that cannot, and is what programs use.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return a.waitFor(ctx, args)
}

func (a *actor) waitFor(ctx context.Context, args []string) (string, error) {
	wait := namedshm.WaitAny
	if args[0] == "all" {
		wait = namedshm.WaitAll
	}
	var objects []namedshm.Waitable
	for _, name := range args[1:] {
		objects = append(objects, a.objects[name])
	}
	outcome, err := wait(ctx, objects...)
	if outcome.Abandoned {
		return fmt.Sprintf("%d abandoned", outcome.Index), err
	}
	return strconv.Itoa(outcome.Index), err
}

// serve SET WAIT TIMES sets one event and waits for the other, so many times; return SET WAIT TIMES waits first.
func (a *actor) volley(args []string, serve bool) error {
	set, wait := a.objects[args[0]].(*namedshm.Event), a.objects[args[1]].(*namedshm.Event)
	times, err := strconv.Atoi(args[2])
	for range times {
		if err == nil && serve {
			err = set.Set()
		}
		if err == nil {
			err = wait.Wait(context.Background())
		}
		if err == nil && !serve {
			err = set.Set()
		}
	}
	return err
}

// count MUTEX TIMES adds one to the first eight bytes of the view, so many times, each in the mutex.
func (a *actor) count(args []string) (string, error) {
	times, err := strconv.Atoi(args[1])
	mutex := a.objects[args[0]].(*namedshm.Mutex)
	for range times {
		if err == nil {
			_, err = mutex.Lock(context.Background())
		}
		if err == nil {
			b := a.view.Bytes()
			binary.NativeEndian.PutUint64(b, binary.NativeEndian.Uint64(b)+1)
			err = mutex.Unlock()
		}
	}
	return "", err
}
