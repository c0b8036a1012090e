//go:build linux

package riot

import (
	"fmt"
	"slices"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// Try runs what needs a host where a failure is something to be told and not the end. It returns how the host was
// failed, or "".
func Try(run func(actors.Host)) (failure string) {
	t := &trial{}
	defer func() {
		for _, f := range slices.Backward(t.cleanups) {
			f()
		}
	}()
	defer func() {
		switch what := recover().(type) {
		case nil:
		case failed:
			failure = string(what)
		default:
			panic(what)
		}
	}()
	run(t)
	return ""
}

// trial is the host of a Try.
type trial struct{ cleanups []func() }

// failed is the panic that ends it.
type failed string

func (t *trial) Helper()                           {}
func (t *trial) Fatal(args ...any)                 { panic(failed(fmt.Sprint(args...))) }
func (t *trial) Fatalf(format string, args ...any) { panic(failed(fmt.Sprintf(format, args...))) }
func (t *trial) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
