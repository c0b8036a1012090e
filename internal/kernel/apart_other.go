//go:build unix && !linux && !aix

package kernel

import "github.com/namedshm/namedshm/internal/fault"

// apart, lending and loan are for pages that go apart from their section. That requires moving mappings and finding out
// which pages were written, which these systems cannot do.
type (
	apart   struct{ loan *loan }
	lending struct{}
	loan    struct{}
)

func (v *nativeView) detach(int, int, int64, Access) error {
	return &fault.Fault{Code: fault.NotSupported}
}

func (v *nativeView) attach(int, int, Access) (bool, error) {
	return false, &fault.Fault{Code: fault.NotSupported}
}

func (*apart) sharedPart(int, int) []byte { return nil }
func (*apart) end(int)                    {}
func (h *handle) lend() *loan             { return nil }
func (h *handle) recall()                 {}
func (h *handle) closeMemory() error      { return h.mem.close() }
