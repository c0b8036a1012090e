package win32_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/win32"
)

const endingVariable = "NAMEDSHM_WIN32_ENDING"

// The goroutine of main is locked to the main thread before any other runs.
func init() {
	if os.Getenv(endingVariable) != "" {
		runtime.LockOSThread()
		endOnMainThread()
	}
}

// endOnMainThread ends the goroutine when it owns a mutex, and reports what another thread sees of that.
func endOnMainThread() {
	h, err := win32.CreateMutex(nil, true, nil)
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		<-ended
		event, waitErr := win32.WaitForSingleObject(h, 300)
		fmt.Println(syscall.Gettid() != syscall.Getpid(), event, err, waitErr)
		os.Exit(0)
	}()
	defer close(ended)
	if syscall.Gettid() == syscall.Getpid() {
		runtime.Goexit()
	}
}

// TestMainThreadAbandonsNothing holds on to what the documents say of Go's main thread: it is parked where others end,
// so that a goroutine which ends there as the owner of a mutex abandons nothing. If this fails, Go has changed, and the
// documents can.
func TestMainThreadAbandonsNothing(t *testing.T) {
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), endingVariable+"=1")
	out, err := c.CombinedOutput()
	if want := fmt.Sprintln(true, timeout, error(nil), error(nil)); err != nil || string(out) != want {
		t.Errorf("%v, %q, want %q", err, out, want)
	}
}
