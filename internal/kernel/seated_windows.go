package kernel

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"golang.org/x/sys/windows"

	"github.com/namedshm/namedshm/internal/fault"
)

// PublishedFirst is true where others can see a section before its Prepare has run: here the name is there with the
// memory.
const PublishedFirst = true

// seat is that of a handle to a section: a mutex with a name that is made of the section's and the seat's number,
// and which a thread of this process owns. The system takes it from a process that dies, and others can ask it
// whether it is owned. To have a handle to it is not to own it, so nobody can keep a dead owner's seat.
type seat struct {
	of    Name
	seats bool
	mutex *Waitable
	id    uint32
}

func (s *seat) seen() bool { return s.seats }

// seatPrefix begins the names of the mutexes.
const seatPrefix = "namedshm-seat-"

// seatName is the mutex of a seat: a section's name may be too long to add to it.
func seatName(of Name, id uint32) Name {
	sum := sha256.Sum256([]byte(of.Base))
	return Name{Namespace: of.Namespace, Base: fmt.Sprintf("%s%x-%08x", seatPrefix, sum[:16], id)}
}

// furnish gives a section that was just made its content and its maker's seat. The section is closed if that fails.
func (s *nativeSection) furnish(name Name, spec *Spec) (err error) {
	if spec.Prepare != nil {
		err = s.prepareMemory(spec.Prepare)
	}
	if err == nil && spec.Seats {
		err = s.takeSeat(name)
	}
	if err != nil {
		s.close()
	}
	return err
}

func (s *nativeSection) prepareMemory(prepare func([]byte) error) error {
	view, err := s.mapView(0, 0, Read|Write)
	if err != nil {
		return err
	}
	defer view.unmap()
	return prepare(view.bytes())
}

// sitDown takes a seat at a section that was opened, if it is to and may write.
func (s *nativeSection) sitDown(name string, sit Sit) error {
	parsed, err := ParseName(name)
	if err != nil || parsed.Namespace == Unnamed {
		return err
	}
	if s.access&Write == 0 || sit == Stand {
		s.seat.of, s.seat.seats = parsed, true
		return nil
	}
	return s.takeSeat(parsed)
}

func (s *nativeSection) takeSeat(name Name) error {
	if name.Namespace == Unnamed {
		return nil
	}
	s.seat.of, s.seat.seats = name, true
	attributes, err := securityAttributes(Share{Audience: Everyone}, stateQuery)
	if err != nil {
		return err
	}
	for range 1000 {
		id := uint32(rand.Int32N(mostSeats) + 1)
		wide, err := wideName(seatName(name, id))
		if err != nil {
			return err
		}
		native, existed, err := createOwned(wide, attributes)
		switch {
		case err == nil && !existed:
			s.seat.mutex, s.seat.id = newWaitable("", KindMutex, allRights, native), id
			return nil
		case err == nil:
			native.close()
		case fault.CodeOf(err) != fault.AccessDenied && fault.CodeOf(err) != fault.InvalidHandle:
			return err
		}
	}
	return noSeat(name.String())
}

func (s nativeSection) getUp() {
	if s.seat.mutex != nil {
		s.seat.mutex.Unlock()
		s.seat.mutex.Close()
	}
}

// seatTaken asks whether a thread owns the mutex. What somebody else than the library has made under the name counts
// as taken.
func (s nativeSection) seatTaken(id uint32) bool {
	if !s.seat.seats || id == s.seat.id {
		return true
	}
	wide, err := wideName(seatName(s.seat.of, id))
	if err != nil {
		return true
	}
	handle, err := windows.OpenMutex(stateQuery, false, wide)
	if err != nil {
		return err != windows.ERROR_FILE_NOT_FOUND
	}
	defer windows.CloseHandle(handle)
	info, err := queryMutex(handle)
	return err != nil || info.count <= 0
}

func (nativeSection) seatLost() bool { return false }
func (nativeSection) fragile() bool  { return false }

func processPage() *int64 { return nil }

func processID() int { return int(windows.GetCurrentProcessId()) }

// pidNamespace is 0: there is one.
func pidNamespace() uint32 { return 0 }

func commandOfProcess(pid int) string {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(handle)
	path := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(path))
	if windows.QueryFullProcessImageName(handle, 0, &path[0], &size) != nil {
		return ""
	}
	return filepath.Base(windows.UTF16ToString(path[:size]))
}
