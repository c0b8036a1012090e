package kernel

import "github.com/namedshm/namedshm/internal/fault"

// mistake is fault.Mistake, in the protocol of names. Without its build tag the compiler leaves the mistakes out.
func mistake(which string) bool { return fault.Mistake(which) }
