package main

// waitCmd waits for several objects, or for one of unknown kind.
type waitCmd struct {
	Names []string `arg:"" name:"name" help:"The objects' names."`
	All   bool     `help:"Wait until all objects are signaled at once, then acquire them together; until then acquire none."`
	waitFlags
}

// Help has the details and the examples.
func (*waitCmd) Help() string {
	return `The objects are events, mutexes and semaphores, at most 64. The first one that is signaled satisfies the wait, and its
name is printed; with --all nothing is printed.

A mutex is unlocked again at once. An auto-reset event stays reset, and a semaphore's count stays decremented. With
--wait-for-name, shm first waits until all the names exist.

` + waitHelp + `

Examples:

    shm wait 'Local\Ready' 'Local\Stop'
    shm wait Disk Network --all --timeout 30s --wait-for-name`
}

// Run waits.
func (c *waitCmd) Run(a *app) error { return c.run(a, "wait", c.Names, c.All, true, openWaitable) }
