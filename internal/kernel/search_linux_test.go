package kernel

import (
	"context"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestHandedOnDuringASearch: memory goes from hand to hand during a search, which has passed its holder each time. Then
// the slots are looked at again: the holders on record are now others.
func TestHandedOnDuringASearch(t *testing.T) {
	needNative(t)
	ownRoot(t)
	const name = `Local\Handed`
	open := func() *Section {
		t.Helper()
		s, err := OpenSection(context.Background(), name, Read|Write)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, _, err := CreateSection(context.Background(), name, Spec{Size: 4096, Protection: PageReadWrite}, Read|Write,
		MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	p, err := placeOf(Local)
	if err != nil {
		t.Fatal(err)
	}
	// A record that leads nowhere, like that of a process that has ended while its forked child has the handle.
	stale := door{pid: 1 << 30, descriptor: 3, mode: 2}.encode()
	if _, err := writeAt(first.native.entry.fd, stale, slotsAt+first.native.at*slotLen); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		meanwhile func()
		want      func(error) bool
	}{
		{"nothing happens", func() {}, func(err error) bool { return fault.CodeOf(err) == fault.AccessDenied }},
		{"another one opens it", func() { t.Cleanup(closing(open())) }, func(err error) bool { return err == nil }},
		{"it is given on, and its slot is used again", func() {
			second := open()
			first.Close()
			third := open()
			second.Close()
			t.Cleanup(closing(third))
		}, func(err error) bool { return err == nil }},
	} {
		e, err := p.openEntry("Handed", p.backing.openFlags())
		if err != nil {
			t.Fatal(err)
		}
		searches := 0
		m, err := memfdBacking{}.reachBy(p, e, Read, means{func(int) (memory, error) {
			searches++
			c.meanwhile()
			return nil, nil
		}, isExitingProcess})
		if !c.want(err) || searches > 1 {
			t.Errorf("%s: %v after %d searches", c.name, err, searches)
		}
		if m != nil {
			m.close()
		}
		p.locks.closeEntry(e)
	}
}

// TestOneSearchForAnExitingHolder: an opener that waits for a holder to be gone looks at it and at the records each
// time, and does not search all processes again unless a new holder has come, the old one is not exiting after all, or
// some time has passed.
func TestOneSearchForAnExitingHolder(t *testing.T) {
	needNative(t)
	ownRoot(t)
	holder, _, err := CreateSection(context.Background(), `Local\Exiting`, Spec{Size: 4096, Protection: PageReadWrite},
		Read|Write, MustBeNew)
	must(t, err)
	defer holder.Close()
	record := func(pid int32) {
		_, err := writeAt(holder.native.entry.fd, door{pid: pid, descriptor: 3, mode: 2}.encode(),
			slotsAt+holder.native.at*slotLen)
		must(t, err)
	}
	record(1 << 30)
	p, err := placeOf(Local)
	must(t, err)
	searches, looks := 0, 0
	reach := func(exiting bool) (*entry, error) {
		t.Helper()
		e, err := p.openEntry("Exiting", p.backing.openFlags())
		must(t, err)
		defer p.locks.closeEntry(e)
		m, err := memfdBacking{}.reachBy(p, e, Read, means{
			func(int) (memory, error) { searches++; return nil, nil },
			func(int) bool { looks++; return exiting },
		})
		if m != nil {
			t.Error("there is memory behind a record that leads nowhere")
		}
		return e, err
	}
	wants := func(what string, exiting bool, wantCode fault.Code, wantSearches int) *entry {
		t.Helper()
		searches, looks = 0, 0
		e, err := reach(exiting)
		if fault.CodeOf(err) != wantCode || searches != wantSearches || looks == 0 {
			t.Errorf("%s: %v after %d searches and %d looks, want code %v after %d", what, err, searches, looks, wantCode,
				wantSearches)
		}
		return e
	}
	e := wants("at first", true, fault.Busy, 1)
	if _, noted := vainSearches.known[e.token]; !noted {
		t.Error("a search in vain is not remembered")
	}
	vainSearches.note(e, time.Hour)
	for range 3 {
		wants("soon after", true, fault.Busy, 0)
	}
	wants("it was not exiting", false, fault.AccessDenied, 1)
	wants("soon after again", true, fault.Busy, 0)
	record(1<<30 + 1)
	wants("another has come", true, fault.Busy, 1)
	vainSearches.note(e, -time.Hour)
	wants("much later", true, fault.Busy, 1)
}

func closing(s *Section) func() { return func() { s.Close() } }
