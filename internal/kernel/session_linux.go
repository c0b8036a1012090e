package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// defaultRoot is where both namespaces' directories lie: a tmpfs on every distribution, sticky, and root's.
const defaultRoot = "/dev/shm"

const fileSystemFoldsCase = false

// directoryFlags open a directory for the *at calls alone, which takes no right to read it.
const directoryFlags = unix.O_PATH

// initialUserNamespace is the inode of the user namespace that the machine starts with.
const initialUserNamespace = "4026531837"

// namespaces is what tells this process's Local and Global from those of processes in other containers.
type namespaces struct{ pid, user, ipc string }

// sessionOf is read once: a process cannot leave its PID namespace, and one that moves between IPC or user namespaces
// keeps the names it had. What could not be read is tried again the next time: for want of memory, for instance.
func sessionOf() (namespaces, error) {
	if known := knownSession.Load(); known != nil {
		return *known, nil
	}
	read, err := readSession()
	if err == nil {
		knownSession.Store(&read)
	}
	return read, err
}

var knownSession atomic.Pointer[namespaces]

func readSession() (namespaces, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return namespaces{}, procFault(err)
	}
	if pid := os.Getpid(); self != strconv.Itoa(pid) {
		return namespaces{}, &Fault{Code: NotSupported,
			Cause:  fmt.Errorf("/proc belongs to another PID namespace: it calls this process %s, it is %d", self, pid),
			Advice: "mount a /proc of this PID namespace (unshare --mount-proc does)"}
	}
	var n namespaces
	for name, inode := range map[string]*string{"pid": &n.pid, "user": &n.user, "ipc": &n.ipc} {
		link, err := os.Readlink("/proc/self/ns/" + name)
		if err != nil {
			return namespaces{}, procFault(err)
		}
		*inode = strings.TrimSuffix(strings.TrimPrefix(link, name+":["), "]")
	}
	return n, nil
}

// procFault is the error for what cannot be read of this process in /proc.
func procFault(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return &Fault{Code: NotSupported, Cause: err, Advice: "Linux needs /proc mounted"}
	}
	return &Fault{Code: codeOfErrno(err), Cause: err}
}

// BackingVariable names the environment variable that, set to "file", makes Linux use the backing of other Unix
// systems, for tests of that backing. Processes that are to meet must agree on it.
const BackingVariable = "NAMEDSHM_BACKING"

// placeKey is all that a place depends on and that may change while a process runs.
type placeKey struct {
	root string
	euid int
	file bool
}

type knownPlaces struct {
	key           placeKey
	local, global *place
}

var lastPlaces atomic.Pointer[knownPlaces]

// placeOf is the place of a namespace. An unnamed object has none, but memory of the Local kind.
func placeOf(n Namespace) (*place, error) {
	if err := needPoller(); err != nil {
		return nil, err
	}
	key := placeKey{root(), unix.Geteuid(), os.Getenv(BackingVariable) == "file" && !elevated()}
	known := lastPlaces.Load()
	if known == nil || known.key != key {
		session, err := sessionOf()
		if err != nil {
			return nil, err
		}
		known = newPlaces(key, session)
		lastPlaces.Store(known)
	}
	if n == Global {
		return known.global, nil
	}
	return known.local, nil
}

func newPlaces(key placeKey, session namespaces) *knownPlaces {
	if key.file {
		local, global := filePlaces(key.root, key.euid)
		return &knownPlaces{key, local, global}
	}
	local := fmt.Sprintf("%s/namedshm-u%d-p%s", key.root, key.euid, session.pid)
	if session.user != initialUserNamespace {
		local += "-n" + session.user
	}
	return &knownPlaces{key,
		newPlace(Local, local, key.euid, memfdBacking{}, ofdLocks{slots: true}),
		newPlace(Global, fmt.Sprintf("%s/namedshm-global-i%s", key.root, session.ipc), key.euid, sysvBacking{}, ofdLocks{}),
	}
}

// pidNamespace tells the PID namespace of this process from others.
func pidNamespace() uint32 {
	session, _ := sessionOf()
	inode, _ := strconv.ParseUint(session.pid, 10, 64)
	return uint32(inode)
}

// processors is 1 on a machine with one, and otherwise more, of which this process may be allowed one alone: whom it waits for may run on
// another.
func processors() int {
	fd, err := openPath("/sys/devices/system/cpu/online", unix.O_RDONLY|unix.O_CLOEXEC, 0) // not by package os: see needPoller
	if err != nil {
		return runtime.NumCPU()
	}
	defer unix.Close(fd)
	online := make([]byte, 4096)
	n, err := readAt(fd, online, 0)
	switch {
	case err != nil:
		return runtime.NumCPU()
	case bytes.ContainsAny(online[:n], ",-"): // "0-3", "0,2"; "0" is one
		return 2
	}
	return 1
}
