//go:build unix && !aix

package kernel

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// Root is the directory that holds the namespaces' directories.
func Root() string { return root() }

// RootVariable names the environment variable that moves both namespaces' directories. All processes that are to meet
// must agree on it. setting says when it and the other variables are ignored.
const RootVariable = "NAMEDSHM_ROOT"

// root is the directory that holds the namespaces' directories.
func root() string { return rootOf(setting(RootVariable)) }

// rootOf is root for a value of RootVariable.
func rootOf(dir string) string {
	if dir == "" {
		return defaultRoot
	}
	return cmp.Or(strings.TrimRight(dir, "/"), "/")
}

// below is the path of a name in a directory.
func below(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

// isRelative reports a value of RootVariable that would mean another directory in each process. Such a value is not
// used at all.
func isRelative(dir string) bool { return dir != "" && !filepath.IsAbs(dir) }

// wrongRoot returns why a value of RootVariable names no directory that could hold the namespaces' directories; nil if
// it does, or if it is empty.
func wrongRoot(dir string) error {
	var st unix.Stat_t
	var why string
	switch {
	case dir == "":
		return nil
	case isRelative(dir):
		why = "which is not an absolute path"
	default:
		switch err := unix.Stat(dir, &st); {
		case err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR, err == unix.ENOTDIR:
			why = "which is not a directory"
		case err == unix.ENOENT:
			why = "which does not exist"
		case err == unix.ELOOP, err == unix.ENAMETOOLONG:
			why = "which cannot be resolved: " + err.Error()
		default: // every other error concerns the right to go there
			return nil
		}
	}
	return &fault.Fault{Code: fault.InvalidParameter,
		Cause:  fmt.Errorf("the environment variable %s is %.200q, %s", RootVariable, dir, why),
		Advice: "unset it, or set it to the absolute path of a directory that exists"}
}
