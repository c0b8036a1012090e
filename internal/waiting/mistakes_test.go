//go:build linux

package waiting

// A mistake is something done wrong in this package's code, for the explorer to find: what stands in a file, once, is
// replaced. What replaces it does what the original does unless mistake says otherwise, so that one build has all of
// them.
type mistaken struct {
	name, file, old, new string
}

// Each is found in a scenario of mistake scenarios: see explore_mistakes_steps_test.go.
var mistakes = []mistaken{
	// Of what wakes.
	{"unlock wakes nobody", "mutex.go",
		`		if o.state.swap(w, now) {
			if w&(sleepers|crowded) != 0 {`,
		`		if o.state.swap(w, now) {
			if w&(sleepers|crowded) != 0 && !mistake("unlock wakes nobody") {`},
	{"a change wakes nobody", "object.go",
		`	if now&sleepers != 0 || o.silent {
		if woken`,
		`	if mistake("a change wakes nobody") {
		return
	}
	if now&sleepers != 0 || o.silent {
		if woken`},
	{"the flag is cleared whatever the word is", "object.go",
		`			o.state.swap(now, now&^sleepers)
`,
		`			for !o.state.swap(now, now&^sleepers) && mistake("the flag is cleared whatever the word is") {
				now = o.state.load()
			}
`},
	{"the crowd is woken, and its number stays", "object.go",
		`		o.state.crowd.Add(1)
		wake(`,
		`		if mistake("the crowd is woken before its number changes") {
			wake(address(&o.state.crowd.n), Everybody, false)
		}
		if !mistake("the crowd is woken, and its number stays") {
			o.state.crowd.Add(1)
		}
		if mistake("the crowd is woken before its number changes") {
			return
		}
		wake(`},
	{"the crowd is woken before its number changes", "", "", ""},
	{"one of the crowd is woken", "object.go",
		`wake(address(&o.state.crowd.n), Everybody, false)
	}
}

// Describe`,
		`wake(address(&o.state.crowd.n), one(Everybody, "one of the crowd is woken"), false)
	}
}

// Describe`},

	// Of waits.
	{"a sleeper says so after its last look", "wait.go",
		`		ready := w.prepare()
		since := here()
		outcome, ok, err := w.try()
`,
		`		late := mistake("a sleeper says so after its last look") || mistake("the crowd flag is set after the last look")
		ready := late || w.prepare()
		since := here()
		outcome, ok, err := w.try()
		if !ok && err == nil && late {
			w.prepare()
			since = here()
		}
`},
	{"the crowd flag is set after the last look", "", "", ""},
	{"a waiter sleeps on a word that it has not looked at", "wait.go",
		`		if ready && !w.crossed {
`,
		`		if ready && mistake("a waiter sleeps on a word that it has not looked at") {
			w.sleepers[0].expected = w.objects[0].state.load().low()
		}
		for i := range w.sleepers {
			if ready && mistake("the crowd is looked at just before the sleep") {
				w.sleepers[i].expected = w.objects[i].state.crowd.Load()
			}
		}
		if ready && (!w.crossed || mistake("a wait that has seen too many reservations sleeps")) {
`},
	{"the crowd is looked at just before the sleep", "", "", ""},
	{"a wait that has seen too many reservations sleeps", "", "", ""},
	{"turns from before the wait count", "wait.go",
		`		w.starts = append(w.starts, o.state.load().value())
`,
		`		w.starts = append(w.starts, o.state.load().value())
		if mistake("turns from before the wait count") {
			w.starts[len(w.starts)-1] = 0
		}
`},
	{"a wait begins when it sleeps", "wait.go",
		`		s, ok := o.prepare(w.starts[i], w.all)
`,
		`		if mistake("a wait begins when it sleeps") {
			w.starts[i] = o.state.load().value()
			w.rememberStarts(inStart)
		}
		s, ok := o.prepare(w.starts[i], w.all)
`},
	{"a count is taken whatever it is", "wait.go",
		`		if o.state.swap(w, w.with(next)) {
			return true, o.taken(v), nil
		}
`,
		`		now := w.with(next)
		if mistake("taking an object clears the crowd's flag") {
			now &^= crowded
		}
		if mistake("a count is taken whatever it is") {
			o.state.word.Store(uint64(now))
			return true, o.taken(v), nil
		}
		if o.state.swap(w, now) {
			return true, o.taken(v), nil
		}
`},
	{"taking an object clears the crowd's flag", "", "", ""},
	{"a wait that takes another one passes nothing on", "wait.go",
		`	if w.all {
		return
	}
	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inPassOn`,
		`	if w.all || mistake("a wait that takes another one passes nothing on") {
		return
	}
	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inPassOn`},
	{"the alarm is looked at after the context", "wait.go",
		`			err = ContextError(ctx)
		}
`,
		`			err = ContextError(ctx)
			if i := len(w.sleepers) - 1; err == nil && w.alarm != nil && mistake("the alarm is looked at after the context") {
				w.sleepers[i].expected = w.alarm.Load()
				since = here()
			}
		}
`},
	{"a dead one's reservation stays", "wait.go",
		`		if now := o.state.load(); now.key() == w.key() {
			o`,
		`		if now := o.state.load(); now.key() == w.key() && !mistake("a dead one's reservation stays") {
			o`},

	// Of mutexes.
	{"an owner is not asked for", "mutex.go",
		`owner == o.id || o.seated(owner) {`,
		`owner == o.id || !mistake("an owner is not asked for") && o.seated(owner) {`},
	{"a dead owner is buried whatever the word is", "mutex.go",
		`	now := w.with(mutexAbandoned) &^ crowded
	if o.state.swap(w, now) {
`,
		`	now := w.with(mutexAbandoned) &^ crowded
	if mistake("a dead owner is buried and nobody is told") {
		now = w.with(0) &^ crowded
	}
	if mistake("a dead owner is buried whatever the word is") {
		o.state.word.Store(uint64(now))
		o.changed(w, now, 1)
	} else if o.state.swap(w, now) {
`},
	{"a dead owner is buried and nobody is told", "", "", ""},

	// Of auto-reset events.
	{"a waiter comes to its berth and does not change the word", "berth.go",
		`o.state.swap(w, w.with(w.value())|sleepers):`,
		`mistake("a waiter comes to its berth and does not change the word") && o.state.swap(w, w|sleepers),
			!mistake("a waiter comes to its berth and does not change the word") && o.state.swap(w,
				w.with(w.value())|sleepers):`},
	{"the flag is set whatever the word is", "event.go",
		`		now := w.with(v) &^ crowded
`,
		`		if mistake("the flag is set whatever the word is") {
			w = o.state.load()
		}
		if auto && mistake("the nudge comes before the flag") {
			o.nudge()
		}
		if !auto && mistake("a Set counts no turn") {
			v = w.value() | eventSignaled
		}
		now := w.with(v) &^ crowded
		if !auto && mistake("a Set leaves the seq as it is") {
			now = now&^seqMask | w&seqMask
		}
		if mistake("the wake-up comes before the Set") {
			wake(o.state.low(), Everybody, false)
		}
`},
	{"the nudge comes before the flag", "", "", ""},
	{"a Set counts no turn", "", "", ""},
	{"a Set leaves the seq as it is", "", "", ""},
	{"the wake-up comes before the Set", "", "", ""},
	{"Set does not look at the berths", "event.go",
		`if auto && w&sleepers != 0 && o.letOneThrough() {`,
		`if auto && w&sleepers != 0 && !mistake("Set does not look at the berths") && o.letOneThrough() {`},
	{"nobody is nudged", "event.go",
		`			o.changed(w, now, o.rules.lets)
			since.forgetUnless(inChanged, now&sleepers != 0)
			if auto && now&sleepers != 0 {
`,
		`			if !mistake("the wake-up comes before the Set") {
				o.changed(w, now, one(o.rules.lets, "a Set of a manual-reset event wakes one"))
			}
			since.forgetUnless(inChanged, now&sleepers != 0)
			if auto && now&sleepers != 0 && !mistake("nobody is nudged") && !mistake("the nudge comes before the flag") {
`},
	{"a Set of a manual-reset event wakes one", "", "", ""},
	{"a Set finds an event set that is about to be taken", "event.go",
		`		case v&reserved != 0 && auto:
`,
		`		case v&reserved != 0 && auto && !(v&eventSignaled != 0 &&
			mistake("a Set finds an event set that is about to be taken")):
`},
	{"a sleeper that is let through is not woken", "berth.go",
		`	if wake(b.low(), 1, false) > 0 {
		return true
	}
`,
		`	if mistake("a sleeper that is let through is not woken") || wake(b.low(), 1, false) > 0 {
		return true
	}
	if mistake("a Set is taken back whatever the berth is") {
		b.Store(uint64(v.in(berthNudged)))
		return false
	}
	if mistake("a Set that is taken back does not nudge") {
		return !b.swap(let, v)
	}
	if mistake("a wait that did not sleep is let through because its seat is taken") {
		return o.seated(v.seat()) || !b.swap(let, v.in(berthNudged))
	}
`},
	{"a Set is taken back whatever the berth is", "", "", ""},
	{"a Set that is taken back does not nudge", "", "", ""},
	{"a wait that did not sleep is let through because its seat is taken", "", "", ""},
	{"the nudge is taken off after the look that it asks for", "berth.go",
		`		b.swap(mine.in(berthNudged), mine) // before the look that it asks for
		if b.look() != mine || !o.comeToBerth(true) {
			return nil
		}
`,
		`		if mistake("the nudge is taken off after the look that it asks for") {
			if v := b.look(); v.in(berthWaiting) != mine || v.isThrough() || !o.comeToBerth(true) {
				return nil
			}
			b.swap(mine.in(berthNudged), mine)
		} else if b.swap(mine.in(berthNudged), mine); b.look() != mine ||
			!mistake("a wait that sleeps again does not see to it that the word says so") && !o.comeToBerth(true) {
			return nil
		} else if mistake("a wait that sleeps again does not see to it that the word says so") &&
			o.state.load().value()&eventSignaled != 0 {
			return nil
		}
`},
	{"a wait that sleeps again does not see to it that the word says so", "", "", ""},
	{"a berth that was left is taken for what it was", "berth.go",
		`	return (v>>32+1)<<32 | berthWord`,
		`	if mistake("a berth that was left is taken for what it was") {
		return v>>32<<32 | berthWord(seat<<berthBits|berthWaiting)
	}
	return (v>>32+1)<<32 | berthWord`},
	{"a wait that was let through does not look whether it was", "berth.go",
		`			return !v.isThrough()`,
		`			return !v.isThrough() || mistake("a wait that was let through does not look whether it was")`},

	// Of manual-reset events.
	{"a Pulse counts no turn", "event.go",
		`		now := w.with(eventTurn(w.value() &^ eventSignaled))
`,
		`		now := w.with(eventTurn(w.value() &^ eventSignaled))
		if mistake("a Pulse counts no turn") {
			now = w.with(w.value() &^ eventSignaled)
		}
		if mistake("a Pulse leaves the seq as it is") {
			now = now&^seqMask | w&seqMask
		}
`},
	{"a Pulse leaves the seq as it is", "", "", ""},

	// Of semaphores.
	{"a Release of two wakes one", "semaphore.go",
		`o.changed(w, now, int(count))`,
		`o.changed(w, now, one(int(count), "a Release of two wakes one"))`},
	{"a Release takes no notice of a reservation", "semaphore.go",
		`		if w.value()&reserved != 0 {
			o.outlast(w)
			continue
		}
		before := int64(w.value())
		if before`,
		`		if w.value()&reserved != 0 && !mistake("a Release takes no notice of a reservation") {
			o.outlast(w)
			continue
		}
		before := int64(w.value() &^ reserved)
		if before`},

	// Of waits for all.
	{"the end of a reservation brings back the flags of its beginning", "waitall.go",
		`		default:
			o.exchange(words[i], words[i].value()&^reserved)
`,
		`		case mistake("the end of a reservation brings back the flags of its beginning"):
			for {
				now := o.state.load()
				if now.key() != words[i].key() || o.state.swap(now, now.with(now.value()&^reserved)&^crowded) {
					break
				}
			}
		default:
			o.exchange(words[i], words[i].value()&^reserved)
`},
	{"all are taken one after the other", "waitall.go",
		`	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inWorth, i)
		if ok, err := o.worth`,
		`	if mistake("all are taken one after the other") {
		for _, o := range w.objects {
			if got, _, err := o.take(0); !got || err != nil {
				return Outcome{}, false, false, err
			}
		}
		return Outcome{}, true, false, nil
	}
	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inWorth, i)
		if ok, err := o.worth`},
	{"each reserves in an order of its own", "waitall.go",
		`		return bytes.Compare(w.objects[a].token[:], w.objects[b].token[:])
`,
		`		if mistake("each reserves in an order of its own") && w.objects[0].id&1 != 0 {
			a, b = b, a
		}
		return bytes.Compare(w.objects[a].token[:], w.objects[b].token[:])
`},
	{"what is reserved is reserved by another one too", "waitall.go",
		`		case v&reserved != 0:
			if outlasted++`,
		`		case v&reserved != 0 && !mistake("what is reserved is reserved by another one too"):
			if outlasted++`},
	{"what changes by being taken is taken first", "waitall.go",
		`return w.objects[a].changes() - w.objects[b].changes() })`,
		`
			if mistake("what changes by being taken is taken first") {
				a, b = b, a
			}
			return w.objects[a].changes() - w.objects[b].changes()
		})`},
	{"the part that was taken is kept", "waitall.go",
		`			w.giveBack(order[:at], words)
`,
		`			if !mistake("the part that was taken is kept") {
				w.giveBack(order[:at], words)
			}
`},
	{"a wait that was stopped takes what is not reserved as it was", "waitall.go",
		`	v := as.value() &^ reserved
	if !o.exchange(as, o.rules.satisfied(v, o.id)) {
`,
		`	v := as.value() &^ reserved
	if mistake("a wait that was stopped takes what is not reserved as it was") {
		for {
			w := o.state.load()
			v = w.value() &^ reserved
			if !o.signaled(v, v) {
				return false, false
			}
			if o.state.swap(w, w.with(o.rules.satisfied(v, o.id))) {
				return o.taken(v), true
			}
		}
	}
	if !o.exchange(as, o.rules.satisfied(v, o.id)) {
`},
	{"a wait that may only look confirms an event that had a turn", "waitall.go",
		`		return false, o.state.load().key() == as.key()
`,
		`		if mistake("a wait that may only look confirms an event that had a turn") {
			now := o.state.load().value()
			return false, o.signaled(now, as.value()) || now&eventTurns != 0
		}
		if mistake("a wait that may only look confirms an event that is set again") {
			now := o.state.load().value()
			return false, o.signaled(now, now)
		}
		return false, o.state.load().key() == as.key()
`},
	{"a wait that may only look confirms an event that is set again", "", "", ""},
	{"a mutex that is given back was not abandoned", "mutex.go",
		`		o.giveUp(before & mutexAbandoned)
`,
		`		if mistake("a mutex that is given back was not abandoned") {
			before = 0
		}
		o.giveUp(before & mutexAbandoned)
`},

	// Of the patrol.
	{"the patrol does not look", "watch.go",
		`	since := here()
	w := o.state.load()
	last`,
		`	if mistake("the patrol does not look") {
		return true
	}
	since := here()
	w := o.state.load()
	last`},
	{"the patrol does not look whether the word says that somebody sleeps", "watch.go",
		`	flagged := w&sleepers != 0 && w.value()&eventSignaled == 0
`,
		`	flagged := w&sleepers != 0 && w.value()&eventSignaled == 0
	if mistake("the patrol does not look whether the word says that somebody sleeps") {
		flagged = w.value()&eventSignaled == 0
	}
	if mistake("the patrol does not look for turns") {
		last = w
	}
`},
	{"the patrol does not look for turns", "", "", ""},
	{"the patrol does not look for dead owners", "watch.go",
		`	o.buryOwner(w)
`,
		`	if !mistake("the patrol does not look for dead owners") {
		o.buryOwner(w)
	}
`},
	{"the patrol does not compare the word", "watch.go",
		`(w&crowded == 0 || w.key() != last.key() ||`,
		`(w&crowded == 0 || w.key() != last.key() && !mistake("the patrol does not compare the word") ||`},
	{"the patrol wakes the crowd, and its number stays", "watch.go",
		`		if !o.readOnly {
			o.state.crowd.Add(1) // for`,
		`		if !o.readOnly && !mistake("the patrol wakes the crowd, and its number stays") {
			o.state.crowd.Add(1) // for`},
	{"the patrol frees the berth of a wait that was let through", "berth.go",
		`		if !v.isWaiting() || v.seat() == o.id {
			continue
		}
		if !o.seated`,
		`		if !v.isWaiting() && !(v.isThrough() && mistake("the patrol frees the berth of a wait that was let through")) ||
			v.seat() == o.id {
			continue
		}
		if !o.seated`},
	{"the patrol frees the berths of the living", "berth.go",
		`		if !o.seated(v.seat()) {
			b.swap`,
		`		if mistake("the patrol frees the berths of the living") || !o.seated(v.seat()) {
			b.swap`},
	{"the patrol does not wake sleepers that were let through", "berth.go",
		`if v.seat() != o.id || !v.isThrough() && !(look && v.isWaiting()) {`,
		`if v.seat() != o.id || !(v.isThrough() && !mistake("the patrol does not wake sleepers that were let through")) &&
			!(look && v.isWaiting()) {`},
}
