package kernel

import (
	"errors"

	"github.com/namedshm/namedshm/internal/fault"
)

// globalAdvice is what to do for a person who may not create Global names.
const globalAdvice = "to create Global sections, run elevated or as a service, " +
	`or grant the user the right "Create global objects" (SeCreateGlobalPrivilege)`

func setupGlobal(string) (Setup, error) {
	return Setup{}, &fault.Fault{Code: fault.NotSupported,
		Cause: errors.New("on Windows the Global directory always exists"), Advice: globalAdvice}
}
