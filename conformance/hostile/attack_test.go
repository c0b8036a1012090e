//go:build linux

package hostile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attack is one way to get more than was allowed. It succeeds or fails by its error.
type attack struct {
	name string
	// mapped says that it takes an own view of the memory, which only who may read can have.
	mapped bool
	run    func(o object, view []byte) error
}

// errHarmless is what an attack says that was let through and changed nothing.
var errHarmless = errors.New("it had no effect")

// attacks is all of them. Those that end the object stand last.
var attacks = []attack{
	{"mprotect of an own attachment", true, func(_ object, view []byte) error {
		return unix.Mprotect(view, unix.PROT_READ|unix.PROT_WRITE)
	}},
	{"mprotect of a duplicate by mremap", true, duplicate},
	{"writing the own memory through /proc/self/mem", true, func(_ object, view []byte) error {
		return writeFile("/proc/self/mem", addressOf(view))
	}},
	{"process_vm_writev into the own view", true, func(_ object, view []byte) error {
		return writeProcess(os.Getpid(), uint64(addressOf(view)))
	}},
	{"read(2) into the own view", true, readInto},
	{"splice out of a pipe into the own view", true, spliceInto},
	{"FUTEX_WAKE_OP on a word of the own view", true, wakeOp},
	{"MADV_REMOVE of the own view", true, func(_ object, view []byte) error {
		return unix.Madvise(view[4096:8192], unix.MADV_REMOVE)
	}},
	{"MADV_POPULATE_WRITE of the own view", true, func(_ object, view []byte) error {
		return unix.Madvise(view, unix.MADV_POPULATE_WRITE)
	}},
	{"shmat for writing", false, func(o object, _ []byte) error {
		m, err := unix.SysvShmAttach(o.Segment, 0, 0)
		if err == nil {
			unix.SysvShmDetach(m)
		}
		return err
	}},
	{"process_vm_writev into the victim", false, func(o object, _ []byte) error { return writeProcess(o.PID, o.Address) }},
	{"writing the victim's /proc/<pid>/mem", false, func(o object, _ []byte) error {
		return writeFile(fmt.Sprintf("/proc/%d/mem", o.PID), int64(o.Address))
	}},
	{"opening the victim's descriptors for writing", false, func(o object, _ []byte) error {
		return anyOf(fmt.Sprintf("/proc/%d/fd/", o.PID), o.Descriptor, openForWriting)
	}},
	{"opening the victim's descriptors for reading", false, func(o object, _ []byte) error {
		return anyOf(fmt.Sprintf("/proc/%d/fd/", o.PID), o.Descriptor, func(path string) error {
			_, err := os.ReadFile(path)
			return err
		})
	}},
	{"opening the victim's map_files", false, func(o object, _ []byte) error {
		found, err := filepath.Glob(fmt.Sprintf("/proc/%d/map_files/%x-*", o.PID, o.Address))
		if len(found) == 0 {
			return errors.Join(err, unix.EACCES)
		}
		return openForWriting(found[0])
	}},
	{"pidfd_getfd of the victim's descriptors", false, copyDescriptors},
	{"ptrace attach to the victim", false, func(o object, _ []byte) error {
		return traced(o.PID, unix.PtraceAttach(o.PID))
	}},
	{"ptrace seize of the victim", false, func(o object, _ []byte) error {
		err := unix.PtraceSeize(o.PID)
		if err == nil {
			err = unix.PtraceInterrupt(o.PID)
		}
		return traced(o.PID, err)
	}},
	{"entering the victim's namespaces", false, func(o object, _ []byte) error {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/ipc", o.PID), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{"the victim's limits", false, func(o object, _ []byte) error {
		var limit unix.Rlimit
		return unix.Prlimit(o.PID, unix.RLIMIT_NOFILE, nil, &limit)
	}},
	{"a signal to the victim", false, func(o object, _ []byte) error { return unix.Kill(o.PID, unix.SIGWINCH) }},
	{"SHM_LOCK of the segment", false, func(o object, _ []byte) error {
		const shmLock = 11
		_, err := unix.SysvShmCtl(o.Segment, shmLock, nil)
		return err
	}},
	{"SHM_UNLOCK of the segment", false, func(o object, _ []byte) error {
		const shmUnlock = 12
		_, err := unix.SysvShmCtl(o.Segment, shmUnlock, nil)
		return err
	}},
	{"an exclusive lock on the entry", false, func(o object, _ []byte) error { return lockEntry(o.Entry, unix.F_WRLCK) }},
	{"opening the entry for writing", false, func(o object, _ []byte) error { return openForWriting(o.Entry) }},
	{"truncating the entry by its path", false, func(o object, _ []byte) error { return unix.Truncate(o.Entry, 4096) }},
	{"punching a hole into the entry", false, func(o object, _ []byte) error {
		return punch(o.Entry)
	}},
	{"an attribute on the entry", false, func(o object, _ []byte) error {
		return errors.Join(unix.Setxattr(o.Entry, "trusted.attack", []byte("x"), 0),
			unix.Removexattr(o.Entry, "trusted.attack"))
	}},
	{"the entry's times", false, func(o object, _ []byte) error {
		return unix.UtimesNano(o.Entry, []unix.Timespec{{Sec: 1}, {Sec: 1}})
	}},
	{"the entry's mode", false, func(o object, _ []byte) error {
		var st unix.Stat_t
		if err := unix.Stat(o.Entry, &st); err != nil {
			return err
		}
		return unix.Chmod(o.Entry, uint32(st.Mode)&0o7777)
	}},
	{"the entry's owner", false, func(o object, _ []byte) error { return unix.Chown(o.Entry, os.Getuid(), os.Getgid()) }},
	{"a mount over the entry", false, func(o object, _ []byte) error {
		err := unix.Mount("/dev/null", o.Entry, "", unix.MS_BIND, "")
		if err == nil {
			err = unix.Unmount(o.Entry, 0)
		}
		return err
	}},
	{"a file in the entry's directory", false, func(o object, _ []byte) error {
		path := filepath.Join(filepath.Dir(o.Entry), "planted")
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Remove(path))
	}},
	{"a hard link to the entry", false, func(o object, _ []byte) error {
		return errors.Join(os.Link(o.Entry, o.Entry+"-2"), os.Remove(o.Entry+"-2"))
	}},
	{"another file in the entry's place", false, func(o object, _ []byte) error {
		path := filepath.Join(filepath.Dir(filepath.Dir(o.Entry)), fmt.Sprintf("loot-%d", os.Getpid()))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		defer os.Remove(path)
		return os.Rename(path, o.Entry)
	}},
	{"removing the entry", false, func(o object, _ []byte) error { return os.Remove(o.Entry) }},
	{"renaming the directory", false, func(o object, _ []byte) error {
		return os.Rename(filepath.Dir(o.Entry), filepath.Dir(o.Entry)+"-away")
	}},
	{"IPC_SET of the segment", false, func(o object, _ []byte) error {
		var st unix.SysvShmDesc
		unix.SysvShmCtl(o.Segment, unix.IPC_STAT, &st)
		st.Perm.Mode |= 0o666
		_, err := unix.SysvShmCtl(o.Segment, unix.IPC_SET, &st)
		return err
	}},
	{"IPC_RMID of the segment", false, func(o object, _ []byte) error {
		_, err := unix.SysvShmCtl(o.Segment, unix.IPC_RMID, nil)
		return err
	}},
}

// needsSegment: an attack on what only a Global object has.
func (a *attack) needsSegment() bool {
	return a.mapped || strings.Contains(a.name, "shmat") || strings.Contains(a.name, "segment")
}

// attack makes the attack named Text on Object. The answer's Text says why it failed, and is empty if it succeeded.
func (s *stage) attack(r request) (reply, error) {
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == r.Text })
	if i < 0 {
		return reply{}, fmt.Errorf("there is no attack %q", r.Text)
	}
	var view []byte
	if attacks[i].mapped {
		flags := unix.SHM_RDONLY
		if r.Own.Object.Write {
			flags = 0
		}
		var err error
		if view, err = unix.SysvShmAttach(r.Own.Object.Segment, 0, flags); err != nil {
			return reply{}, err
		}
		defer unix.SysvShmDetach(view)
	}
	if err := attacks[i].run(r.Own.Object, view); err != nil {
		return reply{Text: err.Error()}, nil
	}
	return reply{}, nil
}

func addressOf(view []byte) int64 { return int64(uintptr(unsafe.Pointer(unsafe.SliceData(view)))) }

// duplicate maps the view once more, as mremap does for shared memory when the old size is none, and tries that one.
func duplicate(_ object, view []byte) error {
	address, _, errno := unix.Syscall6(unix.SYS_MREMAP, uintptr(addressOf(view)), 0, 4096, unix.MREMAP_MAYMOVE, 0, 0)
	if errno != 0 {
		return errno
	}
	second := unsafe.Slice((*byte)(unsafe.Add(nil, address)), 4096)
	defer unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(second)), 4096)
	return unix.Mprotect(second, unix.PROT_READ|unix.PROT_WRITE)
}

func writeFile(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(precious), at)
	return err
}

func writeProcess(pid int, address uint64) error {
	text := []byte(precious)
	from := []unix.Iovec{{Base: &text[0]}}
	from[0].SetLen(len(text))
	to := []unix.RemoteIovec{{Base: uintptr(address), Len: len(text)}}
	n, err := unix.ProcessVMWritev(pid, from, to, 0)
	if err == nil && n != len(text) {
		return errHarmless
	}
	return err
}

func readInto(_ object, view []byte) error {
	fd, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Read(fd, view[4096:4104])
	return err
}

func spliceInto(_ object, view []byte) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	if _, err := unix.Write(ends[1], []byte(precious)); err != nil {
		return err
	}
	to := unix.Iovec{Base: &view[0]}
	to.SetLen(len(precious))
	_, err := unix.Vmsplice(ends[0], []unix.Iovec{to}, 0)
	return err
}

// wakeOp has the kernel itself change a word: add nothing to it.
func wakeOp(_ object, view []byte) error {
	const wakeOperation, add = 5, 1 << 28
	word := uintptr(addressOf(view)) + 4096
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, word, wakeOperation, 0, 0, word, add)
	if errno != 0 {
		return errno
	}
	return nil
}

// anyOf tries every descriptor of a process that is in a directory of /proc, and those that it might have.
func anyOf(directory string, known int, try func(path string) error) error {
	err := error(unix.EACCES)
	for fd := range 64 {
		path := directory + strconv.Itoa(fd)
		link, linkErr := os.Readlink(path)
		if linkErr == nil && fd != known && !strings.Contains(link, "namedshm-") {
			continue // a pipe, which would be waited for
		}
		if err = try(path); err == nil {
			return nil
		}
	}
	return err
}

func openForWriting(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func copyDescriptors(o object, _ []byte) error {
	pidfd, err := unix.PidfdOpen(o.PID, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	for fd := range 64 {
		var copied int
		if copied, err = unix.PidfdGetfd(pidfd, fd, 0); err == nil {
			return unix.Close(copied)
		}
	}
	return err
}

// traced lets a process go that was caught.
func traced(pid int, err error) error {
	if err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

// onEntry does something with the entry, open as far as it may be.
func onEntry(path string, use func(fd int) error) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return use(fd)
}

// lockEntry asks for a lock far from any that is taken, with as many rights as can be had.
func lockEntry(path string, kind int16) error {
	try := func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: 1 << 40, Len: 1})
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return onEntry(path, try)
	}
	defer unix.Close(fd)
	return try(fd)
}

// punch makes a hole into what comes after the entry's bytes, where there is nothing to lose.
func punch(path string) error {
	try := func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 1<<20, 4096)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return onEntry(path, try)
	}
	defer unix.Close(fd)
	return try(fd)
}
