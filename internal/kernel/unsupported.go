//go:build aix || (!unix && !windows)

package kernel

import (
	"context"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// This file lists what a platform must provide: each file with a platform's name implements some of these twins. Here
// they are for platforms that have no memory to share between processes, or no way to name it. They fail: a section
// that nobody else can open would be a lie.

type nativeSection struct{ seat seat }

type nativeView struct{}

func unsupported() error { return &fault.Fault{Code: fault.NotSupported} }

func createSection(context.Context, Name, Spec, Access, Mode) (nativeSection, bool, error) {
	return nativeSection{}, false, unsupported()
}

func openSection(context.Context, Name, Access) (nativeSection, error) {
	return nativeSection{}, unsupported()
}

func (nativeSection) size() int64     { return 0 }
func (nativeSection) granted() Access { return 0 }
func (nativeSection) close() error    { return unsupported() }

func (nativeSection) mapView(int64, int64, Access) (nativeView, error) {
	return nativeView{}, unsupported()
}

func (nativeView) bytes() []byte { return nil }
func (nativeView) length() int   { return 0 }
func (nativeView) flush() error  { return unsupported() }
func (nativeView) unmap() error  { return unsupported() }

func (nativeView) vacate() (func(), error) { return nil, unsupported() }

type nativeWaitable struct{}

func createWaitable(context.Context, Name, WaitableSpec, Mode) (*nativeWaitable, bool, error) {
	return nil, false, unsupported()
}

func openWaitable(context.Context, Name, Kind, Rights) (*nativeWaitable, error) {
	return nil, unsupported()
}

func (*nativeWaitable) bind(*waiting.Uses)           {}
func (*nativeWaitable) lockFree() bool               { return false }
func (*nativeWaitable) unlockHeld() (bool, error)    { return false, nil }
func (*nativeWaitable) holds() bool                  { return false }
func (*nativeWaitable) setUnwatched() bool           { return false }
func (*nativeWaitable) takeSoon() bool               { return false }
func (*nativeWaitable) set() error                   { return unsupported() }
func (*nativeWaitable) reset() error                 { return unsupported() }
func (*nativeWaitable) pulse() error                 { return unsupported() }
func (*nativeWaitable) release(int64) (int64, error) { return 0, unsupported() }
func (*nativeWaitable) wait(context.Context) (Outcome, error) {
	return Outcome{}, unsupported()
}
func (*nativeWaitable) try() (bool, bool, error)  { return false, false, unsupported() }
func (*nativeWaitable) unlock() error             { return unsupported() }
func (*nativeWaitable) abandon() error            { return unsupported() }
func (*nativeWaitable) close() error              { return unsupported() }
func (*nativeWaitable) same(*nativeWaitable) bool { return false }

func waitNative(context.Context, []*nativeWaitable, bool) (Outcome, error) {
	return Outcome{}, unsupported()
}

// SetWaitSpin changes nothing where nothing waits.
func SetWaitSpin(time.Duration) time.Duration { return 0 }

func exists(Name) bool { return false }

func statObject(Name) (Info, error) { return Info{}, unsupported() }

func listObjects(Namespace) ([]Info, error) { return nil, unsupported() }

func listNames(Namespace) ([]string, error) { return nil, unsupported() }

func buryObjects(Namespace) ([]Burial, error) { return nil, unsupported() }
func judgeShared(string, uintptr) error       { return unsupported() }
func buryElsewhere() ([]Burial, error)        { return nil, unsupported() }

// nameWatch is never waited on: the open before it fails, and not because the name is missing.
type nameWatch struct{}

func newNameWatch(Name) *nameWatch { return &nameWatch{} }

func (*nameWatch) wait(context.Context) error { return unsupported() }

func (*nameWatch) close() {}

func examine() []Check {
	return []Check{{Topic: "platform", Status: Missing, Detail: "this platform has no named shared memory",
		Advice: "use Windows, Linux or another Unix"}}
}

func setupGlobal(string) (Setup, error) { return Setup{}, unsupported() }
