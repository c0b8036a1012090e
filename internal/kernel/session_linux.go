package kernel

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/namedshm/namedshm/internal/fault"
)

// initialUserNamespace is the inode of the machine's first user namespace.
const initialUserNamespace = "4026531837"

// initialIPCNamespace is the inode of the machine's first IPC namespace.
const initialIPCNamespace = "4026531839"

// ownIPC reports whether Global names here belong to an IPC namespace other than the machine's first: usually a
// container's or another sandbox's. It makes no difference to names that are kept in files.
func (p *place) ownIPC() bool {
	session, err := sessionOf()
	return err == nil && p.namespace == Global && p.backing.nature().namespaced && session.ipc != initialIPCNamespace
}

// namespaces distinguish this process's Local and Global from those of processes in other containers.
type namespaces struct{ pid, user, ipc string }

// sessionOf is read once: a process cannot leave its PID namespace, and one that moves between IPC or user namespaces
// keeps the names it had. What could not be read, for lack of memory for instance, is tried again the next time.
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
		return namespaces{}, &fault.Fault{Code: fault.NotSupported,
			Cause:  fmt.Errorf("/proc belongs to another PID namespace: it calls this process %s instead of %d", self, pid),
			Advice: "mount a /proc of this PID namespace (unshare --mount-proc does)"}
	}
	var n namespaces
	for name, inode := range map[string]*string{"pid": &n.pid, "user": &n.user, "ipc": &n.ipc} {
		link, err := os.Readlink("/proc/self/ns/" + name) // not this thread's: the thread may have been moved to another
		if err != nil {
			link, err = os.Readlink("/proc/thread-self/ns/" + name) // the first thread has ended and shows none
		}
		if err != nil {
			return namespaces{}, procFault(err)
		}
		*inode = strings.TrimSuffix(strings.TrimPrefix(link, name+":["), "]")
	}
	return n, nil
}

// pidNamespace identifies the PID namespace of this process.
func pidNamespace() uint32 {
	session, _ := sessionOf()
	inode, _ := strconv.ParseUint(session.pid, 10, 64)
	return uint32(inode)
}
