//go:build !linux

package kernel

import (
	"context"
	"os"

	"github.com/namedshm/namedshm/internal/fault"
)

func adoptSection(context.Context, Name, *os.File, int64, Access) (s nativeSection, err error) {
	return s, &fault.Fault{Code: fault.NotSupported}
}

func memoryOf(nativeSection) (*os.File, error) { return nil, &fault.Fault{Code: fault.NotSupported} }
