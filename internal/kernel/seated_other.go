//go:build aix || (!unix && !windows)

package kernel

// PublishedFirst is true where others can see a section before its Prepare has run.
const PublishedFirst = false

type seat struct{ id uint32 }

func (*seat) seen() bool { return false }

func (nativeSection) sitDown(string, Sit) error { return unsupported() }
func (nativeSection) seatTaken(uint32) bool     { return true }
func (nativeSection) seatLost() bool            { return false }
func (nativeSection) fragile() bool             { return false }

func processPage() *int64 { return nil }

func processID() int { return 0 }

func pidNamespace() uint32 { return 0 }

func commandOfProcess(int) string { return "" }
