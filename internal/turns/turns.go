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

// Run is for TestMain: it runs the tests of a package together with others, and clean when they are over. The program
// ends with the status that it gives.
func Run(tests interface{ Run() int }, clean func() error) (status int) {
	end, err := Together()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer end()
	status = tests.Run()
	if err := clean(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	return status
}

// path is the file that the turns are taken on. Its name is not secret, in a directory that everybody may write:
// openOwn makes sure that the file is this user's.
func path() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("namedshm-test-turns-%d", os.Getuid()))
}

func take(alone bool) (func(), error) {
	f, err := openOwn(path())
	if err != nil {
		return nil, fmt.Errorf("taking turns with other tests: %w", err)
	}
	if err := lock(f, alone); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
