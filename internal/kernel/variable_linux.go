package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
)

// checkVariable refuses a meaningless value of an environment variable: otherwise a mistyped value would silently mean
// something else. A variable that is ignored may have any value.
func checkVariable(variable, value string, meanings ...string) error {
	if value == "" || slices.Contains(meanings, value) {
		return nil
	}
	return &fault.Fault{Code: fault.InvalidParameter, Cause: fmt.Errorf("the environment variable %s is %.40q", variable,
		value),
		Advice: "unset it, or set it to " + strings.Join(meanings, " or ")}
}

func checkBackingVariable(value string) error { return checkVariable(BackingVariable, value, "file") }

// checkWaitVariable is called wherever a waitable handle is made or opened. A wait itself does not check: it often ends
// without sleeping, and must not fail only when it sleeps. The variable is read once, as the way of waiting is chosen
// once.
func checkWaitVariable() error { return wrongWaitVariable }

var wrongWaitVariable = checkVariable(WaitVariable, setting(WaitVariable), "futex", "poll")

// BackingVariable names the environment variable that, set to "file", makes Linux use the backing of other Unix
// systems, for tests of that backing. Processes that are to meet must agree on it.
const BackingVariable = "NAMEDSHM_BACKING"
