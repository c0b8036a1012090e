package namedshm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// onUnix ends a test about permission bits where there are none.
func onUnix(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has security descriptors instead")
	}
}

func shared(with namedshm.Audience, access namedshm.Access) []namedshm.SectionOption {
	return []namedshm.SectionOption{namedshm.ShareAccess(with, access)}
}

func TestAudiences(t *testing.T) {
	onUnix(t)
	_, prefixes := isolate(t)
	if len(prefixes) < 2 {
		t.Skip("an audience matters for Global names, which root makes")
	}
	for what, c := range map[string]struct {
		share   []namedshm.SectionOption
		protect namedshm.Protection
		want    string
	}{
		"the owner":                 {nil, namedshm.PageReadWrite, "0600"},
		"everyone to read":          {shared(namedshm.Everyone(), namedshm.Read), namedshm.PageReadWrite, "0644"},
		"everyone to write":         {shared(namedshm.Everyone(), namedshm.ReadWrite), namedshm.PageReadWrite, "0666"},
		"everyone to write, a word": {shared(namedshm.Everyone(), namedshm.Write), namedshm.PageReadWrite, "0666"},
		"everyone, read-only":       {shared(namedshm.Everyone(), namedshm.ReadWrite), namedshm.PageReadOnly, "0444"},
		"a group to read":           {shared(namedshm.Group("0"), namedshm.Read), namedshm.PageReadWrite, "0640"},
		"a group to write":          {shared(namedshm.Group("0"), namedshm.ReadWrite), namedshm.PageReadWrite, "0660"},
	} {
		name := ownName(t, `Global\`)
		s := mustCreate(t, name, 4096, namedshm.Read, append(c.share, namedshm.WithProtection(c.protect))...)
		info, err := inspect.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Security != c.want {
			t.Errorf("%s: mode %s, want %s", what, info.Security, c.want)
		}
		s.Close()
	}
}

func TestBadAudiences(t *testing.T) {
	onUnix(t)
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		name := ownName(t, prefix)
		for what, c := range map[string]struct {
			share namedshm.SectionOption
			want  namedshm.Code
		}{
			"a security descriptor": {namedshm.SecurityDescriptor("D:(A;;GA;;;WD)"), 50},
			"everyone, to nothing":  {namedshm.ShareAccess(namedshm.Everyone(), 0), namedshm.ErrInvalidParameter},
			"everyone, to copy":     {namedshm.ShareAccess(namedshm.Everyone(), namedshm.Copy), namedshm.ErrInvalidParameter},
			"a group, to execute": {namedshm.ShareAccess(namedshm.Group("0"), namedshm.Read|namedshm.Execute),
				namedshm.ErrInvalidParameter},
			"nobody":            {namedshm.ShareAccess(namedshm.Audience{}, namedshm.Read), namedshm.ErrInvalidParameter},
			"no option":         {nil, namedshm.ErrInvalidParameter},
			"no option for any": {namedshm.Option(nil), namedshm.ErrInvalidParameter},
		} {
			_, err := namedshm.Create(name, 4096, namedshm.Read, c.share)
			wantCode(t, what, err, c.want)
			_, _, err = namedshm.OpenOrCreate(name, 4096, namedshm.Read, namedshm.NoCommit(), c.share)
			wantCode(t, what+", opened or created", err, c.want)
			if c.want == 50 && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%v does not match errors.ErrUnsupported", err)
			}
		}
		if prefix == `Global\` {
			_, err := namedshm.Create(name, 4096, namedshm.Read,
				namedshm.ShareAccess(namedshm.Group("no-such-group"), namedshm.Read))
			wantCode(t, "an unknown group", err, 1332)
		}
		_, err := namedshm.Open(name, namedshm.Read)
		wantCode(t, "what could not be made", err, namedshm.ErrFileNotFound)
	}
}

// TestSharedRights: what others may do to an event, a mutex or a semaphore, in modes.
func TestSharedRights(t *testing.T) {
	onUnix(t)
	_, prefixes := isolate(t)
	if len(prefixes) < 2 {
		t.Skip("an audience matters for Global names, which root makes")
	}
	group := namedshm.Group("0")
	for i, c := range []struct {
		kind   string
		with   namedshm.Audience
		rights namedshm.Rights
		want   string
		code   namedshm.Code
	}{
		{"manual event", namedshm.Everyone(), namedshm.Synchronize, "0644", 0},
		{"manual event", namedshm.Everyone(), namedshm.AllRights, "0666", 0},
		{"auto event", group, namedshm.AllRights, "0660", 0},
		// there is nothing to withhold from a user who may lock it
		{"mutex", namedshm.Everyone(), namedshm.Synchronize, "0666", 0},
		{"mutex", group, namedshm.AllRights, "0660", 0},
		{"semaphore", namedshm.Everyone(), namedshm.AllRights, "0666", 0},
		{"auto event", namedshm.Everyone(), namedshm.Synchronize, "", 50},
		{"semaphore", group, namedshm.Synchronize, "", 50},
		{"mutex", namedshm.Everyone(), namedshm.ModifyState, "", namedshm.ErrInvalidParameter},
		{"manual event", namedshm.Everyone(), 0, "", namedshm.ErrInvalidParameter},
		{"semaphore", group, namedshm.AllRights | 1, "", namedshm.ErrInvalidParameter},
		{"mutex", namedshm.Audience{}, namedshm.AllRights, "", namedshm.ErrInvalidParameter},
	} {
		name := fmt.Sprint(ownName(t, `Global\`), ".", i)
		what := fmt.Sprintf("%s for %v", c.kind, c.rights)
		w, err := makeWaitable(c.kind, name, namedshm.ShareRights(c.with, c.rights))
		if c.code != 0 {
			wantCode(t, what, err, c.code)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if info, err := inspect.Stat(name); err != nil || info.Security != c.want || info.Rights != namedshm.AllRights {
			t.Errorf("%s: mode %s, rights %v (%v), want %s and all rights", what, info.Security, info.Rights, err, c.want)
		}
		w.Close()
	}
}

// makeWaitable makes an object of a kind.
func makeWaitable(kind, name string, options ...namedshm.WaitableOption) (namedshm.Waitable, error) {
	switch kind {
	case "manual event":
		return namedshm.CreateEvent(name, namedshm.ManualReset, false, options...)
	case "auto event":
		return namedshm.CreateEvent(name, namedshm.AutoReset, false, options...)
	case "mutex":
		return namedshm.CreateMutex(name, false, options...)
	}
	return namedshm.CreateSemaphore(name, 0, 1, options...)
}

// TestNilOptions: a nil option is an error, of whatever type it is, for every kind, with a name and without.
func TestNilOptions(t *testing.T) {
	_, prefixes := isolate(t)
	for _, prefix := range append(prefixes, "") {
		name := ""
		if prefix != "" {
			name = ownName(t, prefix)
		}
		_, err := namedshm.Create(name, 1, namedshm.Read, namedshm.CommitNow(), nil)
		wantCode(t, "a section", err, namedshm.ErrInvalidParameter)
		for _, option := range []namedshm.WaitableOption{nil, namedshm.Option(nil)} {
			for _, kind := range []string{"manual event", "mutex", "semaphore"} {
				_, err := makeWaitable(kind, name, option)
				wantCode(t, kind, err, namedshm.ErrInvalidParameter)
			}
		}
		_, _, err = namedshm.OpenOrCreateMutex(name, false, nil)
		wantCode(t, "a mutex, opened or created", err, namedshm.ErrInvalidParameter)
	}
	if found, err := inspect.Names(namedshm.Local); err != nil || len(found) != 0 && runtime.GOOS != "windows" {
		t.Errorf("made all the same: %q, %v", found, err)
	}
}

// TestBadResetModes: a mode that is none is refused, before the name is looked at, and not taken for AutoReset.
func TestBadResetModes(t *testing.T) {
	_, prefixes := isolate(t)
	for _, name := range append(prefixes, "", `Local\a\b`) {
		for _, mode := range []namedshm.ResetMode{2, 7, 255} {
			_, err := namedshm.CreateEvent(name, mode, true)
			wantCode(t, fmt.Sprintf("%q, mode %d", name, mode), err, namedshm.ErrInvalidParameter)
			_, _, err = namedshm.OpenOrCreateEvent(name, mode, false)
			wantCode(t, fmt.Sprintf("%q, mode %d, opened or created", name, mode), err, namedshm.ErrInvalidParameter)
		}
	}
}

// TestOptionsFitTheirKinds: what the compiler refuses. An option of sections is none of events, and none of either is
// made elsewhere.
func TestOptionsFitTheirKinds(t *testing.T) {
	section, waitable, both := reflect.TypeFor[namedshm.SectionOption](), reflect.TypeFor[namedshm.WaitableOption](),
		reflect.TypeFor[namedshm.Option]()
	for _, c := range []struct {
		from, to reflect.Type
		fits     bool
	}{
		{section, waitable, false}, {waitable, section, false}, {section, both, false}, {waitable, both, false},
		{both, section, true}, {both, waitable, true},
		{reflect.TypeFor[func()](), section, false}, {reflect.TypeFor[imitation](), section, false},
	} {
		if got := c.from.AssignableTo(c.to); got != c.fits {
			t.Errorf("%v for %v: %v, want %v", c.from, c.to, got, c.fits)
		}
	}
	for _, option := range []reflect.Type{section, waitable, both} {
		for method := range option.Methods() {
			if method.IsExported() {
				t.Errorf("%v has %s, which is for nobody", option, method.Name)
			}
		}
	}
}

// imitation has the methods of an option, by name.
type imitation struct{}

//lint:ignore U1000 it is there to be of the same name
func (imitation) forSection() {}

//lint:ignore U1000 as above
func (imitation) forWaitable() {}

// TestCommit: what is committed is there from the beginning, what is not is not there before it is used, and what the
// machine does not have is refused.
func TestCommit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident bytes are Linux' own")
	}
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		const size = 8 << 20
		for what, c := range map[string]struct {
			option namedshm.SectionOption
			want   int64
		}{"CommitNow": {namedshm.CommitNow(), size}, "NoCommit": {namedshm.NoCommit(), 0}} {
			name := ownName(t, prefix) + what
			s := mustCreate(t, name, size, namedshm.ReadWrite, c.option)
			info, err := inspect.Stat(name)
			if err != nil || info.Resident != c.want {
				t.Errorf("%s%s: %d bytes are resident (%v), want %d", prefix, what, info.Resident, err, c.want)
			}
			s.Close()
		}
		for _, options := range [][]namedshm.SectionOption{{namedshm.CommitNow()}, nil} {
			_, err := namedshm.Create(ownName(t, prefix), 1<<46, namedshm.Read, options...)
			wantCode(t, "64 TiB", err, namedshm.ErrCommitmentLimit)
		}
	}
	// A sparse section may be larger than the machine.
	s := mustCreate(t, ownName(t, ""), 1<<40, namedshm.ReadWrite, namedshm.NoCommit())
	v, err := s.Map(1<<40-65536, 0, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	v.Bytes()[v.Len()-1] = 1
}

const leakVariable = "NAMEDSHM_TEST_LEAK"

// TestDroppedHandlesAreClosed drops a handle and a view, and waits for the collector to close them.
func TestDroppedHandlesAreClosed(t *testing.T) {
	_, prefixes := isolate(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, prefix := range prefixes {
		name := ownName(t, prefix)
		dropHandles(t, name)
		for {
			runtime.GC()
			s, err := namedshm.Open(name, namedshm.Read)
			if errors.Is(err, namedshm.ErrFileNotFound) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if ctx.Err() != nil {
				t.Fatal("the collector never closed the dropped handle of ", name)
			}
			runtime.Gosched() // cleanups run in a goroutine of their own
		}
	}
}

//go:noinline
func dropHandles(t *testing.T, name string) {
	s, err := namedshm.Create(name, 4096, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Map(0, 0, namedshm.Read); err != nil {
		t.Fatal(err)
	}
}

// TestDroppedHandlesAreReported builds two tests with the tag that asks for reports.
func TestDroppedHandlesAreReported(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no Go inside Wine")
	}
	if os.Getenv(leakVariable) != "" {
		return
	}
	cmd := exec.Command("go", "test", "-count=1", "-tags", "namedshm_debug", "-v", "-run",
		"^(TestDroppedHandlesAreClosed|TestHandedOutBytesStay)$", ".")
	cmd.Env = append(os.Environ(), leakVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"namedshm: leaked without Close: section Local\\TestDroppedHandlesAreClosed", "options_test.go", "dropHandles",
		"view of , which stays mapped because its bytes were handed out, made by:", "dropView",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the report has no %q:\n%s", want, out)
		}
	}
}
