//go:build !linux

package wine

import (
	"context"
	"errors"
	"fmt"

	"github.com/namedshm/namedshm"
)

// The twins of a system on which no Windows program's memory can be reached this way.

var errUnsupported = fmt.Errorf("Windows programs under Wine can be reached only on Linux: %w", errors.ErrUnsupported)

type helper struct{}

func (*helper) close() error { return errUnsupported }

func prefixes() ([]Prefix, error) { return nil, errUnsupported }

func sameDirectory(_, _ string) bool { return false }
func foreign(string) error           { return nil }

func (p *Prefix) sameNamespace(string) bool { return true }

func (p *Prefix) check() error { return errUnsupported }

func (p *Prefix) sections(context.Context) ([]SectionInfo, error) { return nil, errUnsupported }

func (p *Prefix) open(context.Context, string, namedshm.Access) (*Attachment, error) {
	return nil, errUnsupported
}

func (p *Prefix) publish(context.Context, *namedshm.Section, string) (*Publication, error) {
	return nil, errUnsupported
}

func follow(ctx context.Context, _ Target, changes chan<- Change) {
	send(ctx, changes, Change{Kind: Failed, Err: errUnsupported})
}

func offer(ctx context.Context, _ string, _ *namedshm.Section, _ string, changes chan<- Change) {
	send(ctx, changes, Change{Kind: Failed, Err: errUnsupported})
}
