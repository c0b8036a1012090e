package main

// The words of the report. They say what was measured and how to read it, and contain no figure, because figures differ
// from one run to the next. docs/design.md has the reasons for the costs.

const reportHead = `# Benchmarks

What calls of this library cost, beside what people would use instead. ` + "`go run ./bench --report`" + ` measured it
and wrote this page, its pictures and [the figures](benchmarks/results.json). After a change of the text,
` + "`go run ./bench --render`" + ` writes the page again from the same figures. Nothing here is written by hand.

Trust the ratios rather than the figures. The two sides of a row are measured in turns, many times, so that whatever
else the machine does affects both. Each figure is a median, and a ratio is the median of the ratios of the turns.
Below 1, namedshm is the faster of the two. The design document [explains the costs](design.md#what-it-costs). The
ratios that must not be exceeded are tests (` + "`go test ./bench`" + `).

`

const notQuiet = `
**The machine was not quiet:** other programs ran during the measurement. The ratios are less exact than on a quiet
machine, and the figures, above all the 99th percentiles, are too large.
`

// chapter is one part of the document: text, pictures, a table of its own, and the tables of parts of the measurement.
type chapter struct {
	title, text string
	plots       []plot
	table       func(report) string
	parts       []string
}

var chapters = []chapter{
	{
		title: "Create and open",
		text: `
One cycle creates or opens a section of one page, maps it, unmaps it and closes it. "Bare shm_open" makes the same
file, and guarantees nothing about what remains when a process dies. "The protocol's system calls" are the ones that
this library makes, with nothing between them. A process "that opens and reads" is measured from its start to its
end.
`,
		plots: []plot{createOpenPlot},
		parts: []string{"cycles", "python"},
	},
	{
		title: "Waking another process",
		text: `
Two processes, each on its own core, pass something there and back: two wake-ups. Each round trip is measured on its
own. Both sides sleep in the kernel until they are woken. By default a wait of this library spins for a short while
before it sleeps, and does not sleep at all when the other side answers at once; that is "while both spin", and the
last peers spin too. A wait for a mutex first asks whether the owner is alive, and often finds the mutex free after
that, so that it need not sleep. Times below a microsecond include a look at the clock.
`,
		plots: []plot{wakingPlot},
		table: report.wakesTable,
	},
	{
		title: "Round trips beside each peer",
		text: `
The same with one auto-reset event in each direction, measured in stretches, in turns with each peer: while both
sides spin; asleep on two cores, where most of the time is the interrupt that wakes the other core, whatever sends
it; and asleep on one core, where the cost of the calls themselves shows.
`,
		parts: []string{"spinning", "sleeping", "one core"},
	},
	{
		title: "Rings and feeds",
		text: `
Messages from one process to another, each on its own core, by a ring of package flow beside other means. Messages of
64 bytes are written and read where they lie, and larger ones are copied at both ends. The C ring makes and publishes
a message by functions, and its commit is a full fence, as it must be in a ring that wakes sleepers. The other one is
all in one loop and wakes nobody: what it shows is the price of that, and of stores beside the messages, for which a
processor waits as long as for the message itself.

A message there and back takes two rings, whose messages lie in other places each time; C that spins on a message uses
the same two places all the time. A feed's Write and Latest are beside a copy of the same bytes, with no other process
looking. With readers, what takes the time is that the lines go from core to core.

How fast a line goes from one core to another is an affair of the machine, and on a virtual one it changes from one
minute to the next, by a factor of four. It hits all rows of a case alike.
`,
		plots: []plot{messagesPlot},
		parts: []string{"flow"},
	},
	{
		title: "Calls without contention",
		text: `
A free mutex, and an event and a semaphore that nothing waits for, beside a lock that no other process can see.
`,
		parts: []string{"free"},
	},
	{
		title: "Waiting while nothing happens",
		text: `
The processor time that a wait uses while it sleeps. The column of the peer is the time that passed; in the last row
it is the processor time of a wait beside ten idle handles.
`,
		parts: []string{"idle"},
	},
	{
		title: "Many objects",
		text: `
A namespace with more and more sections, held by other processes. Names and List return all of them; the last two
rows of the second table set them beside reading the directory.
`,
		plots: []plot{objectsPlot},
		table: func(r report) string { return curvesTable("objects", r.Objects) },
		parts: []string{"scale"},
	},
	{
		title: "Many handles",
		text: `
A section to which other processes have more and more handles, and a process that has more and more handles to other
sections. A curve ends where a process may not have enough descriptors.
`,
		plots: []plot{handlesPlot},
		table: func(r report) string { return curvesTable("handles", r.Handles) },
	},
	{
		title: "From C",
		text: `
A call through the C library beside the same call of package win32 in Go, and beside Wine, which sends its calls to
its server.
`,
		parts: []string{"C"},
	},
	{
		title: "Under Wine",
		text: `
A number's way to a Windows program and back, beside a native program that does the same, and beside a bridge that
copies the section once per frame.
`,
		parts: []string{"wine"},
	},
}
