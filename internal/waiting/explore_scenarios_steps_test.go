//go:build namedshm_steps && linux

package waiting

import "slices"

// scenarios are those in which nothing may be wrong. All are explored to their end.
var scenarios = slices.Concat(mutexScenarios, autoScenarios, manualScenarios, semaphoreScenarios, anyScenarios,
	allScenarios)

type two = [explored2]uint8

var (
	mutex, auto, manual, count = []Kind{Mutex}, []Kind{AutoEvent}, []Kind{ManualEvent}, []Kind{Semaphore}
	counts                     = []Kind{Semaphore, Semaphore}
)

// A mutex that several lock, wait for, give up waiting for, and die with.
var mutexScenarios = []scenario{
	{name: "mutex: two waiters, nobody dies, no patrol", kinds: mutex, script: "W0 U0 | W0 U0 | W0 U0", short: true},
	{name: "mutex: the same, and waits are given up", kinds: mutex, script: "W0 U0 | W0 U0 | W0 U0", givesUp: true},
	{name: "mutex: two lock thrice, no patrol", kinds: mutex,
		script: "W0 U0 W0 U0 W0 U0 | W0 U0 W0 U0 W0 U0", givesUp: true, short: true, signals: 1},
	{name: "mutex: two and a death", kinds: mutex,
		script: "W0 U0 W0 U0 | W0 U0", kills: 1, patrols: always, short: true},
	{name: "mutex: two waiters and a death", kinds: mutex,
		script: "W0 U0 | W0 U0 | W0 U0", kills: 1, patrols: afterDeath, deep: true},
	{name: "mutex: a wait that is given up, and a death", kinds: mutex,
		script: "W0 U0 | W0 U0", kills: 1, givesUp: true, patrols: always},
	{name: "mutex: a look, and a death", kinds: mutex, script: "w0 U0 | w0 U0 | W0 U0", kills: 1, patrols: afterDeath},
	{name: "mutex: three that lock twice, no patrol", kinds: mutex,
		script: "W0 U0 W0 U0 | W0 U0 W0 U0 | W0 U0 W0 U0", deep: true},
	{name: "mutex: two waiters and two deaths", kinds: mutex,
		script: "W0 U0 | W0 U0 | W0 U0", kills: 2, patrols: afterDeath, deep: true},
	{name: "mutex: two waiters, with patrols, and a death", kinds: mutex,
		script: "W0 U0 | W0 U0 | W0 U0", kills: 1, patrols: always, deep: true},
}

// An auto-reset event.
var autoScenarios = []scenario{
	{name: "auto-reset event: two waiters and a setter, no patrol", kinds: auto,
		script: "W0 | W0 | S0 S0", unfair: true, deep: true},
	{name: "auto-reset event: two waiters and a Set, no patrol", kinds: auto, script: "W0 | W0 | S0", deep: true},
	{name: "auto-reset event: two waiters and three Sets, no patrol", kinds: auto,
		script: "W0 W0 | W0 | S0 S0 S0", unfair: true, deep: true},
	{name: "auto-reset event: a waiter and two setters, no patrol", kinds: auto,
		script: "W0 W0 | S0 | S0", signals: 1, unfair: true, deep: true},
	{name: "auto-reset event: a wait that is given up", kinds: auto,
		script: "W0 W0 | S0 | S0", givesUp: true, unfair: true, deep: true},
	{name: "auto-reset event: one that polls, one that does not", kinds: auto,
		script: "W0 | W0 | S0 S0", polls: 1, unfair: true, deep: true},
	{name: "auto-reset event: Reset and Pulse", kinds: auto, script: "W0 | S0 R0 | P0"},
	{name: "auto-reset event: a waiter with a patrol", kinds: auto, script: "W0 | S0 S0", patrols: always, short: true},
	{name: "auto-reset event: a waiter with a patrol, and two setters", kinds: auto,
		script: "W0 | S0 | S0", patrols: always, unfair: true, deep: true},
	{name: "auto-reset event: a waiter, a setter and a death", kinds: auto,
		script: "W0 W0 | S0 S0", kills: 1, patrols: afterDeath},
	{name: "auto-reset event: two waiters, a setter that dies", kinds: auto,
		script: "W0 | W0 | S0", kills: 1, mortal: 4, patrols: afterDeath, idle: 2, unfair: true, deep: true},
	{name: "auto-reset event: two waiters, of which one dies, and a setter", kinds: auto,
		script: "W0 | W0 | S0", kills: 1, mortal: 1, patrols: afterDeath, unfair: true, deep: true},
	{name: "auto-reset event: a waiter, two setters and two deaths", kinds: auto,
		script: "W0 | S0 | S0", kills: 2, patrols: afterDeath, deep: true},
}

// A manual-reset event: Set and Pulse let through the waits from before, and no others.
var manualScenarios = []scenario{
	{name: "manual-reset event: Set and Reset", kinds: manual, script: "W0 W0 | W0 W0 | S0 R0 S0 R0"},
	{name: "manual-reset event: Pulse and Set, and waits are given up", kinds: manual, givesUp: true, signals: 1,
		script: "W0 W0 | W0 | P0 S0 R0 P0", deep: true},
	{name: "manual-reset event: a waiter, one that pulses and one that sets", kinds: manual, givesUp: true,
		script: "W0 W0 | P0 P0 | S0 R0 S0"},
	{name: "manual-reset event: one that may only look", kinds: manual, readers: two{1},
		script: "W0 W0 | W0 | S0 R0 P0 S0"},
	{name: "manual-reset event: two waiters that give up, and a death", kinds: manual, kills: 1, patrols: afterDeath,
		givesUp: true,
		script:  "W0 | W0 | S0 R0 P0", deep: true},
	{name: "manual-reset event: two waiters with patrols, and a death", kinds: manual, kills: 1, patrols: always,
		script: "W0 | W0 | S0 R0", deep: true},
	{name: "manual-reset event: one that may only look, with a patrol, and two deaths", kinds: manual, kills: 2,
		patrols: always, readers: two{1},
		script: "W0 | P0 S0"},
	{name: "manual-reset event: one that may only look and one that may more, and two deaths", kinds: manual, kills: 2,
		patrols: afterDeath, readers: two{1},
		script: "W0 | W0 | P0 S0", deep: true},
}

// A semaphore, of which nothing is lost and nothing is taken twice.
var semaphoreScenarios = []scenario{
	{name: "semaphore: two waiters and a Release of two", kinds: count, maximum: 3, signals: 1, short: true,
		script: "W0 W0 | W0 W0 | 20 20"},
	{name: "semaphore: waits are given up", kinds: count, maximum: 3, givesUp: true,
		script: "W0 W0 | W0 W0 | 10 20 10", deep: true},
	{name: "semaphore: a waiter and two that release, up to the maximum", kinds: count, maximum: 2, givesUp: true,
		script: "W0 W0 | 10 20 w0 | 10 10"},
	{name: "semaphore: two waiters that give up, and a death", kinds: count, maximum: 3, kills: 1, patrols: afterDeath,
		givesUp: true,
		script:  "W0 W0 | W0 | 10 20", deep: true},
	{name: "semaphore: two waiters with patrols, and a death", kinds: count, maximum: 3, kills: 1, patrols: always,
		script: "W0 | W0 | 10", deep: true},
	{name: "semaphore: two waiters with patrols, and two deaths", kinds: count, maximum: 3, kills: 2, patrols: always,
		script: "W0 | W0 | 20 10", deep: true},
}

// Waits for any of two objects.
var anyScenarios = []scenario{
	{name: "any: two semaphores", kinds: counts, maximum: 3, givesUp: true, script: "W01 | W01 | 10 11"},
	{name: "any: two semaphores, and one waits for one", kinds: counts, maximum: 3, script: "W01 W0 | W1 | 11 20"},
	{name: "any: two events", kinds: []Kind{AutoEvent, ManualEvent}, givesUp: true,
		script: "W01 | W01 | S0 P1 R0 S0", deep: true},
	{name: "any: a mutex and a semaphore, and a death", kinds: []Kind{Mutex, Semaphore}, maximum: 1, kills: 1,
		patrols: afterDeath,
		script:  "W01 U0 | W0 U0 | 11", deep: true},
	{name: "any: two semaphores and a death", kinds: counts, maximum: 3, kills: 1, patrols: afterDeath,
		script: "W01 | W1 | 11 10", deep: true},
}

// Waits for both of two objects: they take nothing before they can take both, and both in what others see as one step.
var allScenarios = []scenario{
	{name: "all: two wait for two semaphores", kinds: counts, maximum: 2, script: "A01 | A01 | 10 21 10"},
	{name: "all: the same, and waits are given up", kinds: counts, maximum: 2, givesUp: true, signals: 1,
		script: "A01 | A01 | 10 11", deep: true},
	{name: "all: beside a wait for one", kinds: counts, maximum: 2, script: "A01 | W0 10 | 10 11"},
	{name: "all: one is taken for stopped", kinds: counts, initial: two{1, 1}, maximum: 2, stops: 2,
		script: "A01 | w1 11 | w0 10"},
	{name: "all: one of two is taken for stopped", kinds: counts, initial: two{1, 1}, maximum: 1, stops: 1,
		script: "A01 | A01 | w1 11 10", deep: true},
	{name: "all: two are taken for stopped", kinds: counts, initial: two{1, 1}, maximum: 1, stops: 2,
		script: "A01 | A01 | 10", deep: true},
	{name: "all: looks that give up at a reservation", kinds: counts, initial: two{1, 1}, maximum: 2, most: 1,
		script: "a01 | A01 | w1 w0 11 10"},
	{name: "all: a semaphore and an auto-reset event", kinds: []Kind{Semaphore, AutoEvent}, initial: two{1, 1}, maximum: 2,
		script: "A01 | w0 S1 | R1 S1 10"},
	{name: "all: the same, and one is taken for stopped", kinds: []Kind{Semaphore, AutoEvent}, initial: two{1, 1},
		maximum: 2, stops: 1,
		script: "A01 | w0 S1 | R1 10"},
	{name: "all: a semaphore and a manual-reset event", kinds: []Kind{Semaphore, ManualEvent}, maximum: 2,
		script: "A01 | A01 | 20 S1 R1 P1 S1", deep: true},
	{name: "all: the same, by one that may only look", kinds: []Kind{ManualEvent, Semaphore}, initial: two{0, 1},
		readers: two{1}, maximum: 1,
		script: "A01 | w1 11 | S0 R0 S0"},
	{name: "all: two manual-reset events", kinds: []Kind{ManualEvent, ManualEvent}, script: "A01 | S0 R0 S0 | S1 R1 S1"},
	{name: "all: two manual-reset events, by one that may only look", kinds: []Kind{ManualEvent, ManualEvent},
		readers: two{1, 1},
		script:  "A01 | S0 R0 S0 | S1 R1 S1"},
	{name: "all: a semaphore and a mutex, and a death", kinds: []Kind{Semaphore, Mutex}, maximum: 2, kills: 1,
		patrols: afterDeath,
		script:  "A01 U1 | W1 U1 | 10", deep: true},
	{name: "all: two wait for two semaphores, and a releaser dies", kinds: counts, initial: two{0, 1}, maximum: 2,
		script: "A01 | A01 | 10", kills: 1, mortal: 4, patrols: afterDeath, idle: 2, deep: true},
	{name: "all: two wait for two semaphores, and one of them dies", kinds: counts, initial: two{0, 1}, maximum: 2,
		script: "A01 | A01 | 10", kills: 1, mortal: 1, patrols: afterDeath, deep: true},
	{name: "all: two wait for two semaphores, and two deaths", kinds: counts, initial: two{0, 1}, maximum: 2,
		script: "A01 | A01 | 10", kills: 2, patrols: afterDeath, idle: 2, deep: true},
	{name: "all: two wait, one sets, and dies", kinds: []Kind{ManualEvent, Semaphore}, initial: two{0, 1}, maximum: 1,
		script: "A01 | A01 | S0", kills: 1, mortal: 4, patrols: afterDeath, idle: 2, deep: true},
	{name: "all: two wait, one sets, and one of the two dies", kinds: []Kind{ManualEvent, Semaphore},
		initial: two{0, 1}, script: "A01 | A01 | S0", maximum: 1, kills: 1, mortal: 1, patrols: afterDeath, deep: true},
	{name: "all: one waits, with a patrol, a death and a stop", kinds: counts, initial: two{0, 1}, maximum: 1, kills: 1,
		stops: 1, patrols: always,
		script: "A01 | w1 11 | 10", deep: true},
	{name: "all: one waits, one sets, and both die", kinds: []Kind{ManualEvent, Semaphore}, initial: two{0, 1},
		maximum: 1, kills: 2, patrols: afterDeath,
		script: "A01 | S0", deep: true},
	{name: "all: one waits, with a patrol, and a death", kinds: counts, initial: two{0, 1}, maximum: 1, kills: 1,
		patrols: always,
		script:  "A01 | 10"},
}
