package kernel

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// affordable refuses a size that this machine cannot have. The default refuses what is more than all its memory, as
// the kernel does for ordinary memory; CommitNow what is more than is free, because the kernel would end a process
// rather than refuse pages.
func (s *Spec) affordable() error {
	if err := s.Share.check(); err != nil || s.Commit == CommitNever {
		return err
	}
	if s.Commit == CommitNow {
		if free, what := availableMemory(); s.Size > free {
			return &Fault{Code: CommitmentLimit, Cause: fmt.Errorf("%d bytes were asked for, %d are available (%s)", s.Size, free, what),
				Advice: "ask for less, or free some memory"}
		}
		return nil
	}
	const modest = 1 << 28 // any machine has that much
	var info unix.Sysinfo_t
	if s.Size <= modest || unix.Sysinfo(&info) != nil {
		return nil
	}
	if total := (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit); uint64(s.Size) > total {
		return &Fault{Code: CommitmentLimit, Cause: fmt.Errorf("%d bytes were asked for, the machine has %d of memory and swap", s.Size, total),
			Advice: "a sparse section may be larger: create it with NoCommit"}
	}
	return nil
}

// availableMemory is what can be had without ending a process: the machine's, or the memory cgroup's if that is less.
func availableMemory() (int64, string) {
	free, what := int64(math.MaxInt64), "MemAvailable in /proc/meminfo"
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemAvailable:")); ok {
			kib, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			if err == nil {
				free = kib << 10
			}
		}
	}
	for _, g := range memoryCgroups() {
		limit, err1 := readNumber(g.limit)
		used, err2 := readNumber(g.used)
		if err1 == nil && err2 == nil && limit-used < free {
			free, what = max(0, limit-used), fmt.Sprintf("%s is %d, of which %d are used", g.limit, limit, used)
		}
	}
	return free, what
}

// memoryCgroup is the files that tell a memory cgroup's limit, and how much of it is used.
type memoryCgroup struct{ limit, used string }

// memoryCgroups is this process's cgroup and all above it, in the unified hierarchy and in that of the first version.
func memoryCgroups() []memoryCgroup {
	b, _ := os.ReadFile("/proc/self/cgroup")
	var groups []memoryCgroup
	add := func(mount, name, limit, used string) {
		for ; ; name = path.Dir(name) {
			dir := path.Join(mount, name)
			groups = append(groups, memoryCgroup{dir + "/" + limit, dir + "/" + used})
			if name == "/" || name == "." {
				return
			}
		}
	}
	for line := range strings.Lines(string(b)) {
		// hierarchy:controllers:path
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) < 3:
		case f[0] == "0":
			add("/sys/fs/cgroup", f[2], "memory.max", "memory.current")
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			add("/sys/fs/cgroup/memory", f[2], "memory.limit_in_bytes", "memory.usage_in_bytes")
		}
	}
	return groups
}

func readNumber(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// sysctl is a kernel setting as text.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// memoryAdvice says how much memory there is when a section could not have its own.
func memoryAdvice(size int64) string {
	free, what := availableMemory()
	return fmt.Sprintf("%d bytes were asked for, about %d are available (%s)", size, free, what)
}

// addressSpaceAdvice names the limits behind a failed mapping, with their values.
func addressSpaceAdvice(length int64) string {
	var as unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &as) == nil && as.Cur != unix.RLIM_INFINITY {
		return fmt.Sprintf("%d bytes do not fit: this process may map %d (RLIMIT_AS, ulimit -v)", length, as.Cur)
	}
	return fmt.Sprintf("address space is short, or this process has %s mappings already (vm.max_map_count)", sysctl("vm/max_map_count"))
}
