package wine

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func prefixes() ([]Prefix, error) {
	j, err := newJudge()
	if err != nil {
		return nil, err
	}
	var found []Prefix
	var programs []program
	err = processes(j, func(p *process) {
		if strings.HasPrefix(p.command(), "wineserver") {
			if s := j.openServer(p); s != nil {
				found = append(found, s.describe())
				s.home.Close()
			}
		}
		if executable := p.executable(); isLoader(executable) {
			programs = append(programs, program{p.pid, p.program(), executable, prefixOf(p.environ())})
		}
	})
	for _, p := range programs {
		for i := range found {
			if sameDirectory(p.prefix, found[i].Path) {
				found[i].add(p)
			}
		}
	}
	slices.SortFunc(found, func(a, b Prefix) int { return cmp.Or(strings.Compare(a.Path, b.Path), a.Server-b.Server) })
	return found, err
}

// processes calls a function for every process of this user. Others are none of our business: a prefix is its user's
// alone.
func processes(j *judge, use func(*process)) error {
	directory, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer directory.Close()
	names, err := directory.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, err := openProcess(pid)
		if err != nil {
			continue // it has ended
		}
		if p.runsAs(j.user) {
			use(p)
		}
		p.close()
	}
	return err
}

// describe is a wineserver's prefix.
func (s *server) describe() Prefix {
	prefix := Prefix{Path: s.path, Flavor: Wine, Server: s.pid, Processes: []Process{}}
	above := filepath.Dir(s.path)
	if variable(s.environ, "STEAM_COMPAT_DATA_PATH") != "" || filepath.Base(filepath.Dir(above)) == "compatdata" {
		prefix.Flavor, prefix.App = Proton, filepath.Base(above)
	}
	prefix.Loader = loader(variable(s.environ, "WINELOADER"))
	return prefix
}

// program is what is to be known of a Windows program.
type program struct {
	pid                      int
	name, executable, prefix string
}

// add notes a program of the prefix.
func (p *Prefix) add(of program) {
	if p.Loader == "" {
		p.Loader = loader(strings.TrimSuffix(of.executable, "-preloader"))
	}
	if of.name != helperMark && !slices.Contains(services, strings.ToLower(of.name)) {
		p.Processes = append(p.Processes, Process{PID: of.pid, Name: of.name})
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
	owner := userName(st.Uid)
	return fmt.Errorf("%s belongs to %s, and only that user can enter the prefix: run this as %s", which, owner,
		strings.TrimPrefix(owner, "user "))
}
