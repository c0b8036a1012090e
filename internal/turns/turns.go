// Package turns keeps measurements and heavy tests apart: `go test ./...` runs the tests of several packages at once,
// and a measurement beside a stress test measures the stress.
package turns

import (
	"fmt"
	"os"
	"path/filepath"
)

// Alone waits until no test that called Together runs, and keeps others from starting, until end is called or the
// process ends.
func Alone() (end func(), err error) { return take(true) }

// Together lets several heavy tests run at once, but none beside one that is Alone.
func Together() (end func(), err error) { return take(false) }

func take(alone bool) (func(), error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("namedshm-test-turns-%d", os.Getuid())), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := lock(f, alone); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
