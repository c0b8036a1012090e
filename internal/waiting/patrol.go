package waiting

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// A process killed between a change and the wake-up that belongs to it, one killed or stopped when it was just woken,
// an owner that dies: none of them tells anybody. So each process with sleepers has one goroutine that looks after
// them, a few times in each tenth of a second, and wakes those that should have been woken. The sleepers themselves
// sleep without a limit.
//
// Its list holds only handles on which a wait sleeps, and handles that have just locked a mutex. Idle handles, however
// many, cost it nothing, nor does an owner for long. A handle stays for a few quiet rounds, so that one in constant use
// need not be put there each time.
var patrol struct {
	mu      sync.Mutex
	beats   map[ward]*beat
	running bool
}

// ward is what the patrol looks after: a handle, or a Sleeper.
type ward interface {
	// beat is what the patrol is to remember of the ward before the first look.
	beat() *beat
	// busy looks after those that sleep, and reports whether that has to be done again.
	busy(b *beat) bool
	// listed says that it is on the patrol's list, or about to be.
	listed() *atomic.Bool
}

// beat is what the patrol remembers of a ward.
type beat struct {
	last  uint64 // what it saw at the last look
	quiet int    // for how many rounds there was nothing to do
}

// patrolEvery is the time between two looks. A look, and getting a processor for it, together take less than the tenth
// of a second within which a dead owner must be noticed. Each look also wakes an idle runtime, which then looks around
// for longer than the look itself takes.
const patrolEvery = 50 * time.Millisecond

// quietRounds is how long a ward stays on the list for nothing.
const quietRounds = 5

// enlist puts a ward on the patrol's list. It is called after whatever is to be looked after has become visible to it.
func enlist(w ward) {
	// A wait that goes to sleep looks for itself after this, so changes from before need not be reported to it.
	b := w.beat()
	if !w.listed().CompareAndSwap(false, true) || fault.Mistake("no patrol") {
		return
	}
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	if patrol.beats == nil {
		patrol.beats = map[ward]*beat{}
	}
	patrol.beats[w] = b
	if !patrol.running {
		patrol.running = true
		go goOnPatrol()
	}
}

// discharge takes a ward off the list for good. It is not looked after any more when that returns.
func discharge(w ward) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	delete(patrol.beats, w)
}

func goOnPatrol() {
	ticker := time.NewTicker(patrolEvery)
	defer ticker.Stop()
	var round []ward
	for {
		<-ticker.C
		if round = patrolRound(round[:0]); len(round) == 0 {
			return
		}
		for _, w := range round {
			lookIn(w)
		}
		clear(round)
	}
}

// patrolRound appends the wards on the list. When there are none the patrol is over.
func patrolRound(round []ward) []ward {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	for w := range patrol.beats {
		round = append(round, w)
	}
	patrol.running = len(round) > 0
	return round
}

// lookIn looks after a ward, unless it was discharged meanwhile, and takes it off the list when it was quiet for long.
// Nobody else waits for more than one such look, and it waits for nobody.
func lookIn(w ward) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	b := patrol.beats[w]
	if b == nil {
		return
	}
	if w.busy(b) {
		b.quiet = 0
		return
	}
	if b.quiet++; b.quiet >= quietRounds {
		retire(w, b)
	}
}

// retire takes a ward off the list for as long as nobody sleeps. The patrol is locked.
func retire(w ward, b *beat) {
	w.listed().Store(false)
	// A wait that came after the look and before this store relied on us.
	if w.busy(b) && w.listed().CompareAndSwap(false, true) {
		b.quiet = 0
		return
	}
	delete(patrol.beats, w)
}
