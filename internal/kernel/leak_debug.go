//go:build namedshm_debug

package kernel

import (
	"fmt"
	"os"
	"runtime/debug"
)

// LeakReport says what to do when a handle or view is found leaked: tell standard error, with the stack that made it.
func LeakReport(what string) func() {
	stack := debug.Stack()
	return func() {
		fmt.Fprintf(os.Stderr, "namedshm: leaked without Close: %s, made by:\n%s\n", what, stack)
	}
}
