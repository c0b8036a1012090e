//go:build unix && !aix

package kernel

import (
	"fmt"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// judgeParent returns why the directory's parent must not be used: others could replace the directory.
func (p *place) judgeParent(path string, st *unix.Stat_t) error {
	if p.protects(path, st) {
		return nil
	}
	advice := "it must belong to root or to you, and be sticky if others can write it"
	if p.users.mayHide(st.Uid) {
		advice += fmt.Sprintf("; in this user namespace %d is a user, and also what users outside it appear as; "+
			"only %s is trusted regardless, by its path", st.Uid, defaultRoot)
	}
	return &fault.Fault{Code: fault.AccessDenied, Advice: advice,
		Cause: fmt.Errorf("%s is refused: others can rename what is in it (user %d, mode %04o)", path, st.Uid,
			st.Mode&0o7777)}
}

// judgeShared is judgeParent for another directory that is open. Where names lie does not matter to it.
func judgeShared(path string, fd uintptr) error {
	known, _, err := placesNow()
	if err != nil {
		return err
	}
	p := known.local
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return pathError("fstat", path, err)
	}
	return p.judgeParent(path, &st)
}

// judge returns why a directory must not be used.
func (p *place) judge(st *unix.Stat_t) error {
	perm := uint32(st.Mode) & 0o7777
	if p.namespace == Global {
		switch {
		case !p.isRoots(st.Uid):
			return p.refuse(fmt.Sprintf("it belongs to user %d, not to %s", st.Uid, p.rootName()),
				"have "+p.rootName()+" run 'shm setup', which moves it aside")
		case perm&0o002 != 0:
			return p.refuse(fmt.Sprintf("everybody may write it (mode %04o)", perm), "have "+p.rootName()+" run 'shm setup'")
		case perm&0o020 != 0 && perm&unix.S_ISGID == 0:
			return p.refuse(fmt.Sprintf("its group may write it, but it is not setgid (mode %04o)", perm),
				"have "+p.rootName()+" run 'shm setup --group G'")
		}
		return nil
	}
	if !p.isOurs(st.Uid) {
		return p.refuse(fmt.Sprintf("it belongs to user %d, not to you (%d)", st.Uid, p.euid),
			"have its owner or root remove it")
	}
	if perm&^unix.S_ISGID != 0o700 { // setgid is inherited from some parents and means nothing here
		refusal := p.refuse(fmt.Sprintf("its mode is %04o, not 0700", perm), "chmod 700 it, if it was you who changed it")
		if perm&0o700 != 0o700 {
			// A process of ours may have made it under a umask that took bits away, and will mend that next.
			return whileNew(st, refusal)
		}
		return refusal
	}
	return nil
}

// judgeOpen returns why a directory must not be used that fstat shows to be right. Root puts its sign on a Global one.
func (p *place) judgeOpen(fd int, st *unix.Stat_t) error {
	switch {
	case p.namespace == Global && p.byRoot():
		vouch(fd) // setup and doctor report when that fails
	case p.namespace == Global && p.outer && !vouched(fd):
		// Root makes the directory first and signs it next.
		return whileNew(st, p.refuse("it may belong to anyone outside this user namespace: nothing shows that root made it",
			"have "+p.rootName()+" run 'shm setup', or any call for Global names"))
	case p.namespace == Local && p.users.mayHide(st.Uid) && !opensTo(fd):
		return p.refuse(fmt.Sprintf("it belongs to a user outside this user namespace who appears as you (%d)", st.Uid),
			"have its owner or root remove it")
	}
	return nil
}

// rootName is what to call the root that is responsible for Global names here.
func (p *place) rootName() string {
	if p.outer {
		return "the host's root"
	}
	return "root"
}

// refuse returns the error for something in the directory's place that must not be used.
func (p *place) refuse(why, advice string) *fault.Fault {
	return &fault.Fault{Code: fault.AccessDenied, Cause: fmt.Errorf("%s is refused: %s", p.dir, why), Advice: advice}
}

// whileNew marks a refusal as momentary if the directory changed less than a second ago, since it may be about to be
// right. The decision uses the same look that found the directory wrong: at a second look it may be right already.
func whileNew(st *unix.Stat_t, refusal *fault.Fault) *fault.Fault {
	if time.Since(time.Unix(st.Ctim.Unix())) < time.Second {
		refusal.Cause = &beingMade{refusal.Cause}
	}
	return refusal
}
