package main

// waitCmd waits for several objects, or for one whose kind is not known.
type waitCmd struct {
	Names []string `arg:"" name:"name" help:"The objects' names."`
	All   bool     `help:"Wait until all would let it through at one moment, and take them all then; until that, take none."`
	waitFlags
}

// Help has the details and the examples.
func (*waitCmd) Help() string {
	return `The objects are events, mutexes and semaphores, up to 64. The first of them that lets it through is taken, and
its name printed; with --all nothing is printed.

A mutex is unlocked again at once. An auto-reset event stays reset, and what was taken from a semaphore stays taken.
With --wait-for-name it first waits until all the names exist.

` + waitHelp + `

Examples:

    shm wait 'Local\Ready' 'Local\Stop'
    shm wait Disk Network --all --timeout 30s --wait-for-name`
}

// Run waits.
func (c *waitCmd) Run(a *app) error { return c.run(a, "wait", c.Names, c.All, true, openWaitable) }
