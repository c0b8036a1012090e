package kernel

import (
	"errors"

	"github.com/namedshm/namedshm/internal/fault"
)

// Check is one fact about this machine that matters here, and what to do about it.
type Check struct {
	Topic  string // "Local directory", "kernel.shmmni", …
	Status Status
	Detail string
	Advice string
	Free   int64 // how many bytes of it are free, if it is memory that can run out
}

// Status is the result of a Check.
type Status uint8

const (
	OK Status = iota
	Warning
	Missing
)

// Examine reports what this machine offers, and tries what the library does. It leaves nothing behind.
func Examine() []Check { return examine() }

// failed returns a check that reports an error.
func failed(topic string, status Status, err error) Check {
	c := Check{Topic: topic, Status: status, Detail: err.Error()}
	var f *fault.Fault
	if errors.As(err, &f) {
		c.Advice = f.Advice
		if f.Cause != nil {
			c.Detail = f.Cause.Error()
		}
	}
	return c
}
