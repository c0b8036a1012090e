package inspect

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

func TestMachineTellsSomethingAboutEverything(t *testing.T) {
	checks := Machine()
	if len(checks) == 0 {
		t.Fatal("there is nothing to tell about this machine")
	}
	for _, c := range checks {
		if c.Topic == "" || c.Detail == "" {
			t.Errorf("%+v says nothing", c)
		}
		if c.Status != OK && c.Status != Warning && c.Status != Missing {
			t.Errorf("%+v has no status", c)
		}
		if c.Status != OK && c.Advice == "" {
			t.Errorf("%+v leaves people without advice", c)
		}
	}
}

func TestCheckAsJSON(t *testing.T) {
	for want, c := range map[string]Check{
		`{"topic":"a","status":"ok","detail":"b"}`:                   {Topic: "a", Status: statusOf(kernel.OK), Detail: "b"},
		`{"topic":"a","status":"missing","detail":"b","advice":"c"}`: {Topic: "a", Status: statusOf(kernel.Missing), Detail: "b", Advice: "c"},
		`{"topic":"a","status":"warning","detail":"b","advice":"c"}`: {Topic: "a", Status: statusOf(kernel.Warning), Detail: "b", Advice: "c"},
		`{"topic":"","status":"warning","detail":""}`:                {Status: statusOf(77)},
	} {
		if got, err := json.Marshal(c); string(got) != want || err != nil {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func TestSetupErrorsAreTheLibrarys(t *testing.T) {
	err := setupError(&kernel.Fault{Code: kernel.PrivilegeNotHeld, Cause: errors.New("not root"), Advice: "become root"})
	var e *namedshm.Error
	if !errors.As(err, &e) || !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("%#v", err)
	}
	want := `set up Global\: a privilege is missing (ERROR_PRIVILEGE_NOT_HELD, 1314): not root; become root`
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if err := setupError(kernel.NotSupported); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "50)") {
		t.Errorf("a bare code: %v", err)
	}
	if err := setupError(fs.ErrClosed); err != fs.ErrClosed {
		t.Errorf("an error of another kind: %v", err)
	}
}
