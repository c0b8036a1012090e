package wine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// How often is looked. Asking for a name costs a tenth of a millisecond; whether it still refers to the same memory,
// three; which prefixes are running, some milliseconds.
const (
	namePause   = 20 * time.Millisecond
	memoryEvery = 5  // of these
	prefixEvery = 10 // of these
)

// follower is one Follow.
type follower struct {
	ctx     context.Context
	target  Target
	name    kernel.Name
	changes chan<- Change
	helpers map[int]*helper // by the wineserver's process id
	failing map[int]int     // how often a helper could not be started
	section *Attachment     // what the receiver was given last, while its name lives
	at      *helper         // where that is
}

func follow(ctx context.Context, target Target, changes chan<- Change) {
	if target.Access == 0 {
		target.Access = namedshm.Read
	}
	f := &follower{ctx: ctx, target: target, changes: changes, helpers: map[int]*helper{}, failing: map[int]int{}}
	defer f.end()
	name, err := parse(target.Name, target.Access)
	if err != nil {
		f.fail(codeError("follow", target.Name, err))
		return
	}
	f.name = name
	tick := time.NewTicker(namePause)
	defer tick.Stop()
	for round := 0; ; round++ {
		if err := f.look(round); err != nil {
			f.fail(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *follower) end() {
	for _, h := range f.helpers {
		h.close()
	}
}

// fail ends it with an error, unless the context has ended it.
func (f *follower) fail(err error) {
	if f.ctx.Err() == nil {
		send(f.ctx, f.changes, Change{Kind: Failed, Err: err})
	}
}

// look is one round.
func (f *follower) look(round int) error {
	if f.section != nil {
		return f.watch(round%memoryEvery == 0)
	}
	if round%prefixEvery == 0 || len(f.helpers) == 0 && round%2 == 0 {
		if err := f.enter(); err != nil {
			return err
		}
	}
	return f.find()
}

// enter starts a helper in every prefix that may be meant and has none.
func (f *follower) enter() error {
	running, err := prefixes()
	if err != nil {
		return err
	}
	for i := range running {
		p := &running[i]
		if f.helpers[p.Server] != nil || f.target.Prefix != "" && !p.is(f.target.Prefix) {
			continue
		}
		h, err := p.startHelper(f.ctx, nil)
		switch {
		case err == nil:
			f.helpers[p.Server] = h
		case errors.Is(err, ErrEnded):
		default:
			// A prefix that is just ending lets nobody in. One that keeps refusing has failed.
			if f.failing[p.Server]++; f.failing[p.Server] == 5 {
				return p.wrap("follow", f.target.Name, err)
			}
		}
	}
	if f.target.Prefix != "" && len(f.helpers) == 0 {
		return foreign(f.target.Prefix)
	}
	return nil
}

// find attaches to the section in the one prefix that has it.
func (f *follower) find() error {
	var found *Attachment
	var at *helper
	for server, h := range f.helpers {
		s, err := h.attach(f.ctx, f.name, f.target.Access)
		switch {
		case err == nil && found != nil:
			err := fmt.Errorf("follow %s: both %s and %s have it, say which", f.target.Name, found.Prefix.Path, s.Prefix.Path)
			found.Close()
			s.Close()
			return err
		case err == nil:
			found, at = s, h
			delete(f.failing, server)
		case isFault(err, fault.FileNotFound):
			delete(f.failing, server)
		case isFault(err, 0):
			if found != nil {
				found.Close()
			}
			return h.prefix.wrap("open", f.target.Name, err)
		default:
			if f.failing[server]++; f.failing[server] == 5 {
				return h.prefix.wrap("open", f.target.Name, err)
			}
			f.leave(server)
		}
	}
	if found == nil {
		return nil
	}
	f.section, f.at = found, at
	send(f.ctx, f.changes, Change{Kind: Attached, Attachment: found, Prefix: at.prefix.Path})
	return nil
}

// isFault reports an answer of Wine's, with this code or with any, and not that there was no answer.
func isFault(err error, code fault.Code) bool {
	var f *fault.Fault
	return errors.As(err, &f) && (code == 0 || f.Code == code)
}

// leave gives up a helper that does not answer any more.
func (f *follower) leave(server int) {
	f.helpers[server].close()
	delete(f.helpers, server)
}

// watch looks whether the section that the receiver has is still the one of the name. thoroughly asks for its memory,
// otherwise only for the name and for whether the wineserver still has the memory where it was.
func (f *follower) watch(thoroughly bool) error {
	same, err := f.at.current(f.ctx, f.name, f.section, thoroughly)
	switch {
	case err == nil && same:
		return nil
	case err == nil:
		s, err := f.at.attach(f.ctx, f.name, f.target.Access)
		if err == nil {
			f.section = s
			send(f.ctx, f.changes, Change{Kind: Replaced, Attachment: s, Prefix: f.at.prefix.Path})
			return nil
		}
		return f.lost(err)
	}
	return f.lost(err)
}

// lost reports that the section is gone. Why the name could not be opened decides what is reported.
func (f *follower) lost(err error) error {
	reason := HandleClosed
	if !isFault(err, 0) {
		if f.ctx.Err() != nil {
			return waiting.ContextError(f.ctx)
		}
		// The helper is gone; a prefix that is still there gets another one.
		serves := f.at.server.serves()
		f.leave(f.at.prefix.Server)
		if serves && !errors.Is(err, ErrEnded) {
			return f.regain()
		}
		reason = PrefixEnded
	}
	path := f.at.prefix.Path
	f.section, f.at = nil, nil
	send(f.ctx, f.changes, Change{Kind: Gone, Prefix: path, Reason: reason})
	return nil
}

// regain puts a new helper into the place of one that was killed. A wineserver ends its programs before it ends itself,
// so what could not be started because of that is the end of the prefix.
func (f *follower) regain() error {
	p := f.at.prefix
	h, err := p.startHelper(f.ctx, nil)
	if err == nil {
		f.helpers[p.Server], f.at = h, h
		return nil
	}
	if f.ctx.Err() != nil {
		return waiting.ContextError(f.ctx)
	}
	f.section, f.at = nil, nil
	send(f.ctx, f.changes, Change{Kind: Gone, Prefix: p.Path, Reason: PrefixEnded})
	return nil
}

func offer(ctx context.Context, which string, s *namedshm.Section, name string, changes chan<- Change) {
	for ctx.Err() == nil {
		p, err := Find(which)
		if errors.Is(err, ErrNoPrefix) {
			pause(ctx, namePause*2)
			continue
		}
		if err == nil {
			err = p.offer(ctx, s, name, changes)
		}
		if err != nil && ctx.Err() == nil {
			send(ctx, changes, Change{Kind: Failed, Err: err})
			return
		}
	}
}

// pause waits a little; it is false when the context is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// offer publishes the section while the prefix runs. It returns nil when that has ended.
func (p *Prefix) offer(ctx context.Context, s *namedshm.Section, name string, changes chan<- Change) error {
	published, told := false, false
	for ctx.Err() == nil {
		pub, err := p.Publish(ctx, s, name)
		switch {
		case err == nil:
			if !published {
				send(ctx, changes, Change{Kind: Published, Prefix: p.Path})
			}
			published, told = true, false
			select {
			case <-pub.Done():
				// The prefix has ended, or is about to. Or somebody has killed the helper; then the name is given once more.
			case <-ctx.Done():
			}
			pub.Close()
		case errors.Is(err, ErrEnded):
			if published {
				send(ctx, changes, Change{Kind: Gone, Prefix: p.Path, Reason: PrefixEnded})
			}
			return nil
		case errors.Is(err, namedshm.ErrAlreadyExists):
			if !told {
				published, told = false, true
				send(ctx, changes, Change{Kind: Taken, Prefix: p.Path})
			}
			if err := p.untilFree(ctx, name); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// untilFree waits until no section of the prefix has the name, or the prefix has ended.
func (p *Prefix) untilFree(ctx context.Context, name string) error {
	parsed, err := parse(name, namedshm.Read)
	if err != nil {
		return err
	}
	h, err := p.startHelper(ctx, nil)
	if err != nil {
		return err
	}
	defer h.close()
	for {
		there := false
		err := h.during(ctx, func() (err error) {
			there, err = h.exists(parsed)
			return err
		})
		if errors.Is(err, ErrEnded) || err == nil && !there {
			return nil
		}
		if err != nil || !pause(ctx, namePause) {
			return err
		}
	}
}
