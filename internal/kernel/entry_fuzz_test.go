//go:build linux

package kernel

import (
	"bytes"
	"os"
	"testing"

	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// fuzzedPlace is a directory that a fuzzer writes to, with a living object whose entry and memory it may spoil.
type fuzzedPlace struct {
	*place
	living *handle // has no name: the fuzzer writes what is at its path
	entry  []byte  // the living object's, as it would be at the path
}

const (
	fuzzedName = "Fuzzed"
	fuzzedMark = "the memory of the living object"
	// fuzzedMarkAt is behind whatever the state of a waitable object may be.
	fuzzedMarkAt = 2 * Granularity
)

// fuzzedPlaces are one for each backing. Global names require root; without it their place is left out, unless in CI.
func fuzzedPlaces(f *testing.F) []*fuzzedPlace {
	f.Helper()
	session, err := sessionOf()
	if err != nil {
		f.Fatal(err)
	}
	key := placeKey{f.TempDir(), unix.Geteuid(), false}
	if err := os.Chmod(key.root, 0o755); err != nil {
		f.Fatal(err)
	}
	native := placesSeenBy(userMap{}, &unix.Stat_t{}, key, session)
	file, _ := filePlaces(key.root, key.euid)
	places := []*place{native.local, file, native.global}
	if key.euid != 0 {
		if os.Getenv("CI") == "true" {
			f.Fatal("Global names take root")
		}
		places = places[:2]
	}
	directoryNames("/proc") // with the first file read like this the runtime opens descriptors of its own
	fuzzed := make([]*fuzzedPlace, len(places))
	for i, p := range places {
		if fuzzed[i], err = newFuzzedPlace(p); err != nil {
			f.Fatal(err)
		}
	}
	return fuzzed
}

func newFuzzedPlace(p *place) (*fuzzedPlace, error) {
	if err := p.ensure(); err != nil {
		return nil, err
	}
	defer p.begin().end()
	h, err := build(p, Name{p.namespace, fuzzedName}, &making{
		Spec: Spec{Size: fuzzedMarkAt + pageSize, Protection: PageReadWrite}, access: Read | Write, kind: KindSection,
	})
	if err != nil {
		return nil, err
	}
	f := &fuzzedPlace{place: p, living: h, entry: make([]byte, longNameAt)}
	if _, err := unix.Pread(h.entry.fd, f.entry, 0); err != nil {
		return nil, err
	}
	view, err := h.mem.view(fuzzedMarkAt, pageSize, Read|Write)
	if err != nil {
		return nil, err
	}
	copy(view, fuzzedMark)
	return f, unmap(view)
}

// damage is what a fuzzer does to an entry.
type damage struct {
	bytes  []byte // written to the living object's entry
	at     uint16
	alone  bool  // or written alone
	sealed bool  // with a matching checksum
	short  bool  // the file ends there, and is shorter than the memory requires
	locks  uint8 // who has locks: 1 a handle at a random byte, 2 one in the first slot, 4 a burier
}

func (d *damage) apply(entry []byte) []byte {
	file := bytes.Clone(entry)
	if d.alone {
		file = bytes.Clone(d.bytes)
	} else if at := int(d.at) % len(file); len(d.bytes) > 0 {
		file = append(file[:at], append(bytes.Clone(d.bytes), file[min(at+len(d.bytes), len(file)):]...)...)
	}
	if d.sealed {
		seal(file)
	}
	return file
}

// spare reports damage that leaves the header as it is: the entry is then the living object's.
func (d *damage) spare(entry, damaged []byte) bool {
	return len(damaged) >= headerLen+len(fuzzedName) &&
		bytes.Equal(damaged[:headerLen+len(fuzzedName)], entry[:headerLen+len(fuzzedName)])
}

// put puts a damaged entry at the path and takes the locks. release drops them.
func (f *fuzzedPlace) put(t *testing.T, d *damage, file []byte) (release func()) {
	t.Helper()
	path := f.path(fuzzedName)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if f.backing.id() == backingFile && !d.short {
		if err := os.Truncate(path, memoryAt+fuzzedMarkAt+pageSize); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for bit, l := range []unix.Flock_t{
		{Type: unix.F_RDLCK, Start: unslottedStart + 7, Len: 1},
		{Type: unix.F_WRLCK, Start: 0, Len: 1},
		{Type: unix.F_WRLCK, Start: 0, Len: livenessEnd},
	} {
		if d.locks>>bit&1 != 0 {
			if err := ofd(fd, unix.F_OFD_SETLK, &l); err != nil {
				t.Fatal(err)
			}
		}
	}
	return func() {
		unix.Close(fd)
		os.Remove(path)
	}
}

// useAll makes one attempt at each operation on the name. It reports whether an open got the living object's memory,
// and whether one got any; a handle other than a section's is still open.
func (f *fuzzedPlace) useAll(t *testing.T, kind Kind) (marked, opened bool, h *handle) {
	defer f.begin().end()
	_, err := f.inspect(fuzzedName, fuzzedName, owners{})
	checkCode(t, "Stat", err)
	f.inspectListed(fuzzedName, owners{})
	f.liveName(fuzzedName, nil)
	h, err = f.openNamed(fuzzedName, kind, Read|Write)
	checkCode(t, "Open", err)
	if err == nil {
		opened = true
		v, mapErr := h.mapView(fuzzedMarkAt, 0, Read)
		checkCode(t, "Map", mapErr)
		if mapErr == nil {
			marked = v.length() >= len(fuzzedMark) && string(v.bytes()[:len(fuzzedMark)]) == fuzzedMark
			v.unmap()
		}
		if h.entry.kind == KindSection {
			checkCode(t, "Close", h.closeOurs())
		}
	}
	_, err = f.probe(fuzzedName)
	checkCode(t, "Create", err)
	b, _ := f.buryOne(fuzzedName)
	checkCode(t, "Bury", b.Err)
	return marked, opened, h
}

// wait completes a handle of another kind than a section, which reads the state, and waits.
func (f *fuzzedPlace) wait(t *testing.T, h *handle) {
	n, err := waitableOn(h, Read|Write)
	checkCode(t, "Open", err)
	if err != nil {
		return
	}
	var uses waiting.Uses
	n.bind(&uses)
	uses.Enter()
	_, _, err = n.try()
	checkCode(t, "Try", err)
	checkCode(t, "Close", n.close())
}

// FuzzEntryFile: whatever is in a name's place, no operation on the name panics, leaks a descriptor, fails without a
// documented code, removes what somebody has locked, or takes other memory for the object's.
func FuzzEntryFile(f *testing.F) {
	places := fuzzedPlaces(f)
	for i, p := range places {
		f.Add(uint8(i), uint8(KindSection), p.entry[:headerLen+len(fuzzedName)], uint16(0), false, false, false, uint8(1))
		f.Add(uint8(i), uint8(KindSection), []byte("namedshm"), uint16(0), true, false, true, uint8(1))
		f.Add(uint8(i), uint8(KindMutex), []byte{byte(KindMutex)}, uint16(12), false, true, false, uint8(2))
		f.Add(uint8(i), uint8(KindSection), door{pid: 1, descriptor: 0}.encode(), uint16(slotsAt), false, false, false,
			uint8(2))
		self := int32(os.Getpid())
		f.Add(uint8(i), uint8(KindSection), door{self, 0, unix.O_RDWR}.encode(), uint16(slotsAt), false, false, false,
			uint8(2))
		own := door{self, int32(max(p.living.mem.descriptor(), 0)), unix.O_RDWR}
		f.Add(uint8(i), uint8(KindSection), own.encode(), uint16(slotsAt), false, false, false, uint8(2))
		f.Add(uint8(i), uint8(KindSection), own.encode(), uint16(slotsAt), false, false, false, uint8(0))
		f.Add(uint8(i), uint8(KindSection), []byte{2}, uint16(8), false, false, false, uint8(0))
		f.Add(uint8(i), uint8(KindSection), []byte{}, uint16(0), false, false, true, uint8(4))
	}
	f.Fuzz(func(t *testing.T, at, kind uint8, written []byte, offset uint16, alone, sealed, short bool, locks uint8) {
		p := places[int(at)%len(places)]
		d := &damage{bytes: written, at: offset, alone: alone, sealed: sealed, short: short, locks: locks & 7}
		file := d.apply(p.entry)
		before := descriptors(t)
		release := p.put(t, d, file)
		marked, opened, h := p.useAll(t, Kind(kind%5))
		if opened && h.entry.kind != KindSection {
			p.wait(t, h)
		}
		stays := d.locks != 0 && (p.backing.id() != backingSysV || d.spare(p.entry, file))
		if _, err := os.Lstat(p.path(fuzzedName)); err != nil && stays {
			t.Errorf("what was locked was removed")
		}
		if opened && !marked && d.spare(p.entry, file) && p.backing.id() != backingFile {
			t.Errorf("an open found other memory than the object's")
		}
		if opened && d.locks&3 == 0 {
			t.Errorf("an object was opened that nobody had")
		}
		release()
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors were open, and are %d", before, after)
		}
	})
}
