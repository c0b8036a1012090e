// Package plainprefix makes Wine prefixes for tests, as a user's own are: by wineboot alone, with nothing of this
// project in them.
package plainprefix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrMissing is the error of a machine without Wine.
var ErrMissing = errors.New("wine64 is missing; on Debian: apt-get install --no-install-recommends wine64 wine")

// Loader is the 64-bit wine program. Debian keeps it outside PATH.
func Loader() (string, error) {
	for _, candidate := range []string{"wine64", "/usr/lib/wine/wine64", "/usr/lib64/wine/wine64"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// Environ is the environment for a program in a prefix: this process's own, without windows and without what Wine says.
func Environ(prefix string) []string {
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "WINE") || strings.HasPrefix(entry, "DISPLAY=") ||
			strings.HasPrefix(entry, "WAYLAND_DISPLAY=")
	})
	return append(environ, "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=")
}

// Make returns a prefix that is created once and kept between runs, because creating one takes ten seconds. Nothing
// runs in it.
func Make() (string, error) {
	loader, err := Loader()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(loader)
	if err != nil {
		return "", err
	}
	cache, err := cacheDirectory()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, fmt.Sprintf("namedshm-plain-prefix-%x-%x", info.Size(), info.ModTime().Unix()))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(cache, "namedshm-plain-prefix-new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	boot := exec.Command(loader, "wineboot", "-i")
	boot.Env = Environ(fresh)
	if out, err := boot.CombinedOutput(); err != nil {
		return "", fmt.Errorf("wineboot: %w\n%s", err, out)
	}
	if err := Wait(fresh); err != nil {
		return "", err
	}
	// Somebody may have been faster; then theirs is as good.
	if err := os.Rename(fresh, path); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return path, nil
}

// cacheDirectory is the user's, also where the environment has no HOME.
func cacheDirectory() (string, error) {
	if cache, err := os.UserCacheDir(); err == nil {
		return cache, nil
	}
	account, err := user.Current()
	if err != nil {
		return "", err
	}
	return filepath.Join(account.HomeDir, ".cache"), nil
}

// Files are those of a prefix that a clone has for itself.
var Files = []string{"system.reg", "user.reg", "userdef.reg", ".update-timestamp"}

// Clone makes another prefix in an empty directory: with a registry of its own, and the same Windows directory.
func Clone(of, directory string) error {
	for _, name := range Files {
		b, err := os.ReadFile(filepath.Join(of, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(directory, name), b, 0o644); err != nil {
			return err
		}
	}
	devices := filepath.Join(directory, "dosdevices")
	if err := os.Mkdir(devices, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.Symlink(filepath.Join(of, "drive_c"), filepath.Join(directory, "drive_c")),
		os.Symlink("../drive_c", filepath.Join(devices, "c:")),
		os.Symlink("/", filepath.Join(devices, "z:")))
}

// Wait waits until nothing runs in a prefix any more.
func Wait(prefix string) error { return server(prefix, "-w") }

// Stop ends everything that runs in a prefix, and waits until it has ended.
func Stop(prefix string) error {
	server(prefix, "-k") // an error says that nothing ran
	return Wait(prefix)
}

// Remove ends everything that runs in a prefix and removes it, with what its wineserver left in the directory for
// temporary files: Debian's Wine notes in the prefix where that is, and never cleans it up.
func Remove(prefix string) error {
	stopped := Stop(prefix)
	if where, err := os.ReadFile(filepath.Join(prefix, "wineserver")); err == nil &&
		filepath.Base(string(where)) == string(where) && len(where) > 0 {
		os.RemoveAll(filepath.Join(os.TempDir(), string(where)))
	}
	return errors.Join(stopped, os.RemoveAll(prefix))
}

func server(prefix, option string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wineserver", option)
	cmd.Env = Environ(prefix)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("wineserver %s: %w\n%s", option, err, out)
	}
	return nil
}
