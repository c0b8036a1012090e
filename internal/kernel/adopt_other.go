//go:build !linux

package kernel

import (
	"context"
	"os"
)

func adoptSection(context.Context, Name, *os.File, int64, Access) (s nativeSection, err error) {
	return s, &Fault{Code: NotSupported}
}

func memoryOf(nativeSection) (*os.File, error) { return nil, &Fault{Code: NotSupported} }
