//go:build !linux

package wine

import (
	"context"
	"errors"
	"fmt"

	"github.com/namedshm/namedshm"
)

// The twins of a system on which no Windows program's memory can be reached this way.

var errUnsupported = fmt.Errorf("Windows programs under Wine are reached on Linux alone: %w", errors.ErrUnsupported)

type helper struct{}

func (*helper) close() error { return errUnsupported }

func prefixes() ([]Prefix, error) { return nil, errUnsupported }

func sameDirectory(_, _ string) bool { return false }
func foreign(string) error           { return nil }

func (p *Prefix) sameNamespace(string) bool { return true }

func (p *Prefix) sections(context.Context) ([]Info, error) { return nil, errUnsupported }

func (p *Prefix) open(context.Context, string, namedshm.Access) (*Section, error) {
	return nil, errUnsupported
}

func (p *Prefix) publish(context.Context, *namedshm.Section, string) (*Publication, error) {
	return nil, errUnsupported
}

func follow(ctx context.Context, _ Target, events chan<- Event) {
	send(ctx, events, Event{Kind: Failed, Err: errUnsupported})
}

func offer(ctx context.Context, _ string, _ *namedshm.Section, _ string, events chan<- Event) {
	send(ctx, events, Event{Kind: Failed, Err: errUnsupported})
}
