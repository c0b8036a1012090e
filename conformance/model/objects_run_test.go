package model

import "testing"

type (
	scripts = [maxProcesses][]call
	kinds   = [maxObjects]objectKind
	counts  = [maxObjects]uint8
)

// Calls, for scripts.

func waitsFor(on ...uint8) call    { return call{does: waitAny, on: setOf(on)} }
func waitsForAll(on ...uint8) call { return call{does: waitAll, on: setOf(on)} }
func tries(on uint8) call          { return call{does: waitAny, on: 1 << on, once: true} }
func triesAll(on ...uint8) call    { return call{does: waitAll, on: setOf(on), once: true} }
func sets(on uint8) call           { return call{does: setIt, on: on} }
func resets(on uint8) call         { return call{does: resetIt, on: on} }
func pulses(on uint8) call         { return call{does: pulseIt, on: on} }
func releases(on, n uint8) call    { return call{does: releaseIt, on: on, n: n} }
func unlocks(on uint8) call        { return call{does: unlockIt, on: on} }

func setOf(on []uint8) (all uint8) {
	for _, o := range on {
		all |= 1 << o
	}
	return all
}

// exploreObjects explores configurations in which nothing may be wrong.
func exploreObjects(t *testing.T, configurations []objects) {
	for _, m := range configurations {
		t.Run(m.name, func(t *testing.T) { exploreWhole(t, &m, m.name) })
	}
}

// TestManualEvent explores a manual-reset event: Set and Pulse let through who waited before, and nobody else.
func TestManualEvent(t *testing.T) {
	manual, twice := kinds{manualEvent}, []call{waitsFor(0), waitsFor(0)}
	configurations := []objects{
		{name: "Set and Reset", kinds: manual, scripts: scripts{twice, twice, {sets(0), resets(0), sets(0), resets(0)}}},
		{name: "Pulse and Set, and waits are given up", kinds: manual, givesUp: true, signals: 1,
			scripts: scripts{twice, {waitsFor(0)}, {pulses(0), sets(0), resets(0), pulses(0)}}},
		{name: "a waiter, one that pulses and one that sets", kinds: manual, givesUp: true,
			scripts: scripts{twice, {pulses(0), pulses(0)}, {sets(0), resets(0), sets(0)}}},
		{name: "one that may only look", kinds: manual, readers: counts{1},
			scripts: scripts{twice, {waitsFor(0)}, {sets(0), resets(0), pulses(0), sets(0)}}},
		{name: "two waiters and a death", kinds: manual, kills: 1, patrols: always, givesUp: true,
			scripts: scripts{{waitsFor(0)}, {waitsFor(0)}, {sets(0), resets(0), pulses(0)}}},
		{name: "one that may only look, and two deaths", kinds: manual, kills: 2, patrols: always, readers: counts{1},
			scripts: scripts{{waitsFor(0)}, {waitsFor(0)}, {pulses(0), sets(0)}}},
	}
	exploreObjects(t, configurations)
}

// TestSemaphore explores a semaphore, of which nothing is lost and nothing is taken twice.
func TestSemaphore(t *testing.T) {
	one, twice := kinds{semaphore}, []call{waitsFor(0), waitsFor(0)}
	configurations := []objects{
		{name: "two waiters and a Release of two", kinds: one, maximum: 3, signals: 1,
			scripts: scripts{twice, twice, {releases(0, 2), releases(0, 2)}}},
		{name: "waits are given up", kinds: one, maximum: 3, givesUp: true,
			scripts: scripts{twice, twice, {releases(0, 1), releases(0, 2), releases(0, 1)}}},
		{name: "a waiter and two that release, up to the maximum", kinds: one, maximum: 2, givesUp: true,
			scripts: scripts{twice, {releases(0, 1), releases(0, 2), tries(0)}, {releases(0, 1), releases(0, 1)}}},
		{name: "two waiters and a death", kinds: one, maximum: 3, givesUp: true, kills: 1, patrols: always,
			scripts: scripts{twice, {waitsFor(0)}, {releases(0, 1), releases(0, 2)}}},
		{name: "two waiters and two deaths", kinds: one, maximum: 3, kills: 2, patrols: always,
			scripts: scripts{{waitsFor(0)}, {waitsFor(0)}, {releases(0, 2), releases(0, 1)}}},
	}
	exploreObjects(t, configurations)
}

// TestWaitAny explores waits for any of two objects.
func TestWaitAny(t *testing.T) {
	two, mixed := kinds{semaphore, semaphore}, kinds{autoEvent, manualEvent}
	configurations := []objects{
		{name: "two semaphores", kinds: two, maximum: 3, givesUp: true,
			scripts: scripts{{waitsFor(0, 1)}, {waitsFor(0, 1)}, {releases(0, 1), releases(1, 1)}}},
		{name: "two semaphores, and one waits for one", kinds: two, maximum: 3,
			scripts: scripts{{waitsFor(0, 1), waitsFor(0)}, {waitsFor(1)}, {releases(1, 1), releases(0, 2)}}},
		{name: "two events", kinds: mixed, givesUp: true,
			scripts: scripts{{waitsFor(0, 1)}, {waitsFor(0, 1)}, {sets(0), pulses(1), resets(0), sets(0)}}},
		{name: "a mutex and a semaphore, and a death", kinds: kinds{mutexObject, semaphore}, maximum: 1, kills: 1, patrols: afterDeath,
			scripts: scripts{{waitsFor(0, 1), unlocks(0)}, {waitsFor(0), unlocks(0)}, {releases(1, 1)}}},
		{name: "two semaphores and a death", kinds: two, maximum: 3, kills: 1, patrols: afterDeath,
			scripts: scripts{{waitsFor(0, 1)}, {waitsFor(1)}, {releases(1, 1), releases(0, 1)}}},
	}
	exploreObjects(t, configurations)
}

// TestWaitAll explores waits for both of two objects: they take nothing before they can take both, and both in what others
// see as one step.
func TestWaitAll(t *testing.T) {
	two, both := kinds{semaphore, semaphore}, []call{waitsForAll(0, 1)}
	configurations := []objects{
		{name: "two wait for two semaphores", kinds: two, maximum: 2,
			scripts: scripts{both, both, {releases(0, 1), releases(1, 2), releases(0, 1)}}},
		{name: "the same, and waits are given up", kinds: two, maximum: 2, givesUp: true, signals: 1,
			scripts: scripts{both, both, {releases(0, 1), releases(1, 1)}}},
		{name: "beside a wait for one", kinds: two, maximum: 2,
			scripts: scripts{both, {waitsFor(0), releases(0, 1)}, {releases(0, 1), releases(1, 1)}}},
		{name: "one is taken for stopped", kinds: two, initial: counts{1, 1}, maximum: 2, stops: 2,
			scripts: scripts{both, {tries(1), releases(1, 1)}, {tries(0), releases(0, 1)}}},
		{name: "one of two is taken for stopped", kinds: two, initial: counts{1, 1}, maximum: 1, stops: 1,
			scripts: scripts{both, both, {tries(1), releases(1, 1), releases(0, 1)}}},
		{name: "looks that give up at a reservation", kinds: two, initial: counts{1, 1}, maximum: 2, most: 1,
			scripts: scripts{{triesAll(0, 1)}, both, {tries(1), tries(0), releases(1, 1), releases(0, 1)}}},
		{name: "a semaphore and an auto-reset event", kinds: kinds{semaphore, autoEvent}, initial: counts{1, 1}, maximum: 2,
			scripts: scripts{both, {tries(0), sets(1)}, {resets(1), sets(1), releases(0, 1)}}},
		{name: "the same, and one is taken for stopped", kinds: kinds{semaphore, autoEvent}, initial: counts{1, 1}, maximum: 2, stops: 1,
			scripts: scripts{both, {tries(0), sets(1)}, {resets(1), releases(0, 1)}}},
		{name: "a semaphore and a manual-reset event", kinds: kinds{semaphore, manualEvent}, maximum: 2,
			scripts: scripts{both, both, {releases(0, 2), sets(1), resets(1), pulses(1), sets(1)}}},
		{name: "the same, by one that may only look", kinds: kinds{manualEvent, semaphore}, initial: counts{0, 1}, readers: counts{1}, maximum: 1,
			scripts: scripts{both, {tries(1), releases(1, 1)}, {sets(0), resets(0), sets(0)}}},
		{name: "two manual-reset events", kinds: kinds{manualEvent, manualEvent},
			scripts: scripts{both, {sets(0), resets(0), sets(0)}, {sets(1), resets(1), sets(1)}}},
		{name: "the same, by one that may only look", kinds: kinds{manualEvent, manualEvent}, readers: counts{1, 1},
			scripts: scripts{both, {sets(0), resets(0), sets(0)}, {sets(1), resets(1), sets(1)}}},
		{name: "a semaphore and a mutex, and a death", kinds: kinds{semaphore, mutexObject}, maximum: 2, kills: 1, patrols: afterDeath,
			scripts: scripts{{waitsForAll(0, 1), unlocks(1)}, {waitsFor(1), unlocks(1)}, {releases(0, 1)}}},
		{name: "two wait for two semaphores, and a death", kinds: two, maximum: 2, kills: 1, patrols: afterDeath,
			scripts: scripts{both, both, {releases(0, 1), releases(1, 1)}}},
		{name: "two wait, one sets, and two deaths", kinds: kinds{manualEvent, semaphore}, initial: counts{0, 1}, maximum: 1, kills: 2, patrols: afterDeath,
			scripts: scripts{both, both, {sets(0)}}},
		{name: "one waits, with a patrol, a death and a stop", kinds: two, initial: counts{0, 1}, maximum: 1, kills: 1, stops: 1, patrols: always,
			scripts: scripts{both, {tries(1), releases(1, 1)}, {releases(0, 1)}}},
	}
	if *full {
		configurations = append(configurations,
			objects{name: "two are taken for stopped", kinds: two, initial: counts{1, 1}, maximum: 1, stops: 2,
				scripts: scripts{both, both, {tries(1), releases(1, 1), releases(0, 1)}}},
			objects{name: "two wait for two semaphores, and two deaths", kinds: two, maximum: 2, kills: 2, patrols: afterDeath,
				scripts: scripts{both, both, {releases(0, 1), releases(1, 1)}}},
			objects{name: "two wait, with patrols, and a death", kinds: two, initial: counts{0, 1}, maximum: 1, kills: 1, patrols: always,
				scripts: scripts{both, both, {releases(0, 1)}}},
			objects{name: "two wait, a death and a stop", kinds: two, initial: counts{0, 1}, maximum: 1, kills: 1, stops: 1, patrols: afterDeath,
				scripts: scripts{both, both, {releases(0, 1)}}},
		)
	}
	exploreObjects(t, configurations)
}

// objectCase is a mistake, a configuration that shows it, and what is found then.
type objectCase struct {
	name    string
	mistake objectMistake
	in      objects
	wrong   string
}

// What is found where a wake-up is lost, and where it takes a patrol, and where all were not signaled at one moment.
const (
	forIt        = "there is something for it"
	waitsForEver = "waits for ever"
	atOneMoment  = "never signaled at the same moment"
)

// objectMistakes does one thing after the other wrong.
func objectMistakes(t *testing.T, cases []objectCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.in.mistake = c.mistake
			caught(t, &c.in, c.wrong)
		})
	}
}

func TestManualEventMistakes(t *testing.T) {
	event := objects{kinds: kinds{manualEvent}, scripts: scripts{{waitsFor(0)}, {waitsFor(0)}, {sets(0), resets(0)}}}
	pulsed := objects{kinds: kinds{manualEvent}, scripts: scripts{{waitsFor(0), waitsFor(0)}, nil, {pulses(0)}}}
	killed := objects{kinds: kinds{manualEvent}, kills: 1, patrols: always, scripts: scripts{{waitsFor(0)}, nil, {pulses(0)}}}
	objectMistakes(t, []objectCase{
		{"a Set counts no turn", noTurn, event, "did not let it through"},
		{"a Pulse counts no turn", noTurn, pulsed, "did not let it through"},
		{"a wait begins when it sleeps", lateStart, event, "did not let it through"},
		{"turns from before the wait count", oldTurns, pulsed, "was not set since its wait began"},
		{"a Set of a manual-reset event wakes one", wakesOneOfAll, event, forIt},
		{"the wake-up comes before the Set", wakesFirst, event, forIt},
		{"a Set leaves the seq as it is", sameSeq, event, forIt},
		{"a Pulse leaves the seq as it is", sameSeq, pulsed, forIt},
		{"the patrol does not look for turns", patrolTurnless, killed, waitsForEver},
	})
}

func TestSemaphoreMistakes(t *testing.T) {
	count := objects{kinds: kinds{semaphore}, maximum: 3, givesUp: true,
		scripts: scripts{{waitsFor(0), waitsFor(0)}, {waitsFor(0)}, {releases(0, 2), releases(0, 1)}}}
	any := objects{kinds: kinds{semaphore, semaphore}, maximum: 3,
		scripts: scripts{{waitsFor(0, 1)}, {waitsFor(1)}, {releases(1, 1), releases(0, 1)}}}
	objectMistakes(t, []objectCase{
		{"a Release of two wakes one", releasesOne, count, forIt},
		{"a count is taken whatever it is", takesBlindly, count, "and should be"},
		{"who takes another one passes nothing on", keepsWakeUps, any, forIt},
		{"the flag is cleared whatever the word is", clearsBlindly, count, forIt},
		{"who sleeps says so after its last look", flagsAfterLook, count, forIt},
		{"a Release wakes nobody", noWakeUp, count, forIt},
	})
}

func TestWaitAllMistakes(t *testing.T) {
	two, both := kinds{semaphore, semaphore}, []call{waitsForAll(0, 1)}
	all := objects{kinds: two, maximum: 2,
		scripts: scripts{both, both, {releases(0, 2), releases(1, 2)}}}
	mixed := objects{kinds: two, maximum: 2,
		scripts: scripts{both, {waitsFor(0), releases(0, 1)}, {releases(0, 1), releases(1, 1)}}}
	dropped := objects{kinds: two, initial: counts{1, 1}, maximum: 2,
		scripts: scripts{{triesAll(0, 1)}, both, {tries(1), tries(0), releases(1, 1), releases(0, 1)}}}
	hasty := dropped
	hasty.most = 1
	more := objects{kinds: two, initial: counts{1, 1}, maximum: 2,
		scripts: scripts{both, both, {releases(0, 1), releases(1, 1)}}}
	stopped := objects{kinds: two, initial: counts{1, 1}, maximum: 2, stops: 1,
		scripts: scripts{both, {tries(1), releases(1, 1)}, {tries(0)}}}
	killed := objects{kinds: two, maximum: 2, kills: 1, patrols: afterDeath,
		scripts: scripts{both, both, {releases(0, 1), releases(1, 1)}}}
	auto := objects{kinds: kinds{semaphore, autoEvent}, initial: counts{1, 1}, maximum: 2,
		scripts: scripts{both, {tries(0), sets(1)}, {resets(1)}}}
	read := objects{kinds: kinds{manualEvent, semaphore}, initial: counts{0, 1}, readers: counts{1}, maximum: 1,
		scripts: scripts{both, {tries(1)}, {sets(0), resets(0), releases(1, 1)}}}
	twoRead := objects{kinds: kinds{manualEvent, manualEvent}, initial: counts{1, 1}, readers: counts{1, 1},
		scripts: scripts{both, {resets(0), resets(1), sets(0), resets(0), sets(1)}}}
	objectMistakes(t, []objectCase{
		{"the crowd flag is set after the last look", flagsAfterLook, all, forIt},
		{"the crowd is looked at just before the sleep", freshCrowd, all, forIt},
		{"the crowd is woken, and its number stays", neverAdds, all, forIt},
		{"the crowd is woken before its number changes", wakesCrowdFirst, all, forIt},
		{"one of the crowd is woken", wakesOneOfCrowd, all, forIt},
		{"who takes an object clears the crowd's flag", forgetfulTake, mixed, forIt},
		{"the end of a reservation brings back the flags of its beginning", dropsFlags, dropped, forIt},
		{"all are taken one after the other", takesOneByOne, mixed, atOneMoment},
		{"what is reserved is reserved by another one too", sharedReservation, all, "nobody thought that it was stopped"},
		{"each reserves in an order of its own", ownOrder, all, "stays for ever"},
		{"a dead one's reservation stays", eternalReservation, killed, "stays for ever"},
		{"a Release takes no notice of a reservation", ignoresReserved, more, "nobody thought that it was stopped"},
		{"a Set finds an event set that is about to be taken", setsReserved, auto, "had taken with another one"},
		{"what changes by being taken is taken first", consumedFirst, read, atOneMoment},
		{"the part that was taken is kept", keepsPart, stopped, "took a part of all"},
		{"who was stopped takes what is not reserved as it was", valueTakes, stopped, "takes the rest"},
		{"who may only look confirms an event that had a turn", turnsConfirm, read, atOneMoment},
		{"who may only look confirms an event that is set again", valueConfirms, twoRead, atOneMoment},
		{"who has seen too many reservations sleeps", sleepsBusy, hasty, forIt},
		{"the patrol does not compare the word", patrolKeyless, killed, waitsForEver},
		{"the patrol wakes the crowd, and its number stays", patrolWakesOnly, killed, waitsForEver},
		{"no patrol, and a death", patrolAbsent, killed, waitsForEver},
	})
}
