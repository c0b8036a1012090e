package upkeep

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
)

func TestSetupErrorsAreTheLibrarys(t *testing.T) {
	err := wrap("set up", namedshm.Global.String(),
		&fault.Fault{Code: fault.PrivilegeNotHeld, Cause: errors.New("not root"), Advice: "become root"})
	var e *namedshm.Error
	if !errors.As(err, &e) || !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("%#v", err)
	}
	want := `set up Global\: a required privilege is not held (ERROR_PRIVILEGE_NOT_HELD, 1314): not root; become root`
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if err := wrap("set up", namedshm.Global.String(), fault.NotSupported); !errors.Is(err, errors.ErrUnsupported) ||
		!strings.Contains(err.Error(), "50)") {
		t.Errorf("a bare code: %v", err)
	}
	if err := wrap("set up", namedshm.Global.String(), fs.ErrClosed); err != fs.ErrClosed {
		t.Errorf("an error of another kind: %v", err)
	}
}
