//go:build linux

package kernel

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// fuzzedGlobal is a Global directory of its own, which requires root.
func fuzzedGlobal(f testing.TB) *place {
	f.Helper()
	if unix.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			f.Fatal("Global names take root")
		}
		f.Skip("Global names take root")
	}
	session, err := sessionOf()
	if err != nil {
		f.Fatal(err)
	}
	root := f.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		f.Fatal(err)
	}
	p := placesSeenBy(userMap{}, &unix.Stat_t{}, placeKey{root, 0, false}, session).global
	if err := p.ensure(); err != nil {
		f.Fatal(err)
	}
	return p
}

// victim is a System V segment with nobody attached: of another program, which means to come back for it, or of a
// creator that died. Only a record can tell.
func victim(t testing.TB) (id int, record intent) {
	t.Helper()
	const size = 8192
	for {
		key := 1 + rand.Int32N(1<<31-1)
		id, err := unix.SysvShmGet(int(key), size, 0o600|unix.IPC_CREAT|unix.IPC_EXCL)
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return id, intent{uint32(key), uint32(unix.Geteuid()), size}
	}
}

func (i intent) encode() []byte {
	b := make([]byte, noteLen)
	binary.LittleEndian.PutUint32(b, i.key)
	binary.LittleEndian.PutUint32(b[4:], i.uid)
	binary.LittleEndian.PutUint64(b[8:], i.size)
	return b
}

// FuzzIntents: whatever is in the file of intents, a sweep removes a segment only if a record that nobody holds locked
// names it exactly; and creating works after that, unless each record is held. The fuzzer decides how the records
// differ from the one that names the segment.
func FuzzIntents(f *testing.F) {
	p := fuzzedGlobal(f)
	f.Add([]byte{}, uint8(0), true)
	f.Add(make([]byte, noteLen), uint8(0), false)
	f.Add(make([]byte, 2*noteLen), uint8(1), false)
	f.Add(append(make([]byte, noteLen), 1, 0, 0), uint8(1), true)
	for i := range noteLen { // one byte differs
		f.Add(append(make([]byte, i), append([]byte{1}, make([]byte, noteLen-i-1)...)...), uint8(0), false)
	}
	f.Fuzz(func(t *testing.T, differences []byte, locked uint8, plain bool) {
		before := descriptors(t)
		id, named := victim(t)
		file := bytes.Clone(differences[:min(len(differences), (noteCount+2)*noteLen)])
		for i := range file {
			if !plain {
				file[i] ^= named.encode()[i%noteLen]
			}
		}
		mayGo := false
		for i := 0; (i+1)*noteLen <= min(len(file), noteCount*noteLen); i++ {
			mayGo = mayGo || bytes.Equal(file[i*noteLen:][:noteLen], named.encode()) && (i >= 8 || locked>>i&1 == 0)
		}
		release := putIntents(t, p, file, locked)
		for _, b := range sweepSegments(p) {
			checkCode(t, "gc", wrapped(b.Err))
		}
		note, err := p.takeNote()
		checkCode(t, "Create", err)
		if err == nil {
			note.drop()
		}
		release()
		var st unix.SysvShmDesc
		_, err = unix.SysvShmCtl(id, unix.IPC_STAT, &st)
		if gone := err != nil; gone != mayGo {
			t.Errorf("the segment is gone: %v; a record named it: %v", gone, mayGo)
		}
		unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors were open, and are %d", before, after)
		}
	})
}

// wrapped is a system call's own error, which is as good as a code in the report of what was buried.
func wrapped(err error) error {
	if _, ok := err.(unix.Errno); ok {
		return nil
	}
	return err
}

// putIntents writes the file of intents and locks those of the first eight records that locked names.
func putIntents(t *testing.T, p *place, file []byte, locked uint8) (release func()) {
	t.Helper()
	control, err := p.control(creatingFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(control, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Pwrite(control, file, 0); err != nil {
		t.Fatal(err)
	}
	for i := range int64(8) {
		if locked>>i&1 == 0 {
			continue
		}
		if err := ofd(control, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: i, Len: 1}); err != nil {
			t.Fatal(err)
		}
	}
	return func() { unix.Close(control) }
}

// FuzzSeatsFile: whatever a file of seats says about its owner, a sweep leaves the seats of a living object, those that
// somebody has, and everything else in the directory.
func FuzzSeatsFile(f *testing.F) {
	p := fuzzedGlobal(f)
	for _, file := range []string{creatingFile, "stranger"} {
		if err := os.WriteFile(p.path(file), []byte(file), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	spec := Spec{Size: pageSize, Protection: PageReadWrite}
	living, err := build(p, Name{Global, fuzzedName}, &making{Spec: spec, access: Read | Write, kind: KindMutex})
	if err != nil {
		f.Fatal(err)
	}
	if published, err := living.publish(); !published || err != nil {
		f.Fatal(published, err)
	}
	f.Add([]byte(fuzzedName), true, false)
	f.Add([]byte(fuzzedName), false, false)
	f.Add([]byte("Gone"), false, true)
	f.Add([]byte("../"+fuzzedName), false, false)
	f.Add([]byte("stranger"), false, false)
	f.Add([]byte{}, true, true)
	f.Fuzz(func(t *testing.T, content []byte, own, seated bool) {
		before := descriptors(t)
		file := seatsPrefix + "00000000000000000000000000000000"
		if own {
			file = seatsFile(living.entry.token)
		}
		if err := os.WriteFile(p.path(file), content, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(p.path(file))
		fd, err := unix.Open(p.path(file), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if seated {
			if err := ofd(fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: seatsStart + 5, Len: 1}); err != nil {
				t.Fatal(err)
			}
		}
		sweepSeats(p)
		unix.Close(fd)
		_, err = os.Lstat(p.path(file))
		if err != nil && (seated || own && string(content) == fuzzedName) {
			t.Errorf("seats that are in use were removed")
		}
		if err == nil && !seated && string(content) == "Gone" {
			t.Errorf("seats that nobody needs were left")
		}
		for _, other := range []string{creatingFile, "stranger", fuzzedName} {
			if _, err := os.Lstat(p.path(other)); err != nil {
				t.Errorf("the sweep removed another file: %v", err)
			}
		}
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors were open, and are %d", before, after)
		}
	})
}
