package wine

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func prefixes() ([]Prefix, error) {
	own := processes()
	var found []Prefix
	for _, p := range own {
		if !strings.HasPrefix(p.command, "wineserver") {
			continue
		}
		if prefix, ok := describe(p); ok {
			found = append(found, prefix)
		}
	}
	for _, p := range own {
		if !isLoader(p.executable()) {
			continue
		}
		path := prefixOf(p.environ())
		for i := range found {
			if sameDirectory(path, found[i].Path) {
				found[i].add(p)
			}
		}
	}
	slices.SortFunc(found, func(a, b Prefix) int { return cmp.Or(strings.Compare(a.Path, b.Path), a.Server-b.Server) })
	return found, nil
}

// describe is a wineserver's prefix. ok is false for a process that is none: one that ends, or that a user named so.
func describe(p process) (Prefix, bool) {
	environ := p.environ()
	path := prefixOf(environ)
	if environ == nil || !p.serves(path) {
		return Prefix{}, false
	}
	prefix := Prefix{Path: path, Kind: Wine, Server: p.pid, Processes: []Process{}, environ: environ}
	above := filepath.Dir(path)
	if variable(environ, "STEAM_COMPAT_DATA_PATH") != "" || filepath.Base(filepath.Dir(above)) == "compatdata" {
		prefix.Kind, prefix.App = Proton, filepath.Base(above)
	}
	prefix.Loader = loader(variable(environ, "WINELOADER"))
	return prefix, true
}

// serves reports whether a process is the wineserver of the prefix at a path: it stands in a directory that is named for
// device and inode of the prefix, and has the lock there. Without the lock it is one that waits for the other's end
// (wineserver -w), or that ends itself.
func (p process) serves(path string) bool {
	directory, err := os.Readlink(p.path("cwd"))
	if err != nil {
		return false
	}
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil && unix.Stat(p.path("root"+path), &st) != nil {
		return false
	}
	if filepath.Base(directory) != fmt.Sprintf("server-%x-%x", st.Dev, st.Ino) {
		return false
	}
	fd, err := unix.Open(p.path("cwd/lock"), unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &lock); err != nil || lock.Type == unix.F_UNLCK {
		return false
	}
	return int(lock.Pid) == p.pid || lock.Pid <= 0 // of a process in another PID namespace no number is told
}

// add notes a process of the prefix.
func (p *Prefix) add(of process) {
	if p.Loader == "" {
		p.Loader = loader(strings.TrimSuffix(of.executable(), "-preloader"))
	}
	if name := of.program(); name != helperMark && !slices.Contains(services, strings.ToLower(name)) {
		p.Processes = append(p.Processes, Process{PID: of.pid, Name: name})
	}
}

// services are the programs that Wine and Proton run in every prefix.
var services = []string{
	"services.exe", "winedevice.exe", "plugplay.exe", "svchost.exe", "rpcss.exe", "explorer.exe", "wineboot.exe",
	"conhost.exe", "winemenubuilder.exe", "tabtip.exe", "xalia.exe",
}

// loader is a wine program that can be started: the 64-bit one where there are two.
func loader(path string) string {
	for _, candidate := range []string{path + "64", path} {
		if candidate != "64" && unix.Access(candidate, unix.X_OK) == nil && filepath.IsAbs(candidate) {
			return candidate
		}
	}
	return ""
}

// isLoader reports an executable that Windows programs run in.
func isLoader(executable string) bool {
	name := strings.TrimSuffix(filepath.Base(executable), "-preloader")
	return name == "wine" || name == "wine64"
}

// prefixOf is the prefix that an environment means.
func prefixOf(environ []string) string {
	if path := variable(environ, "WINEPREFIX"); path != "" {
		return filepath.Clean(path)
	}
	return filepath.Join(variable(environ, "HOME"), ".wine")
}

func variable(environ []string, name string) string {
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// process is one of this user's.
type process struct {
	pid     int
	command string
}

// processes is every process of this user. Others are none of our business: a prefix is its user's alone.
func processes() []process {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer directory.Close()
	names, _ := directory.Readdirnames(-1)
	var own []process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		var st unix.Stat_t
		if err != nil || unix.Stat("/proc/"+name, &st) != nil || int(st.Uid) != os.Geteuid() {
			continue
		}
		p := process{pid: pid}
		command, _ := os.ReadFile(p.path("comm"))
		p.command = strings.TrimSuffix(string(command), "\n")
		own = append(own, p)
	}
	return own
}

func (p process) path(file string) string { return "/proc/" + strconv.Itoa(p.pid) + "/" + file }

func (p process) executable() string {
	path, _ := os.Readlink(p.path("exe"))
	return strings.TrimSuffix(path, " (deleted)")
}

// environ is the environment that the process was started with.
func (p process) environ() []string {
	b, err := os.ReadFile(p.path("environ"))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// program is the name of a Windows program: Wine writes its command line over the loader's.
func (p process) program() string {
	b, _ := os.ReadFile(p.path("cmdline"))
	first, rest, _ := bytes.Cut(b, []byte{0})
	if bytes.HasPrefix(rest, []byte(helperMark)) {
		return helperMark
	}
	name := string(first[bytes.LastIndexAny(first, `/\`)+1:])
	if name == "" {
		return p.command
	}
	return name
}

func sameDirectory(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// foreign is the error for a prefix of another user.
func foreign(which string) error {
	var st unix.Stat_t
	if which == "" || unix.Stat(which, &st) != nil || int(st.Uid) == os.Geteuid() {
		return nil
	}
	owner := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return fmt.Errorf("%s belongs to user %s, and a prefix is its user's alone: run this as %s", which, owner, owner)
}
