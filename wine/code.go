package wine

import (
	"errors"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

// codeError is an error of the object manager, ours or Wine's, as the root package has it; nil for any other.
func codeError(op, name string, err error) error {
	var fault *kernel.Fault
	if errors.As(err, &fault) {
		return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(fault.Code), Cause: fault.Cause, Advice: fault.Advice}
	}
	var code kernel.Code
	if errors.As(err, &code) {
		return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(code)}
	}
	return nil
}
