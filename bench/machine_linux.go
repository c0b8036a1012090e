package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/namedshm/namedshm/internal/plainprefix"
)

// machine is what a measurement was made on, and what else was done there.
type machine struct {
	Date       string    // YYYY-MM-DD
	Commit     string    // of this library, with a plus sign where files had been changed
	Processor  string    // its model
	Processors int       // that this process may use
	System     string    // the distribution
	Kernel     string    // its release
	Go         string    // its version
	Peers      []version // of what is compared with
	Load       float64   // the load average of the minute before
	Others     float64   // of the processors' time meanwhile, the part that other work took
	Took       time.Duration
}

// version is a peer's. One that is not installed has none.
type version struct{ Peer, Version string }

// A machine is quiet below these, of each processor.
const (
	quietLoad   = 0.25 // threads that want to run, on average
	quietOthers = 0.05 // of its time
)

func (m machine) quiet() bool {
	return m.Load < quietLoad*float64(m.Processors) && m.Others < quietOthers
}

func thisMachine() machine {
	m := machine{
		Date: time.Now().UTC().Format(time.DateOnly), Processors: runtime.NumCPU(), Go: runtime.Version(),
		Commit:    first("git", "rev-parse", "--short=10", "HEAD"),
		Kernel:    first("uname", "-r"),
		System:    field("/etc/os-release", `PRETTY_NAME="?([^"\n]*)`),
		Processor: field("/proc/cpuinfo", `model name\s*: (.*)`),
		Peers: []version{
			{"C compiler", first("gcc", "-dumpfullversion")},
			{"Python", strings.TrimPrefix(first("python3", "--version"), "Python ")},
			{"Boost", strings.ReplaceAll(field("/usr/include/boost/version.hpp", `LIB_VERSION "([^"]*)`), "_", ".")},
			{"ZeroMQ", first("pkg-config", "--modversion", "libzmq")},
			{"iceoryx", field(iceoryxHeaders()+"/iceoryx_versions.hpp", `LATEST_RELEASE_VERSION\s+"([^"]*)`)},
			{"Wine", wineVersion()},
		},
	}
	if exec.Command("git", "diff", "--quiet", "HEAD").Run() != nil {
		m.Commit += "+"
	}
	fmt.Sscan(field("/proc/loadavg", `.*`), &m.Load)
	return m
}

func wineVersion() string {
	loader, err := plainprefix.Loader()
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(first(loader, "--version"), "wine-")
}

// first is the first line that a program prints, or nothing.
func first(program string, arguments ...string) string {
	out, _ := exec.Command(program, arguments...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// field is what a pattern's group, or the whole pattern, finds in a file, or nothing.
func field(path, pattern string) string {
	text, _ := os.ReadFile(path)
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(bytes.TrimSpace(found[len(found)-1]))
}

// usage is what processors have done: all of them, and this process and its children that have ended. The processors'
// time is what all systems on them see.
type usage struct{ all, own time.Duration }

func usageNow() usage {
	const tick = 10 * time.Millisecond // of /proc/stat, on every Linux there is
	var cpu string
	var user, nice, system, idle, wait, irq, soft, steal int64
	fmt.Sscan(field("/proc/stat", `cpu .*`), &cpu, &user, &nice, &system, &idle, &wait, &irq, &soft, &steal)
	var self, children syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &self))
	check(syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children))
	u := usage{all: time.Duration(user+nice+system+irq+soft+steal) * tick}
	for _, t := range []syscall.Timeval{self.Utime, self.Stime, children.Utime, children.Stime} {
		u.own += time.Duration(t.Nano())
	}
	return u
}

// others is the part of the processors' time that others have used between two moments.
func (before usage) others(after usage, between time.Duration) float64 {
	others := (after.all - before.all) - (after.own - before.own)
	return max(0, float64(others)/float64(between)/float64(runtime.NumCPU()))
}
