// Package depth says how deep the tests go.
//
// `go test ./...` is what people wait for: every suite takes part, and shows that it finds what it is there to find,
// but at fewer points, for a shorter time and in fewer configurations. The environment variable NAMEDSHM_TEST_DEPTH
// asks for more:
//
//   - "full" is what CI runs: every scene at every point, all settings, all benchmarks;
//   - "every" leaves out nothing at all, and takes hours.
package depth

import (
	"fmt"
	"os"
)

// Variable names the environment variable.
const Variable = "NAMEDSHM_TEST_DEPTH"

const (
	full  = "full"
	every = "every"
)

// init refuses a value that would otherwise be taken for none: somebody believes that the tests went deeper than they
// did.
func init() {
	switch asked := os.Getenv(Variable); asked {
	case "", full, every:
	default:
		fmt.Fprintf(os.Stderr, "%s=%q: it is %q, %q or not set\n", Variable, asked, full, every)
		os.Exit(2)
	}
}

// Full reports whether the tests are to go as deep as in CI.
func Full() bool { return os.Getenv(Variable) != "" }

// Every reports whether the tests are to leave out nothing.
func Every() bool { return os.Getenv(Variable) == every }

// Of is the first value for a quick run, and the second for a full one.
func Of[T any](quick, full T) T {
	if Full() {
		return full
	}
	return quick
}
