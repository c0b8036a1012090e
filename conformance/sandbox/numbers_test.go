//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// TestOneUserAfterTheOther: what the processes of one user left, killed, is in nobody's way who gets the numbers of his
// namespaces: six users are root of their own, one after the other, and the kernel gives what is free.
func TestOneUserAfterTheOther(t *testing.T) {
	s := newSetting(t)
	var before []string
	again := 0
	for i := range 6 {
		l := s.in(rootOfHisOwn(&actors.User{UID: 64120 + i, GID: 64120 + i}))
		got := strings.Join(l.Must(request{Op: "numbers"}).List, " ")
		if slices.Contains(before, got) {
			again++
		}
		before = append(before, got)
		l.Must(request{Op: "create", Name: "Object"})
		l.Kill()
	}
	t.Logf("the same numbers were given again %d times", again)
}

// TestNumbersThatCameAgain: the same with the numbers given: whatever directory a stranger who had them left, under the
// name that he has in this version or in an earlier one.
func TestNumbersThatCameAgain(t *testing.T) {
	for _, h := range houses() {
		if h.title == "a service" || h.title == bubble(resident).title || h.title == houses()[2].title {
			continue // these users have their own numbers, which no stranger has had
		}
		t.Run(h.title, func(t *testing.T) {
			s := newSetting(t)
			l := s.in(h)
			n := l.Must(request{Op: "numbers"}).List
			earlier := fmt.Sprintf("%s/namedshm-u%s-p%s-n%s", shm, n[0], n[1], n[2])
			plant(t, earlier, 0o700, stranger)
			plant(t, fmt.Sprintf("%s-o%d", earlier, stranger.UID), 0o700, stranger)
			l.Must(request{Op: "create", Name: "Object"})
		})
	}
}

// TestNamesOfDirectories: what directories are called is an agreement between the processes of all versions. In the
// first user namespace, and in one whose /dev/shm is its own, nothing has been added to the name.
func TestNamesOfDirectories(t *testing.T) {
	for _, c := range []struct {
		house  house
		suffix string
	}{
		{house{title: "the host"}, ""},
		{rootOfHisOwn(resident), fmt.Sprintf("-n%%s-o%d", resident.UID)},
		{houses()[1], fmt.Sprintf("-n%%s-o%d", subIDs)},
		{bubble(resident), "-n%s"},
		{houses()[2], "-n%s"},
		{privateShm(), "-n%s"},
	} {
		t.Run(c.house.title, func(t *testing.T) {
			s := newSetting(t)
			a := s.host(resident)
			if c.house.prepare != nil {
				a = s.in(c.house).actor
			}
			n := a.Must(request{Op: "numbers"}).List
			a.Must(request{Op: "create", Name: "Object"})
			want := fmt.Sprintf("namedshm-u%s-p%s", n[0], n[1])
			if c.suffix != "" {
				want += fmt.Sprintf(c.suffix, n[2])
			}
			got := a.Must(request{Op: "directories"}).List
			if !slices.Equal(got, []string{want}) {
				t.Errorf("the directories are %q, want %s", got, want)
			}
		})
	}
}

// TestLastEntryTakesTheDirectory: in a directory above that strangers use too nothing stays when the last object is
// gone, and who makes one while another process removes the directory does not notice.
func TestLastEntryTakesTheDirectory(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		var all []*lodger
		for range 4 {
			all = append(all, l.let())
		}
		waiter := l.let()
		waiter.waitFor("Later")
		for i, p := range all {
			p.ask(request{Op: "churn", Name: fmt.Sprintf("Object%d", i%2), Number: 100})
		}
		for _, p := range all {
			if got := p.answer(); got.Error != "" {
				t.Error(got.Error)
			}
		}
		if left := s.directories(); len(left) != 0 {
			t.Errorf("there are %q", left)
		}
		later := all[0].must(request{Op: "create", Name: "Later"}).Handle
		opened := waiter.answer()
		if opened.Error != "" {
			t.Errorf("who waited all the time: %s", opened.Error)
		}
		all[0].must(request{Op: "close", Handle: later})
		waiter.must(request{Op: "close", Handle: opened.Handle})
		killed := l.let()
		killed.must(request{Op: "create", Name: "Object"})
		killed.kill()
		// The next who comes across it buries what the killed process left, and the directory with it.
		all[0].do(request{Op: "open", Name: "Object"})
		if left := s.directories(); len(left) != 0 {
			t.Errorf("after a burial there are %q", left)
		}
	})
}

// TestWaitOutlivesTheDirectory: who waits for a name hears of it though its directory is removed meanwhile, once or
// more, and made again, whoever does that, and even if it stands still until both has happened.
func TestWaitOutlivesTheDirectory(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		maker := l.let()
		for i, c := range []struct {
			title            string
			before, standing bool
			remove           func()
			times            int
		}{
			{"by the last object", true, false, nil, 1},
			{"by the last object, while it stands still", true, true, nil, 1},
			{"while it stands still, and there was none before", false, true, nil, 1},
			{"several times while it stands still", true, true, nil, 3},
			{"by a stranger", true, true, func() { must(t, os.RemoveAll(s.local())) }, 1},
		} {
			waiter := l.let()
			name := fmt.Sprintf("Later%d", i)
			var keep int
			if c.before {
				keep = maker.must(request{Op: "create", Name: "Keep"}).Handle
			}
			waiter.waitFor(name)
			if c.standing {
				waiter.stop()
			}
			for range c.times {
				if c.remove != nil {
					c.remove()
				}
				if c.before {
					maker.must(request{Op: "close", Handle: keep})
				}
				if left := s.directories(); len(left) != 0 {
					t.Errorf("%s: there are %q", c.title, left)
				}
				keep = maker.must(request{Op: "create", Name: "Keep"}).Handle
				c.before = true
			}
			if c.standing {
				waiter.resume()
			}
			later := maker.must(request{Op: "create", Name: name}).Handle
			if got := waiter.answer(); got.Error != "" {
				t.Errorf("%s: %s", c.title, got.Error)
			}
			waiter.kill()
			maker.must(request{Op: "close", Handle: later})
			maker.must(request{Op: "close", Handle: keep})
		}
	})
}

// TestManyDirectories: a process whose objects come and go has as many descriptors after hundreds of them as after one,
// though each time the directory is removed with the last object, by itself, or by somebody else, and made again.
func TestManyDirectories(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		a := l.let()
		a.must(request{Op: "churn", Name: "Object", Number: 1})
		before := a.must(request{Op: "descriptors"}).Number
		a.must(request{Op: "churn", Name: "Object", Number: 300})
		a.must(request{Op: "crowd", Name: "Object", Number: 100})
		for range 20 {
			made := a.must(request{Op: "create", Name: "Object"}).Handle
			must(t, os.RemoveAll(s.local()))
			a.must(request{Op: "close", Handle: made})
		}
		// the last directory, and what is in the making
		if after := a.must(request{Op: "descriptors"}).Number; after > before+2 {
			t.Errorf("there were %d descriptors, there are %d", before, after)
		}
	})
}

// names are the library's directories in /dev/shm.
func names() (found []string, err error) {
	entries, err := os.ReadDir(shm)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "namedshm-") {
			found = append(found, e.Name())
		}
	}
	return found, err
}
