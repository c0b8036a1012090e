package kernel

import (
	"encoding/hex"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// memfdBacking is Local memory on Linux: a memfd. It has no name. An opener reaches it through the descriptor of a
// living holder, /proc/<pid>/fd/<n>. That needs no help from the holder, which may be stopped.
type memfdBacking struct{}

// memfdName is the name that a memfd has in /proc. It contains the token, so that the link alone tells it from any
// other.
func memfdName(t token) string { return "namedshm-" + hex.EncodeToString(t[:]) }

// memfdPrefix is how every memfd begins in /proc/<pid>/maps.
const memfdPrefix = "/memfd:"

// memfdPath is how a memfd appears in /proc/<pid>/maps.
func memfdPath(t token) string { return memfdPrefix + memfdName(t) }

// memfdLink is what the link /proc/<pid>/fd/<n> reads.
func memfdLink(t token) string { return memfdPath(t) + " (deleted)" }

func (memfdBacking) id() backingID  { return backingMemfd }
func (memfdBacking) openFlags() int { return unix.O_RDWR }

func (memfdBacking) nature() nature {
	return nature{byDescriptor: true, namespaced: true, locksTell: true}
}

func (memfdBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	m, err := newMemfd(spec, h.token)
	if err != nil {
		return nil, err
	}
	h.identity = [3]uint64{m.device, m.inode}
	if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		// The creator's own handle gets no more access than it asked for.
		if err := m.reopen(unix.O_RDONLY); err != nil {
			m.close()
			return nil, err
		}
	}
	return m, nil
}

// memfdWays are the flags to try with memfd_create, for memory that can never be executed and, with Execute, for memory
// that can: the best first, then those known to kernels before 6.3 and to filters that have not heard of the newer
// flags. MFD_NOEXEC_SEAL implies that sealing is allowed.
var memfdWays = [2][]int{
	{unix.MFD_ALLOW_SEALING | unix.MFD_NOEXEC_SEAL, unix.MFD_NOEXEC_SEAL, unix.MFD_ALLOW_SEALING},
	{unix.MFD_ALLOW_SEALING | unix.MFD_EXEC, unix.MFD_ALLOW_SEALING},
}

// memfdWay is which of them worked last.
var memfdWay [2]atomic.Int32

// makeMemfd calls memfd_create in the first of these ways that works.
func makeMemfd(name string, executable int) (fd int, err error) {
	ways, known := memfdWays[executable], &memfdWay[executable]
	for way := int(known.Load()); way < len(ways); way++ {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|ways[way])
		if err == nil {
			known.Store(int32(way))
			return fd, nil
		}
		if err != unix.EINVAL && !filtered(err) {
			break
		}
	}
	return -1, err
}

func newMemfd(spec *Spec, t token) (*memfd, error) {
	executable := 0
	if spec.Protection.grants()&Execute != 0 {
		executable = 1
	}
	fd, err := makeMemfd(memfdName(t), executable)
	if err != nil {
		if err == unix.EACCES && executable == 1 {
			return nil, fault.Advise(memfdFault("memfd_create", err),
				"vm.memfd_noexec is 2: this machine does not allow executable memory")
		}
		return nil, memfdFault("memfd_create", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, memfdFault("fstat", err)
	}
	m := &memfd{fd: fd, mode: unix.O_RDWR, device: uint64(st.Dev), inode: st.Ino}
	if err := m.shape(spec); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// shape gives the memory its size, its mode and its seals: nobody can ever shrink it under a reader or grow it, and if
// the protection forbids writing, so does the kernel.
func (m *memfd) shape(spec *Spec) error {
	if err := fits(spec.Size); err != nil {
		return err
	}
	if err := truncate(m.fd, spec.Size); err != nil {
		return memfdFault("ftruncate", err)
	}
	mode := uint32(0o600)
	if spec.Protection.grants()&Execute != 0 {
		mode = 0o700
	}
	if err := unix.Fchmod(m.fd, mode); err != nil {
		return memfdFault("fchmod", err)
	}
	if spec.Commit == CommitNow {
		if err := reserve(m.fd, spec.Size); err != nil {
			return err
		}
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if spec.Protection.grants()&Write == 0 {
		seals |= unix.F_SEAL_WRITE
	}
	if _, err := unix.FcntlInt(uintptr(m.fd), unix.F_ADD_SEALS, seals); err != nil {
		return memfdFault("seal", err)
	}
	return nil
}

// reserve allocates every page, piece by piece: a signal interrupts the call, which then gives back what it had
// allocated.
func reserve(fd int, size int64) error {
	const piece = 16 << 20
	for at := int64(0); at < size; {
		n := min(piece, size-at)
		switch err := unix.Fallocate(fd, 0, at, n); err {
		case nil:
			at += n
		case unix.EINTR:
		case unix.ENOMEM, unix.ENOSPC:
			return &fault.Fault{Code: fault.CommitmentLimit, Cause: os.NewSyscallError("fallocate", err),
				Advice: memoryAdvice(size)}
		default:
			return memfdFault("fallocate", err)
		}
	}
	return nil
}

func memfdFault(op string, err error) error {
	f := &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError(op, err), Advice: filterAdvice(op, err)}
	switch err {
	case unix.EMFILE, unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	case unix.EFBIG:
		f.Code = fault.NotEnoughMemory
	}
	return f
}

func (memfdBacking) entryFile(p *place, h *header, m memory) (*entry, error) {
	return newTmpfileEntry(p, h, 0o600, m.descriptor())
}

func (memfdBacking) makeSeats(e *entry, _ memory) (*entry, error) { return e, nil }
func (memfdBacking) publishSeats(_, _ *entry) error               { return nil }
func (memfdBacking) openSeats(e *entry, _ memory) (*entry, error) { return e, nil }
func (memfdBacking) removeSeats(*entry)                           {}

func (memfdBacking) dead(*entry) bool             { return false }
func (memfdBacking) sweep(*place) []Burial        { return nil }
func (memfdBacking) tryReach() error              { return nil }
func (memfdBacking) mappedAs(e *entry) mappingKey { return mappingKey{name: memfdPath(e.token)} }

func (memfdBacking) bury(p *place, e *entry) error {
	got, err := p.locks.lockExclusive(e)
	if err != nil {
		return p.fault("lock", e.path(), err)
	}
	if !got {
		return errMoved
	}
	return p.removeNamed(e)
}

func (memfdBacking) buryIfLast(p *place, e *entry) {
	if got, _ := p.locks.lockExclusive(e); got {
		p.removeNamed(e)
	}
}

// reach goes through the doors of living handles: first those on record, then every descriptor of every process,
// because a record is only a hint (a forked child may have outlived the process that wrote it, or the table was full).
// A locked slot means a living handle, so usually nothing else need be asked.
func (b memfdBacking) reach(p *place, e *entry, access Access) (memory, error) {
	return b.reachBy(p, e, access, means{e.search, isExitingProcess})
}

// means is how reach looks beyond the doors.
type means struct {
	search  func(flags int) (memory, error)
	exiting func(pid int) bool
}

// reachBy is reach with the means given.
func (memfdBacking) reachBy(p *place, e *entry, access Access, by means) (memory, error) {
	flags := unix.O_RDONLY
	if access&Write != 0 && e.protection.grants()&Write != 0 {
		flags = unix.O_RDWR
	}
	if m, err := e.throughDoors(flags); m != nil || err != nil {
		return m, err
	}
	if err := p.aliveOrBury(e); err != nil {
		return nil, err
	}
	if e.slotsChanged() {
		return nil, errMoved
	}
	if vainSearches.recent(e) {
		if a := e.unreached(by.exiting); a.dying {
			return nil, a
		}
	}
	begun := time.Now()
	m, err := by.search(flags)
	if m != nil || isFinal(err) {
		return m, err
	}
	took := time.Since(begun)
	// That may have taken seconds, if some program has a hundred thousand descriptors, and meanwhile the memory may
	// have passed from a process not yet looked at to one already looked at.
	if err := e.readSlots(e.first); err != nil {
		return nil, p.fault("read", e.path(), err)
	}
	if m, err := e.throughDoors(flags); m != nil || err != nil {
		return m, err
	}
	if err := p.aliveOrBury(e); err != nil {
		return nil, err
	}
	if e.slotsChanged() {
		return nil, errMoved
	}
	a := e.unreached(by.exiting)
	if a.dying {
		vainSearches.note(e, took)
	}
	return nil, a
}

// describe reads the holders from the door records of living handles, and asks the first door that opens how much
// memory is in use. Handles without a record are counted, but belong to no known holder.
func (memfdBacking) describe(e *entry, s *sighting) {
	for slot := range slotCount {
		if len(s.Holders) > 0 && countOf(s.Holders) >= s.Handles {
			break
		}
		d, ok := doorAt(e.first, slot)
		if !ok || !slotLocked(e, slot) {
			continue
		}
		h := s.addHandle(int(d.pid))
		h.Access = append(h.Access, d.access())
		if s.Resident < 0 && !e.overFile() {
			s.Resident = e.residentAt(d)
		}
	}
}

func (memfdBacking) survey(p *place, found []*sighting) error { return p.findHolders(found, false) }

// residentAt returns the memory in use according to one holder's descriptor, -1 if that cannot be asked.
func (e *entry) residentAt(d door) int64 {
	var st unix.Stat_t
	err := unix.Stat(d.path(), &st)
	if err != nil {
		if task := survivor(int(d.pid)); task != "" {
			err = unix.Stat(task+"/fd/"+strconv.Itoa(int(d.descriptor)), &st)
		}
	}
	if err == nil && uint64(st.Dev) == e.identity[0] && st.Ino == e.identity[1] {
		return st.Blocks * 512
	}
	return -1
}

// memfd is memory behind a descriptor.
type memfd struct {
	fd            int
	mode          int // O_RDONLY or O_RDWR
	device, inode uint64
}

func (m *memfd) descriptor() int { return m.fd }
func (m *memfd) openMode() int   { return m.mode }
func (m *memfd) ours() bool      { return lossUnless(leadsTo(m.fd, m.device, m.inode)) }

func (m *memfd) view(offset, length int64, access Access) ([]byte, error) {
	if !m.ours() {
		return nil, errLost
	}
	return mapFile(m.fd, offset, length, access)
}

// close has nothing to write back: the descriptor is free, whatever close returns.
func (m *memfd) close() error {
	if !m.ours() {
		return errLost
	}
	unix.Close(m.fd)
	return nil
}

// reopen replaces the descriptor by one with another access mode.
func (m *memfd) reopen(flags int) error {
	fd, err := openPath(selfDescriptor(m.fd), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return memfdFault("open", err)
	}
	unix.Close(m.fd)
	m.fd, m.mode = fd, flags
	return nil
}
