package kernel

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// A rehearsal finds out whether objects can be made and opened here by doing it, with the same code as everybody, so
// that what it reports and what a create reports cannot differ.
//
// Nobody else meets its objects: see rehearsalName. If the namespace's directory does not exist yet, the rehearsal uses
// one of its own, for its owner alone. A rehearsal that is killed leaves what any killed program leaves, a dead entry;
// or that directory. The next one removes both, and gc removes the entry.

// besideName is how the names of such directories begin.
func (p *place) besideName() string {
	if p.namespace == Global {
		return "namedshm-doctor-global-"
	}
	return "namedshm-doctor-local-"
}

// rehearse makes a section and an event in a place, opens both through a second handle, uses them and closes them.
func (p *place) rehearse() error {
	if mistake("doctor believes without trying") {
		return nil
	}
	p.sweepOthers() // what a killed one left
	name := Name{p.namespace, rehearsalName + randomText()}
	err := p.rehearseSection(name)
	if err == nil && waiting.SharedAtomics {
		err = p.rehearseEvent(name)
	}
	if err != nil && p.opened.Load() != nil {
		p.pin()
		unix.Unlinkat(p.at(), fileName(name.Base), 0) // without the right to query locks each close leaves an entry
		p.unpin()
	}
	return err
}

func randomText() string {
	var b [8]byte
	crand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (p *place) rehearseSection(name Name) error {
	ctx := context.Background()
	m := &making{Spec: Spec{Size: pageSize, Protection: PageReadWrite}, access: Read | Write, kind: KindSection}
	made, _, err := p.createObject(ctx, name, m, MustBeNew)
	if err != nil {
		return err
	}
	opened, err := openInPlace(ctx, p, name, KindSection, Read|Write)
	if err != nil {
		made.close()
		return err
	}
	v, err := opened.mapView(0, 0, Read|Write)
	if err == nil {
		v.mapped[0] = 1
		err = v.unmap()
	}
	return cmp.Or(err, made.close(), opened.close())
}

func (p *place) rehearseEvent(name Name) error {
	if err := checkWaitVariable(); err != nil {
		return err
	}
	ctx := context.Background()
	native, _, err := p.createWaitable(ctx, name, WaitableSpec{Kind: KindEvent, Manual: true}, MustBeNew)
	if err != nil {
		return err
	}
	made := newWaitable("", KindEvent, allRights, native)
	defer made.Close()
	h, err := openInPlace(ctx, p, name, KindEvent, waitableAccess)
	if err != nil {
		return err
	}
	if native, err = waitableOn(h, waitableAccess); err != nil {
		return err
	}
	opened := newWaitable("", KindEvent, allRights, native)
	defer opened.Close()
	if err := made.Set(); err != nil {
		return err
	}
	got, _, err := opened.Try()
	if err == nil && !got {
		err = fault.Fail(fault.FileCorrupt, "an event set through one handle is not set through another")
	}
	return err
}

// sweepRehearsals buries the entries of rehearsals that were killed.
func (p *place) sweepRehearsals() (found []Burial) {
	files, _ := directoryNames(p.dir)
	for _, file := range files {
		if !strings.HasPrefix(file, rehearsalFile) {
			continue
		}
		if b, ok := p.buryOne(file); ok {
			b.Name, b.What = p.path(file), "left by a doctor that was killed"
			found = append(found, b)
		}
	}
	return found
}

// twin returns a place like this one, in another directory.
func (p *place) twin(dir string) *place {
	q := newPlace(p.namespace, dir, p.euid, p.backing, p.locks)
	q.users, q.outer = p.users, p.outer
	return q
}

const besideFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// besideTries is how often to make a directory, which another doctor of the same user may take for a dead one's and
// remove.
const besideTries = 100

// beside returns a place like this one in a directory of its own, for a rehearsal if this one's does not exist. done
// removes it. Others can neither open that directory nor delay the rehearsal: it is for its owner alone, and nothing
// waits for others.
func (p *place) beside() (q *place, done func(), err error) {
	p.sweepBeside()
	for range besideTries {
		q = p.twin(below(root(), p.besideName()+randomText()))
		q.secret = true
		if err := q.ensure(); err != nil {
			q.removeBeside(-1)
			return q, nil, err
		}
		fd, err := openAt(q.at(), ".", besideFlags, 0)
		if err != nil && err != unix.ENOENT {
			q.removeBeside(-1)
			return q, nil, q.fault("open", q.dir, err)
		}
		if err == nil && claimBeside(fd) && !q.gone() { // the lock says that the directory is in use: see sweepBeside
			return q, func() { q.removeBeside(fd) }, nil
		}
		q.removeBeside(fd)
	}
	return nil, nil, fault.Fail(fault.Busy, "%s is removed each time it is created", q.dir)
}

// claimBeside locks a rehearsal's directory.
func claimBeside(fd int) bool {
	return uninterrupted(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }) == nil
}

// removeBeside removes a rehearsal's directory with what is in it. fd is a descriptor of it, which is closed; -1 for
// none.
func (p *place) removeBeside(fd int) {
	if fd >= 0 {
		if list, err := openAt(fd, ".", besideFlags, 0); err == nil {
			readNames(list, mostElsewhere, func(file string) { unix.Unlinkat(fd, file, 0) })
		}
	}
	if parent, refusal, err := p.openParent(); err == nil {
		if refusal == nil {
			unix.Unlinkat(parent, p.base(), unix.AT_REMOVEDIR)
		}
		unix.Close(parent)
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	if d := p.opened.Load(); d != nil {
		unix.Close(d.fd) // no other goroutine knows this place
	}
}

// sweepBeside removes the directories of this user's rehearsals that were killed: nobody has them locked.
func (p *place) sweepBeside() {
	parent, refusal, err := p.openParent()
	if err != nil {
		return
	}
	defer unix.Close(parent)
	if refusal != nil {
		return
	}
	list, err := openAt(parent, ".", besideFlags, 0)
	if err != nil {
		return
	}
	readNames(list, mostBeside, func(name string) {
		if strings.HasPrefix(name, p.besideName()) {
			p.sweepOneBeside(parent, name)
		}
	})
}

// sweepOneBeside removes such a directory, unless it is another user's or in use.
func (p *place) sweepOneBeside(parent int, name string) {
	at, err := openUnserved(parent, name)
	if err != nil {
		return
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if unix.Fstat(at, &st) != nil || int(st.Uid) != p.euid {
		return
	}
	fd, err := openAt(at, ".", besideFlags, 0)
	if err != nil {
		return
	}
	if !claimBeside(fd) {
		unix.Close(fd)
		return
	}
	q := p.twin(below(root(), name))
	if p.namespace == Global && q.check() == nil {
		q.sweepOthers() // it may have left a segment
	}
	q.removeBeside(fd)
}

// examinePlace reports whether there can be objects in a namespace, and where.
func examinePlace(n Namespace) []Check {
	title := strings.TrimSuffix(n.String(), `\`)
	where, what := Check{Topic: title + " directory"}, Check{Topic: title + " objects"}
	p, err := placeOf(n)
	if err != nil {
		return []Check{failed(where.Topic, Missing, err), failed(what.Topic, Missing, err)}
	}
	switch err = p.check(); {
	case err == nil:
		where.Detail = p.dir
		tried := p.rehearse()
		where = p.checkDirectory(where, p.lacksRight(tried))
		if p.lacksRight(tried) {
			return []Check{where, p.checkOpening(what)}
		}
		return []Check{where, p.rehearsed(what, p, tried)}
	case fault.CodeOf(err) != fault.FileNotFound:
		return []Check{failed(where.Topic, Missing, err), failed(what.Topic, Missing, err)}
	case n == Global && !p.byRoot():
		where.Status, where.Detail, where.Advice = Warning, p.dir+" does not exist: there are no Global names",
			p.globalAdvice()
		return []Check{where, p.checkOpening(what)}
	}
	q, done, err := p.beside()
	if err != nil {
		return []Check{p.failed(where.Topic, q, err), p.failed(what.Topic, q, err)}
	}
	defer done()
	where.Detail = p.dir + " (made on first use)"
	if n == Global {
		where.Detail, where.Advice = p.dir+" (made on first use, for root alone)",
			"'shm setup --group G' makes it for a group"
		where = p.checkSign(where, q)
	}
	return []Check{where, p.rehearsed(what, q, q.rehearse())}
}

// lacksRight reports a failure by a user who may only open what others make in Global. It does not ask what failed: a
// sandbox, or a read-only file system, may have come first.
func (p *place) lacksRight(err error) bool { return err != nil && p.deniesWriting() }

// rehearsed reports on this place after a rehearsal in another, which ended with err.
func (p *place) rehearsed(c Check, in *place, err error) Check {
	if err != nil {
		return p.failed(c.Topic, in, err)
	}
	c.Detail = "a section and an event were created, opened, used and closed"
	return c
}

// failed is a check that failed in another place, worded as for this one.
func (p *place) failed(topic string, in *place, err error) Check {
	c := failed(topic, Missing, err)
	if in != nil {
		c.Detail, c.Advice = strings.ReplaceAll(c.Detail, in.dir, p.dir), strings.ReplaceAll(c.Advice, in.dir, p.dir)
	}
	return c
}

// checkOpening is for a user who cannot make objects in Global, but can perhaps open them. There may be none to open.
// So it asks whether the calls are allowed, with an id that no segment has and a descriptor that no file has.
func (p *place) checkOpening(c Check) Check {
	if err := p.tryOpening(); err != nil {
		return failed(c.Topic, Missing, err)
	}
	c.Status, c.Detail = Warning, fmt.Sprintf("this user can open what others create in %s, but not create anything there",
		p.dir)
	c.Advice = p.globalAdvice()
	return c
}

func (p *place) tryOpening() error {
	if mistake("doctor believes without trying") {
		return nil
	}
	locks := []int{unix.F_OFD_GETLK, unix.F_OFD_SETLK}
	if p.locks.ofProcess() {
		locks = []int{unix.F_GETLK, unix.F_SETLK}
	}
	for _, command := range locks {
		if err := setLock(-1, command, &unix.Flock_t{Type: unix.F_RDLCK}); filtered(err) {
			return p.fault("lock", p.dir, err)
		}
	}
	return p.backing.tryReach()
}
