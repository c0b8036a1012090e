//go:build namedshm_debug

package kernel

import (
	"fmt"
	"os"
	"runtime/debug"
)

// LeakReport says what to do about a leaked handle or view: it tells standard error, with the stack that made it. kept
// means a view that stays mapped.
func LeakReport(what string) func(kept bool) {
	stack := debug.Stack()
	return func(kept bool) {
		if kept {
			what += ", which stays mapped because its bytes were handed out"
		}
		fmt.Fprintf(os.Stderr, "namedshm: leaked without Close: %s, made by:\n%s\n", what, stack)
	}
}
