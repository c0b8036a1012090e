package kernel

import (
	"strings"
	"testing"
)

// TestGlobalAdviceInASandbox: a user who may not make Global names in an IPC namespace other than the machine's is
// advised how to get the host's; nobody else is, and nobody for names kept in files.
func TestGlobalAdviceInASandbox(t *testing.T) {
	real, err := sessionOf()
	must(t, err)
	t.Cleanup(func() { knownSession.Store(&real) })
	for _, c := range []struct {
		title     string
		ipc       string
		namespace Namespace
		backing   backing
		outer     bool
		told      bool
	}{
		{"on the host", initialIPCNamespace, Global, sysvBacking{}, false, false},
		{"in a container", "4026532180", Global, sysvBacking{}, false, true},
		{"in a sandbox that does not map the host's root", "4026532181", Global, sysvBacking{}, true, true},
		{"in one with the host's IPC", initialIPCNamespace, Global, sysvBacking{}, true, false},
		{"in files", "4026532180", Global, fileBacking{}, false, false},
		{"Local names", "4026532180", Local, memfdBacking{}, false, false},
	} {
		session := real
		session.ipc = c.ipc
		knownSession.Store(&session)
		p := newPlace(c.namespace, "/dev/shm/x", 1000, c.backing, nil)
		p.outer = c.outer
		advice := p.globalAdvice()
		for _, word := range []string{"--ipc=host", "without --unshare-ipc"} {
			if strings.Contains(advice, word) != c.told {
				t.Errorf("%s: %q", c.title, advice)
			}
		}
	}
}
