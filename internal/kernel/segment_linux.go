package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// newSegment makes a segment, attaches it and marks it for removal. A crash in between would leave a segment behind. So
// what is about to be made is written down first, in creatingFile, under a lock that dies with the creator.
func newSegment(p *place, spec *Spec, h *header, access Access) (*segment, error) {
	if err := markable(); err != nil {
		return nil, err
	}
	note, err := p.takeNote()
	if err != nil {
		return nil, err
	}
	defer note.drop()
	flags := int(h.mode) | unix.IPC_CREAT | unix.IPC_EXCL
	if spec.Commit == CommitNever {
		flags |= shmNoReserve
	}
	for range 1000 {
		key := int(1 + rand.Int32N(1<<31-1)) // 0 is IPC_PRIVATE, which would make a segment that nobody finds again
		if err := note.write(intent{uint32(key), uint32(unix.Geteuid()), uint64(spec.Size)}); err != nil {
			return nil, p.fault("write", p.dir, err)
		}
		id, err := unix.SysvShmGet(key, int(spec.Size), flags)
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			return nil, segmentFault("shmget", err, spec.Size)
		}
		m, err := attachNew(id, spec, access)
		if _, rmErr := unix.SysvShmCtl(id, unix.IPC_RMID, nil); rmErr != nil {
			note.keep = true // for a sweep: this process could not remove it
			if err == nil {
				err = segmentFault("shmctl(IPC_RMID)", rmErr, spec.Size)
				m.close()
			}
		}
		if err != nil {
			return nil, err
		}
		h.identity = [3]uint64{uint64(id), 0, uint64(uint32(key))}
		return m, nil
	}
	return nil, fault.Fail(fault.NoSystemResources, "no free System V key")
}

// markable asks, before there is a segment, whether one may be marked for removal: otherwise nobody would remove it. A
// filter sees only the call's numbers, and no segment has this id.
func markable() error {
	if err := segmentCall(-1, unix.IPC_RMID); filtered(err) {
		return segmentFault("shmctl(IPC_RMID)", err, 0)
	}
	return nil
}

// segmentCall is shmctl without an argument.
func segmentCall(id, command int) error {
	_, err := unix.SysvShmCtl(id, command, nil)
	return err
}

func attachNew(id int, spec *Spec, access Access) (*segment, error) {
	flags := 0
	if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		flags = unix.SHM_RDONLY
	}
	m, err := attach(id, spec.Size, flags)
	if err != nil {
		return nil, segmentFault("shmat", err, spec.Size)
	}
	return m, nil
}

// finish completes a new segment: its group, its pages if they are to be committed, and its identity.
func (m *segment) finish(spec *Spec, h *header, gid int) error {
	if spec.Commit == CommitNow {
		if err := m.populate(); err != nil {
			return err
		}
	}
	var st unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(m.id, unix.IPC_STAT, &st); err != nil {
		return segmentFault("shmctl(IPC_STAT)", err, spec.Size)
	}
	if gid >= 0 {
		st.Perm.Gid = uint32(gid)
		setMode(&st.Perm.Mode, h.mode)
		if _, err := unix.SysvShmCtl(m.id, unix.IPC_SET, &st); err != nil {
			return segmentFault("shmctl(IPC_SET)", err, spec.Size)
		}
		if _, err := unix.SysvShmCtl(m.id, unix.IPC_STAT, &st); err != nil {
			return segmentFault("shmctl(IPC_STAT)", err, spec.Size)
		}
	}
	h.identity[1] = uint64(st.Ctime)
	h.identity[2] |= uint64(st.Perm.Cuid) << 32
	return nil
}

// setMode is generic because the field's type differs between architectures.
func setMode[T uint16 | uint32](field *T, mode uint32) { *field = *field&^0o777 | T(mode) }

// populate reserves every page. Reading is enough: the first access of any kind allocates a page of shared memory, and
// the handle may be read-only.
func (m *segment) populate() error {
	err := unix.Madvise(m.attached, unix.MADV_POPULATE_READ)
	if err == unix.EINVAL || filtered(err) || err == nil && !m.lastIsResident() { // before Linux 5.14; an emulator
		for at := int64(0); at < int64(len(m.attached)); at += pageSize {
			// The compiler drops a plain load whose value is unused.
			atomic.LoadUint32((*uint32)(unsafe.Pointer(&m.attached[at])))
		}
		return nil
	}
	if err != nil {
		return &fault.Fault{Code: fault.CommitmentLimit, Cause: os.NewSyscallError("madvise", err),
			Advice: memoryAdvice(int64(len(m.attached)))}
	}
	return nil
}

// lastIsResident reports whether the last page is there. Advice may be ignored: QEMU's emulation of a processor reports
// success for advice that it does not know.
func (m *segment) lastIsResident() bool {
	last := m.attached[int64(len(m.attached))-pageSize:]
	var resident byte
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(last))), uintptr(pageSize),
		uintptr(unsafe.Pointer(&resident)))
	return errno == 0 && resident&1 != 0
}

// segment is an attached System V segment. The attachment keeps it alive for a handle; views attach again.
type segment struct {
	id       int
	attached []byte
}

func attach(id int, size int64, flags int) (*segment, error) {
	addr, _, errno := unix.Syscall(unix.SYS_SHMAT, uintptr(id), 0, uintptr(flags))
	if errno != 0 {
		return nil, errno
	}
	return &segment{id: id, attached: unsafe.Slice((*byte)(unsafe.Add(nil, addr)), size)}, nil
}

func (m *segment) descriptor() int { return -1 }
func (m *segment) openMode() int   { return -1 }
func (m *segment) ours() bool      { return true }

// view attaches the segment once more and gives back what lies outside of the range. Segments have no copy-on-write:
// such a view is a private copy.
func (m *segment) view(offset, length int64, access Access) ([]byte, error) {
	prot, kind := viewProtection(access)
	if kind == unix.MAP_PRIVATE {
		return m.snapshot(offset, length, prot)
	}
	flags := unix.SHM_RDONLY
	if prot&unix.PROT_WRITE != 0 {
		flags = 0
	}
	if prot&unix.PROT_EXEC != 0 {
		flags |= shmExec
	}
	whole, err := attach(m.id, int64(len(m.attached)), flags)
	if err != nil {
		return nil, os.NewSyscallError("shmat", err)
	}
	if prot == unix.PROT_NONE {
		if err := unix.Mprotect(whole.attached, prot); err != nil {
			whole.close()
			return nil, os.NewSyscallError("mprotect", err)
		}
	}
	if err := whole.keep(offset, length); err != nil {
		whole.close()
		return nil, os.NewSyscallError("munmap", err)
	}
	return whole.attached[offset : offset+length : offset+length], nil
}

// keep gives back the address space of an attachment, except for one range. If that fails the whole can still be
// detached: the kernel identifies what is left of an attachment by its address.
func (m *segment) keep(offset, length int64) error {
	if offset > 0 {
		if err := unmap(m.attached[:offset:offset]); err != nil {
			return err
		}
	}
	if end := offset + length; end < int64(len(m.attached)) {
		return unmap(m.attached[end:])
	}
	return nil
}

// snapshot copies a range. If no memfd can be had the copy is anonymous memory, of which every page counts as written.
func (m *segment) snapshot(offset, length int64, prot int) ([]byte, error) {
	if view, err := privateCopy(m.attached[offset:offset+length], nil, prot); err == nil {
		return view, nil
	}
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(length), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	view := unsafe.Slice((*byte)(p), length)
	copy(view, m.attached[offset:])
	if prot&unix.PROT_EXEC != 0 {
		if err := unix.Mprotect(view, prot); err != nil {
			unmap(view)
			return nil, os.NewSyscallError("mprotect", err)
		}
	}
	return view, nil
}

func (m *segment) close() error {
	_, _, errno := unix.Syscall(unix.SYS_SHMDT, uintptr(unsafe.Pointer(unsafe.SliceData(m.attached))), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("shmdt", errno)
	}
	return nil
}

// segmentFault says which of the kernel's limits on segments a call reached, with its value. The same error means
// different limits for different calls: only shmget makes a segment, and what shmat needs is address space.
func segmentFault(call string, err error, size int64) error {
	f := &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError(call, err), Advice: filterAdvice(call, err)}
	if call != "shmget" {
		if err == unix.ENOMEM {
			f.Code, f.Advice = fault.NotEnoughMemory, addressSpaceAdvice(size)
		}
		return f
	}
	switch err {
	case unix.ENOSPC:
		f.Code = fault.NoSystemResources
		f.Advice = fmt.Sprintf("the machine's limit on segments has been reached: kernel.shmmni is %s segments, "+
			"kernel.shmall %s pages; root can raise them with sysctl",
			sysctl("kernel/shmmni"), sysctl("kernel/shmall"))
	case unix.EINVAL:
		f.Code = fault.NoSystemResources
		f.Advice = fmt.Sprintf("%d bytes is more than kernel.shmmax (%s) allows; root can raise it with sysctl", size,
			sysctl("kernel/shmmax"))
	case unix.ENOMEM:
		f.Code, f.Advice = fault.CommitmentLimit, memoryAdvice(size)
	case unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	}
	return f
}

// segmentState is a line of /proc/sysvipc/shm.
type segmentState struct {
	id       int
	mode     uint32
	size     int64
	creator  uint32
	changed  int64
	resident int64
}

// segmentPath is how every segment begins in /proc/<pid>/maps.
const segmentPath = "/SYSV"

// segmentsFile is the list of all segments.
var segmentsFile = "/proc/sysvipc/shm"

// segments reads that list, which everybody may read.
func segments() ([]segmentState, error) {
	b, err := contents(segmentsFile)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 { // it has at least a heading if it exists and may be read
		return nil, errSegmentsHidden
	}
	// key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
	var all []segmentState
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 16 || f[0][0] == 'k' {
			continue
		}
		number := func(i, base int) int64 {
			n, _ := strconv.ParseInt(string(f[i]), base, 64)
			return n
		}
		all = append(all, segmentState{
			id: int(number(1, 10)), mode: uint32(number(2, 8)), size: number(3, 10), creator: uint32(number(9, 10)),
			changed: number(13, 10), resident: number(14, 10) + number(15, 10),
		})
	}
	return all, nil
}

// errSegmentsHidden says that nothing is known of any segment, least of all that it is gone.
var errSegmentsHidden = &fault.Fault{Code: fault.AccessDenied,
	Cause:  errors.New("/proc/sysvipc/shm, the list of all segments, is missing or cannot be read"),
	Advice: "this process sees only part of /proc (systemd's ProcSubset=, paths masked by a container)"}

// findSegment looks for a segment in the list. An error means that the list cannot be read.
func findSegment(id int) (segmentState, bool, error) {
	all, err := segments()
	for _, s := range all {
		if s.id == id {
			return s, true, nil
		}
	}
	return segmentState{}, false, err
}

const (
	shmDest      = 0o1000   // SHM_DEST: the segment goes with its last attachment
	shmNoReserve = 0o10000  // SHM_NORESERVE
	shmExec      = 0o100000 // SHM_EXEC
)
