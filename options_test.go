package namedshm_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
)

// onUnix ends a test about permission bits where there are none.
func onUnix(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has security descriptors instead")
	}
}

func TestAudiences(t *testing.T) {
	onUnix(t)
	_, prefixes := isolate(t)
	if len(prefixes) < 2 {
		t.Skip("an audience matters for Global names, which root makes")
	}
	for what, c := range map[string]struct {
		audience namedshm.Audience
		protect  namedshm.Protection
		want     string
	}{
		"the owner":                 {namedshm.OwnerOnly(), namedshm.PageReadWrite, "0600"},
		"everyone to read":          {namedshm.Everyone(namedshm.Read), namedshm.PageReadWrite, "0644"},
		"everyone to write":         {namedshm.Everyone(namedshm.ReadWrite), namedshm.PageReadWrite, "0666"},
		"everyone to write, a word": {namedshm.Everyone(namedshm.Write), namedshm.PageReadWrite, "0666"},
		"everyone, read-only":       {namedshm.Everyone(namedshm.ReadWrite), namedshm.PageReadOnly, "0444"},
		"a group to read":           {namedshm.Group("0", namedshm.Read), namedshm.PageReadWrite, "0640"},
		"a group to write":          {namedshm.Group("0", namedshm.ReadWrite), namedshm.PageReadWrite, "0660"},
	} {
		name := ownName(t, `Global\`)
		s := mustCreate(t, name, 4096, namedshm.Read, namedshm.ShareWith(c.audience), namedshm.WithProtection(c.protect))
		info, err := namedshm.Stat(name)
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
			audience namedshm.Audience
			want     namedshm.Code
		}{
			"a security descriptor": {namedshm.SecurityDescriptor("D:(A;;GA;;;WD)"), 50},
			"everyone, to nothing":  {namedshm.Everyone(0), namedshm.ErrInvalidParameter},
			"everyone, to copy":     {namedshm.Everyone(namedshm.Copy), namedshm.ErrInvalidParameter},
			"a group, to execute":   {namedshm.Group("0", namedshm.Read|namedshm.Execute), namedshm.ErrInvalidParameter},
		} {
			_, err := namedshm.Create(name, 4096, namedshm.Read, namedshm.ShareWith(c.audience))
			wantCode(t, what, err, c.want)
			if c.want == 50 && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%v does not match errors.ErrUnsupported", err)
			}
		}
		if prefix == `Global\` {
			_, err := namedshm.Create(name, 4096, namedshm.Read, namedshm.ShareWith(namedshm.Group("no-such-group", namedshm.Read)))
			wantCode(t, "an unknown group", err, 1332)
		}
		_, err := namedshm.Open(name, namedshm.Read)
		wantCode(t, "what could not be made", err, namedshm.ErrFileNotFound)
	}
}

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
			option namedshm.Option
			want   int64
		}{"CommitNow": {namedshm.CommitNow(), size}, "NoCommit": {namedshm.NoCommit(), 0}} {
			name := ownName(t, prefix) + what
			s := mustCreate(t, name, size, namedshm.ReadWrite, c.option)
			info, err := namedshm.Stat(name)
			if err != nil || info.Resident != c.want {
				t.Errorf("%s%s: %d bytes are resident (%v), want %d", prefix, what, info.Resident, err, c.want)
			}
			s.Close()
		}
		for _, options := range [][]namedshm.Option{{namedshm.CommitNow()}, nil} {
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

// TestDroppedHandlesAreReported builds the test before with the tag that asks for reports.
func TestDroppedHandlesAreReported(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no Go inside Wine")
	}
	if os.Getenv(leakVariable) != "" {
		return
	}
	cmd := exec.Command("go", "test", "-count=1", "-tags", "namedshm_debug", "-v", "-run", "^TestDroppedHandlesAreClosed$", ".")
	cmd.Env = append(os.Environ(), leakVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"namedshm: leaked without Close: section Local\\TestDroppedHandlesAreClosed", "options_test.go", "dropHandles",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the report has no %q:\n%s", want, out)
		}
	}
}
