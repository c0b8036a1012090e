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

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// affordable refuses a size that this machine cannot provide. By default that is more than all its memory, as the
// kernel does for ordinary memory; with CommitNow it is more than is free, because the kernel would end a process
// rather than refuse pages.
func (s *Spec) affordable() error {
	if err := s.Share.check(); err != nil || s.Commit == CommitNever {
		return err
	}
	if s.Commit == CommitNow {
		if free, what := availableMemory(); s.Size > free {
			return &fault.Fault{Code: fault.CommitmentLimit,
				Cause:  fmt.Errorf("%d bytes were requested, %d are available (%s)", s.Size, free, what),
				Advice: "ask for less, or free some memory"}
		}
		return nil
	}
	const modest = 1 << 28 // every machine has that much
	var info unix.Sysinfo_t
	if s.Size <= modest || unix.Sysinfo(&info) != nil {
		return nil
	}
	if total := (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit); uint64(s.Size) > total {
		return &fault.Fault{Code: fault.CommitmentLimit,
			Cause:  fmt.Errorf("%d bytes were requested, the machine has %d of memory and swap", s.Size, total),
			Advice: "a sparse section may be larger: create it with NoCommit (shm create --no-commit)"}
	}
	return nil
}

// availableMemory returns what can be had without ending a process: the machine's, or the memory cgroup's if that is
// less.
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

// memoryCgroup is the files that show a memory cgroup's limit, and how much of it is used.
type memoryCgroup struct{ limit, used string }

// memoryCgroups returns this process's cgroup and all above it, in the unified hierarchy and in that of version 1.
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

// sysctl returns a kernel setting as text.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// memoryAdvice says how much memory there is when a section could not get its own.
func memoryAdvice(size int64) string {
	free, what := availableMemory()
	return fmt.Sprintf("%d bytes were requested, about %d are available (%s)", size, free, what)
}

// addressSpaceAdvice names the limits behind a failed mapping, with their values.
func addressSpaceAdvice(length int64) string {
	var as unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &as) == nil && as.Cur != unix.RLIM_INFINITY {
		return fmt.Sprintf("%d bytes do not fit: this process may map %d (RLIMIT_AS, ulimit -v)", length, as.Cur)
	}
	return fmt.Sprintf("address space is short, or this process has %s mappings already (vm.max_map_count)",
		sysctl("vm/max_map_count"))
}
