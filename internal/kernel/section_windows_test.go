package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// name returns one that no other test, and no run before, has used.
func name(t *testing.T) string {
	return fmt.Sprintf(`Local\%s-%d`, t.Name(), windows.GetCurrentProcessId())
}

func mustCreate(t *testing.T, name string, spec Spec, access Access) *Section {
	t.Helper()
	s, _, err := CreateSection(context.Background(), name, spec, access, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustMap(t *testing.T, s *Section, offset, length int64, access Access) *View {
	t.Helper()
	v, err := s.Map(offset, length, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// grantedTo returns what the system says that a handle may do.
func grantedTo(t *testing.T, s *Section) uint32 {
	t.Helper()
	var info objectBasicInformation
	if err := ntQueryObject(s.native.handle, objectBasicClass, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)),
		nil); err != nil {
		t.Fatal(err)
	}
	return info.grantedAccess
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: %v (code %d), want code %d", what, err, fault.CodeOf(err), code)
	}
}

func TestCreatorsHandleGrantsWhatWasAskedFor(t *testing.T) {
	spec := Spec{Size: 1, Protection: PageExecuteReadWrite}
	for access, rights := range map[Access]uint32{
		Read:                   sectionMapRead,
		Copy:                   sectionMapRead,
		Read | Write:           sectionMapRead | sectionMapWrite,
		Read | Execute:         sectionMapRead | sectionMapExecute,
		Read | Write | Execute: sectionMapRead | sectionMapWrite | sectionMapExecute,
	} {
		s := mustCreate(t, "", spec, access)
		const views = sectionMapRead | sectionMapWrite | sectionMapExecute
		if got := grantedTo(t, s); got&views != rights || got&sectionQuery == 0 || got&windows.READ_CONTROL == 0 {
			t.Errorf("access %#x: the handle grants %#x, want views %#x, and asking", access, got, rights)
		}
		if s.Size() != 4096 {
			t.Errorf("size %d, want a page", s.Size())
		}
	}
}

func TestReadHandleMapsNoWriteView(t *testing.T) {
	s := mustCreate(t, name(t), Spec{Size: 4096, Protection: PageReadWrite}, Read)
	_, err := s.Map(0, 0, Write|Read)
	wantCode(t, "map for writing", err, fault.AccessDenied)
	mustMap(t, s, 0, 0, Read)
	mustMap(t, s, 0, 0, Copy).Bytes()[0] = 1
}

func TestViewsLengthAndCapacity(t *testing.T) {
	s := mustCreate(t, name(t), Spec{Size: 2*Granularity + 1, Protection: PageReadWrite}, Read|Write)
	for _, c := range []struct{ offset, length, len, cap int64 }{
		{0, 0, 2*Granularity + 4096, 2*Granularity + 4096},
		{0, 1, 1, 4096},
		{Granularity, 5000, 5000, 8192},
		{2 * Granularity, 0, 4096, 4096},
	} {
		b := mustMap(t, s, c.offset, c.length, Read|Write).Bytes()
		if int64(len(b)) != c.len || int64(cap(b)) != c.cap {
			t.Errorf("map %d+%d: length %d and capacity %d, want %d and %d", c.offset, c.length, len(b), cap(b), c.len, c.cap)
		}
		b[:cap(b)][cap(b)-1] = 1
	}
	for _, c := range []struct {
		offset, length int64
		code           fault.Code
	}{
		{1, 1, fault.MappedAlignment},
		{0, -1, fault.InvalidParameter},
		{1, -1, fault.MappedAlignment},
		{0, 3 * Granularity, fault.AccessDenied},
		{-1, 1, fault.MappedAlignment},
	} {
		_, err := s.Map(c.offset, c.length, Read)
		wantCode(t, fmt.Sprintf("map %d+%d", c.offset, c.length), err, c.code)
	}
}

func TestNames(t *testing.T) {
	n := name(t)
	s := mustCreate(t, n, Spec{Size: 4096, Protection: PageReadWrite}, Read|Write)
	_, _, err := CreateSection(context.Background(), n, Spec{Size: 1, Protection: PageReadWrite}, Read, MustBeNew)
	wantCode(t, "create again", err, fault.AlreadyExists)
	again, existed, err := CreateSection(context.Background(), n, Spec{Size: 99999, Protection: PageReadWrite}, Read,
		MayExist)
	if err != nil || !existed || again.Size() != 4096 {
		t.Fatalf("create or open: existed %v, %v", existed, err)
	}
	again.Close()
	if _, err := OpenSection(context.Background(), n+`\x`, Read); fault.CodeOf(err) != fault.InvalidHandle {
		t.Errorf("open below a section: %v", err)
	}
	s.Close()
	_, err = OpenSection(context.Background(), n, Read)
	wantCode(t, "open after the last close", err, fault.FileNotFound)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	// A lone surrogate is legal in a Windows name, and must come back as it was.
	odd := n + "\xed\xa0\x80"
	mustCreate(t, odd, Spec{Size: 1, Protection: PageReadWrite}, Read)
	if info, err := Stat(odd); err != nil || info.Name.String() != odd {
		t.Errorf("stat: %q, %v", info.Name, err)
	}
}

func TestOtherKindsOfObject(t *testing.T) {
	n := name(t)
	wide, err := wideName(Name{Local, strings.TrimPrefix(n, `Local\`)})
	if err != nil {
		t.Fatal(err)
	}
	event, err := windows.CreateEvent(nil, 1, 0, wide)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(event)
	_, _, err = CreateSection(context.Background(), n, Spec{Size: 1, Protection: PageReadWrite}, Read, MustBeNew)
	wantCode(t, "create", err, fault.InvalidHandle)
	_, err = OpenSection(context.Background(), n, Read)
	wantCode(t, "open", err, fault.InvalidHandle)
	_, err = OpenSection(context.Background(), n+`\x`, Read)
	wantCode(t, "open below it", err, fault.InvalidHandle)
	if info, err := Stat(n); err != nil || info.Kind != KindEvent {
		t.Errorf("stat: kind %d, %v; want an event", info.Kind, err)
	}
}

func TestReservedSectionIsUsable(t *testing.T) {
	// More than this machine would give at once, so that only the pages in view are taken.
	s := mustCreate(t, name(t), Spec{Size: 1 << 40, Protection: PageReadWrite, Commit: CommitNever}, Read|Write)
	if s.Size() != 1<<40 {
		t.Fatalf("size %d", s.Size())
	}
	for _, access := range []Access{Read, Copy, Read | Write} {
		b := mustMap(t, s, 1<<40-2*Granularity, 2*Granularity, access).Bytes()
		if b[len(b)-1] != 0 {
			t.Error("the memory is not zero")
		}
		if access != Read {
			b[0], b[len(b)-1] = 1, 0
		}
		for at := 0; at < len(b); at += 4096 {
			region, err := queryRegion(uintptr(unsafe.Pointer(&b[at])))
			if err != nil || region.State != windows.MEM_COMMIT {
				t.Fatalf("access %#x: the page at %d has state %#x, %v", access, at, region.State, err)
			}
		}
	}
}

func TestSecurity(t *testing.T) {
	spec := Spec{Size: 1, Protection: PageReadWrite, Share: Share{Audience: Descriptor, SDDL: "nonsense"}}
	_, _, err := CreateSection(context.Background(), name(t), spec, Read, MustBeNew)
	wantCode(t, "nonsense for SDDL", err, fault.InvalidSecurityDes)
	spec.Share = Share{Audience: Group, Group: "no such group", Access: Read}
	_, _, err = CreateSection(context.Background(), name(t), spec, Read, MustBeNew)
	wantCode(t, "no such group", err, fault.NoneMapped)

	for _, share := range []Share{
		{Audience: Everyone, Access: Read},
		{Audience: Group, Group: "S-1-1-0", Access: Read},
	} {
		n := name(t)
		s := mustCreate(t, n, Spec{Size: 1, Protection: PageReadWrite, Share: share}, Read|Write)
		info, err := Stat(n)
		if err != nil {
			t.Fatal(err)
		}
		// Read, and nothing more, for everybody: SECTION_QUERY, SECTION_MAP_READ and READ_CONTROL.
		if !strings.Contains(info.Security, "(A;;CCLCRC;;;WD)") {
			t.Errorf("%+v: security %q", share, info.Security)
		}
		s.Close()
	}
}

func TestCreateOrOpenWhereOnlyReadingIsAllowed(t *testing.T) {
	n := name(t)
	spec := Spec{Size: 1, Protection: PageReadWrite, Share: Share{Audience: Descriptor, SDDL: "D:P(A;;0x20005;;;WD)"}}
	mustCreate(t, n, spec, Read|Write)
	s, existed, err := CreateSection(context.Background(), n, spec, Read, MayExist)
	if err != nil || !existed {
		t.Fatalf("create or open to read: existed %v, %v", existed, err)
	}
	s.Close()
	_, _, err = CreateSection(context.Background(), n, spec, Read|Write, MayExist)
	wantCode(t, "create or open to write", err, fault.AccessDenied)
	_, _, err = CreateSection(context.Background(), n, spec, Read|Write, MustBeNew)
	wantCode(t, "create anew", err, fault.AlreadyExists)
	if info, err := Stat(n); err != nil || info.Access != Read {
		t.Errorf("stat: access %#x, %v; want Read", info.Access, err)
	}
}

// TestSectionThatMayNotBeAsked opens a section whose security allows mapping it and nothing else.
func TestSectionThatMayNotBeAsked(t *testing.T) {
	for _, commit := range []Commit{CommitDefault, CommitNever} {
		n := name(t)
		spec := Spec{Size: 3 * Granularity, Protection: PageReadWrite, Commit: commit,
			Share: Share{Audience: Descriptor, SDDL: "D:P(A;;0x4;;;WD)"}}
		creator := mustCreate(t, n, spec, Read|Write)
		commitFirstPage(t, creator) // a reserved section is then in two states
		s, err := OpenSection(context.Background(), n, Read)
		if err != nil {
			t.Fatal(err)
		}
		if s.Size() != 3*Granularity {
			t.Errorf("commit %d: size %d, want %d", commit, s.Size(), 3*Granularity)
		}
		s.Close()
		if info, err := Stat(n); err != nil || info.Size != -1 || info.Reach == nil || info.Access != Read {
			t.Errorf("stat: %+v, %v; want the size unknown, and why", info, err)
		}
		creator.Close()
	}
}

func commitFirstPage(t *testing.T, s *Section) {
	t.Helper()
	addr, err := windows.MapViewOfFile(s.native.handle, windows.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.UnmapViewOfFile(addr)
	if _, err := windows.VirtualAlloc(addr, 4096, windows.MEM_COMMIT, windows.PAGE_READWRITE); err != nil {
		t.Fatal(err)
	}
}

func TestListTellsHandlesAndHolders(t *testing.T) {
	n := name(t)
	mustCreate(t, n, Spec{Size: 5000, Protection: PageReadWrite}, Read|Write)
	second, err := OpenSection(context.Background(), n, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	infos, err := List(Local)
	if err != nil {
		t.Fatal(err)
	}
	for i, info := range infos {
		if i > 0 && infos[i-1].Name.Base > info.Name.Base {
			t.Errorf("%q stands before %q", infos[i-1].Name.Base, info.Name.Base)
		}
		if info.Name.String() != n {
			continue
		}
		if info.Kind != KindSection || info.Size != 8192 || info.Handles != 2 || info.Access != Read|Write {
			t.Errorf("%+v", info)
		}
		if len(info.Holders) != 1 || info.Holders[0].PID != int(windows.GetCurrentProcessId()) ||
			info.Holders[0].Handles != 2 {
			t.Errorf("holders %+v, want this process with two handles", info.Holders)
		}
		return
	}
	t.Errorf("%s is not among the %d names", n, len(infos))
}

// ownHandles returns how many handles this process has open, by the system's table.
func ownHandles(t *testing.T) (n int) {
	t.Helper()
	table, err := handleTable()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range table {
		if entry.pid == uintptr(windows.GetCurrentProcessId()) {
			n++
		}
	}
	return n
}

func TestNothingStaysOpen(t *testing.T) {
	const rounds = 50
	n := name(t)
	use := func() {
		spec := Spec{Size: 1, Protection: PageReadWrite, Share: Share{Audience: Descriptor, SDDL: "D:P(A;;0x20005;;;WD)"}}
		s, _, err := CreateSection(context.Background(), n, spec, Read, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{MustBeNew, MayExist} {
			if again, _, err := CreateSection(context.Background(), n, spec, Read, mode); err == nil {
				again.Close()
			}
		}
		if _, err := OpenSection(context.Background(), n, Write); err == nil {
			t.Error("opened for writing")
		}
		exists(Name{Local, strings.TrimPrefix(n, `Local\`)})
		if _, err := Stat(n); err != nil {
			t.Error(err)
		}
		if _, err := List(Local); err != nil {
			t.Error(err)
		}
		Examine()
		s.Close()
	}
	use() // what is opened once and kept: libraries, the runtime's own
	before := ownHandles(t)
	for range rounds {
		use()
	}
	// The runtime may start a thread meanwhile, which takes a few handles; a leak takes at least one each round.
	if after := ownHandles(t); after >= before+rounds {
		t.Errorf("%d handles before, %d after %d rounds", before, after, rounds)
	}
}

func TestExamine(t *testing.T) {
	for _, c := range Examine() {
		t.Logf("%d %s: %s; %s", c.Status, c.Topic, c.Detail, c.Advice)
		if c.Topic == "" || c.Detail == "" || c.Status == Missing && c.Advice == "" {
			t.Errorf("incomplete: %+v", c)
		}
	}
	_, err := SetupGlobal("")
	wantCode(t, "setup", err, fault.NotSupported)
}
