package wine

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
)

// codeError is an error of the object manager, ours or Wine's, as the root package has it; nil for any other.
func codeError(op, name string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return nil
	}
	return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(f.Code), Cause: f.Cause, Advice: f.Advice}
}
