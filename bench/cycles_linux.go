package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/namedshm/namedshm"
	"golang.org/x/sys/unix"
)

const size = 4096

// must ends a measurement if a peer does not work: a figure for a failing call is worthless.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// mapOnce maps a page and lets it go.
func mapOnce(fd int) {
	p := must(unix.MmapPtr(fd, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED))
	check(unix.MunmapPtr(p, size))
}

// bareFile is where the bare peer works: the directory that shm_open uses.
func bareFile(name string) string {
	return filepath.Join("/dev/shm", fmt.Sprintf("namedshm-bench-%d-%s", os.Getpid(), name))
}

func bareCreate() {
	path := bareFile("create")
	fd := must(unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600))
	check(unix.Ftruncate(fd, size))
	mapOnce(fd)
	check(unix.Close(fd))
	check(unix.Unlink(path))
}

// bareOpen opens a file that is there; its opener too must learn the size.
func bareOpen(path string) {
	fd := must(unix.Open(path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0))
	var st unix.Stat_t
	check(unix.Fstat(fd, &st))
	mapOnce(fd)
	check(unix.Close(fd))
}

func sectionCreate() {
	s := must(namedshm.Create("bench-create", size, namedshm.ReadWrite))
	v := must(s.Map(0, 0, namedshm.ReadWrite))
	check(v.Close())
	check(s.Close())
}

func sectionOpen(name string) {
	s := must(namedshm.Open(name, namedshm.ReadWrite))
	v := must(s.Map(0, 0, namedshm.ReadWrite))
	check(v.Close())
	check(s.Close())
}

// floor is the protocol's own system calls: an unnamed entry that gets its name when it is whole, a sealed memory, a
// lock, and at the end unlock, look and unlink; and for an opener the entry, a copy of a holder's descriptor, a lock, a
// record, a look.
type floor struct {
	dir    int
	bytes  []byte
	memory int // of an object that there is, which this process holds and opens
	self   int // a pidfd
}

func newFloor(path string) *floor {
	check(os.Mkdir(path, 0o700))
	f := &floor{dir: must(unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)), bytes: make([]byte, 544)}
	f.memory = must(unix.MemfdCreate("namedshm-bench", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING))
	check(unix.Ftruncate(f.memory, size))
	f.self = must(unix.PidfdOpen(os.Getpid(), 0))
	entry := must(unix.Openat(f.dir, "held", unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600))
	must(unix.Pwrite(entry, f.bytes, 0))
	f.lock(entry, unix.F_WRLCK, 1)
	return f
}

func (f *floor) open() {
	var st unix.Stat_t
	check(unix.Fstat(f.dir, &st))
	entry := must(unix.Openat(f.dir, "held", unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
	check(unix.Fstat(entry, &st))
	must(unix.Pread(entry, f.bytes, 0))
	check(unix.FcntlFlock(uintptr(entry), unix.F_OFD_GETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1}))
	memory := must(unix.PidfdGetfd(f.self, f.memory, 0))
	check(unix.Fstat(memory, &st))
	must(unix.FcntlInt(uintptr(memory), unix.F_GETFL, 0))
	check(unix.FcntlFlock(uintptr(entry), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 1, Len: 1}))
	must(unix.Pwrite(entry, f.bytes[:16], 528))
	check(unix.Fstatat(f.dir, "held", &st, unix.AT_SYMLINK_NOFOLLOW))
	mapOnce(memory)
	f.lock(entry, unix.F_UNLCK, 1<<62)
	if unix.FcntlFlock(uintptr(entry), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1 << 62}) == nil {
		check(errors.New("the holder has no lock"))
	}
	check(unix.Close(memory))
	check(unix.Close(entry))
}

func (f *floor) create() {
	var st unix.Stat_t
	check(unix.Fstat(f.dir, &st))
	memory := must(unix.MemfdCreate("namedshm-bench-0123456789abcdef012345678", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING))
	check(unix.Ftruncate(memory, size))
	check(unix.Fchmod(memory, 0o600))
	must(unix.FcntlInt(uintptr(memory), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL))
	check(unix.Fstat(memory, &st))
	entry := must(unix.Openat(f.dir, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600))
	check(unix.Fstat(entry, &st))
	f.lock(entry, unix.F_WRLCK, 1)
	must(unix.Pwrite(entry, f.bytes, 0))
	link := fmt.Sprintf("/proc/thread-self/fd/%d", entry)
	if unix.Linkat(entry, "", f.dir, "floor", unix.AT_EMPTY_PATH) != nil {
		check(unix.Linkat(unix.AT_FDCWD, link, f.dir, "floor", unix.AT_SYMLINK_FOLLOW))
	}
	mapOnce(memory)
	f.lock(entry, unix.F_UNLCK, 1<<62)
	f.lock(entry, unix.F_WRLCK, 1<<62)
	check(unix.Fstatat(f.dir, "floor", &st, unix.AT_SYMLINK_NOFOLLOW))
	check(unix.Unlinkat(f.dir, "floor", 0))
	check(unix.Close(entry))
	check(unix.Close(memory))
}

func (f *floor) lock(fd int, kind int16, length int64) {
	check(unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Len: length}))
}
