package kernel

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

func examine() []Check {
	checks := []Check{checkProc(), checkRoot()}
	checks = append(checks, examinePlace(Local)...)
	checks = append(checks, examinePlace(Global)...)
	if p, err := placeOf(Local); err == nil && p.backing.nature().byDescriptor {
		checks = append(checks, checkMemfd(), checkDoors(), checkSegments())
	}
	return append(checks, checkFutex(), checkInotify(), checkDescriptors(), checkMappings(), checkRemoveIPC())
}

func newCheck(topic string, status Status, detail, advice string) Check {
	return Check{Topic: topic, Status: status, Detail: detail, Advice: advice}
}

func checkProc() Check {
	c := Check{Topic: "/proc", Detail: "mounted, for this PID namespace"}
	session, err := sessionOf()
	if err != nil {
		return failed(c.Topic, Missing, err)
	}
	c.Detail += fmt.Sprintf(" (PID namespace %s, IPC namespace %s)", session.pid, session.ipc)
	hidden, subset := procOptions()
	switch {
	case subset:
		return newCheck(c.Topic, Warning, "mounted with subset=pid",
			"system limits and the list of segments cannot be read; objects are not affected, but errors do not name values")
	case hidden != "":
		return newCheck(c.Topic, Warning, "mounted with "+hidden,
			"processes of other users cannot be seen; Local objects are not affected")
	}
	return c
}

// procOptions returns the mount options that hide something. The last mount on /proc is the visible one.
func procOptions() (hidden string, subset bool) {
	b, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[1] != "/proc" {
			continue
		}
		hidden, subset = "", false
		for option := range strings.SplitSeq(f[3], ",") {
			if v, ok := strings.CutPrefix(option, "hidepid="); ok && v != "0" && v != "off" {
				hidden = option
			}
			subset = subset || option == "subset=pid"
		}
	}
	return hidden, subset
}

func checkRoot() Check {
	c := Check{Topic: "shared-memory directory"}
	if err := wrongRoot(setting(RootVariable)); err != nil {
		return failed(c.Topic, Missing, err)
	}
	dir := root()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return newCheck(c.Topic, Missing, pathError("statfs", dir, err).Error(), rootAdvice())
	}
	free := fs.Bavail * uint64(fs.Bsize)
	c.Free = int64(free)
	c.Detail = fmt.Sprintf("%s, %s and %d inodes free", dir, inUnits(free), fs.Ffree)
	switch {
	case fs.Flags&unix.ST_RDONLY != 0:
		c.Status, c.Advice = Missing, "it is mounted read-only; "+RootVariable+" can name another directory"
	case fs.Type != unix.TMPFS_MAGIC:
		c.Status, c.Advice = Warning, "it is not a tmpfs: names cost disk writes"
	case free < 1<<20 || fs.Files > 0 && fs.Ffree < 100:
		c.Status, c.Advice = Warning,
			"an entry takes a page and an inode there (the memory itself does not); remove what other programs left"
	}
	return c
}

// inUnits formats a number of bytes for people.
func inUnits(bytes uint64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// checkDirectory reports on a directory that is as it must be. opens says that this user may only open what others make
// there.
func (p *place) checkDirectory(c Check, opens bool) Check {
	p.pin()
	defer p.unpin()
	var fs unix.Statfs_t
	if !opens && unix.Fstatfs(p.at(), &fs) == nil && fs.Flags&unix.ST_RDONLY != 0 {
		return failed(c.Topic, Missing, p.fault("write", p.dir, unix.EROFS))
	}
	if p.namespace == Local {
		return c
	}
	var st unix.Stat_t
	unix.Fstat(p.at(), &st)
	c.Detail = fmt.Sprintf("%s, mode %04o, group %d", p.dir, st.Mode&0o7777, st.Gid)
	if !p.byRoot() && !vouched(p.at()) {
		c.Detail += "; it lacks root's sign: sandboxes refuse it until root runs 'shm setup' or makes a Global name"
	}
	if opens {
		c.Status, c.Detail, c.Advice = Warning, c.Detail+"; this user can open Global names but not make them",
			p.globalAdvice()
		return c
	}
	for _, name := range p.backing.nature().controlFiles {
		fd, err := p.control(name)
		if err != nil {
			return failed(c.Topic, Missing, err)
		}
		unix.Close(fd)
	}
	return p.checkSign(c, p)
}

// checkSign reports on a Global directory and on root's sign, which it tries to put on a directory.
func (p *place) checkSign(c Check, on *place) Check {
	if !p.byRoot() {
		return c
	}
	if unsigned := on.unsigned(on.at()); unsigned != "" {
		c.Status, c.Advice = Warning, strings.ReplaceAll(unsigned, on.dir, p.dir)
	}
	return c
}

func checkMemfd() Check {
	m, err := newMemfd(&Spec{Size: pageSize, Protection: PageReadWrite}, token{})
	if err != nil {
		return failed("memfd", Missing, err)
	}
	m.close()
	if memfdWays[0][memfdWay[0].Load()]&unix.MFD_NOEXEC_SEAL == 0 {
		return newCheck("memfd", OK,
			"sealed; this kernel (before 6.3), or a filter, does not let memory be marked as never executable", "")
	}
	return newCheck("memfd", OK, "sealed, never executable", "")
}

func checkSegments() Check {
	most, err := strconv.Atoi(sysctl("kernel/shmmni"))
	all, shortageErr := segments()
	if shortageErr != nil {
		return failed("kernel.shmmni", Warning, shortageErr)
	}
	used := len(all)
	detail := fmt.Sprintf("%d of %d System V segments in use: the limit for Global objects", used, most)
	c := newCheck("kernel.shmmni", OK, detail, "")
	if err != nil {
		return newCheck(c.Topic, Missing, "System V shared memory is not available", "Global names need it (CONFIG_SYSVIPC)")
	}
	if used*10 > most*9 {
		c.Status, c.Advice = Warning, "root can raise it: sysctl -w kernel.shmmni=32768"
	}
	return c
}

func checkDescriptors() Check {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return failed("RLIMIT_NOFILE", Warning, err)
	}
	detail := fmt.Sprintf("%d open files per process (hard limit %d); a Local handle takes two, a Global handle one",
		limit.Cur, limit.Max)
	c := newCheck("RLIMIT_NOFILE", OK, detail, "")
	if limit.Cur < 256 {
		c.Status, c.Advice = Warning, "raise it with ulimit -n"
	}
	return c
}

func checkMappings() Check {
	return newCheck("vm.max_map_count", OK, sysctl("vm/max_map_count")+" mappings per process: the limit for its views",
		"")
}

// checkDoors asks whether descriptors can be copied from other processes. It copies some of its own; from its parent it
// copies none, but asks the kernel whether it might.
func checkDoors() Check {
	const slower = "memory is opened through /proc instead, which takes longer"
	c := Check{Topic: "doors", Detail: "descriptors of other processes can be copied (pidfd_getfd)"}
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return newCheck(c.Topic, Warning, os.NewSyscallError("pidfd_open", err).Error(), slower)
	}
	defer unix.Close(fd)
	copied, err := unix.PidfdGetfd(fd, fd, 0)
	if err != nil {
		return newCheck(c.Topic, Warning, os.NewSyscallError("pidfd_getfd", err).Error(), slower)
	}
	unix.Close(copied)
	var st unix.Stat_t
	pid := os.Getppid()
	proc := "/proc/" + strconv.Itoa(pid)
	if unix.Stat(proc, &st) != nil || int(st.Uid) != unix.Geteuid() {
		// It is another user's; or it is undumpable, which says nothing about others.
		return c
	}
	if _, err := unix.Readlink(proc+"/exe", make([]byte, 1)); err == unix.EACCES || err == unix.EPERM {
		// That call requires the same right as a door.
		f := failed(c.Topic, Warning, unreachable(pid))
		f.Detail = fmt.Sprintf("process %d, which started this one, cannot be inspected: Local objects that it "+
			"alone holds cannot be opened here", pid)
		return f
	}
	if parent, err := unix.PidfdOpen(pid, 0); err == nil {
		defer unix.Close(parent)
		if _, err := unix.PidfdGetfd(parent, -1, 0); err == unix.EPERM {
			c.Detail = fmt.Sprintf("descriptors of process %d, which started this one, cannot be copied "+
				"(kernel.yama.ptrace_scope is %s): %s",
				pid, sysctl("kernel/yama/ptrace_scope"), slower)
		}
	}
	return c
}

// checkFutex reports how a wait sleeps here.
func checkFutex() Check {
	c := Check{Topic: "waits", Detail: "asleep in the kernel (futex, futex_waitv)"}
	if err := checkWaitVariable(); err != nil {
		return failed(c.Topic, Missing, err)
	}
	if set := setting(WaitVariable); set != "" {
		c.Detail = fmt.Sprintf("as %s=%s says", WaitVariable, set)
		return c
	}
	onOne, onSeveral := waiting.CanSleep()
	if !onOne {
		return newCheck(c.Topic, Warning, "futex does not work between processes here: waits poll every few milliseconds",
			filterAdvice("futex", unix.EPERM))
	}
	if !onSeveral {
		return newCheck(c.Topic, Warning,
			"futex_waitv does not work here: waits for several objects, or that can be cancelled, poll every few milliseconds",
			"Linux 5.16 has it, but a system call filter (seccomp) may forbid it")
	}
	return c
}

func checkInotify() Check {
	if err := wrongRoot(setting(RootVariable)); err != nil {
		return failed("inotify", Warning, err)
	}
	most, _ := strconv.Atoi(sysctl("fs/inotify/max_user_instances"))
	call := "inotify_init1"
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		defer unix.Close(fd)
		call = "inotify_add_watch"
		_, err = unix.InotifyAddWatch(fd, root(), watchFlags)
	}
	if err != nil {
		return newCheck("inotify", Warning, os.NewSyscallError(call, err).Error(),
			fmt.Sprintf("waiting for a name falls back to polling; fs.inotify.max_user_instances is %d", most))
	}
	return newCheck("inotify", OK, fmt.Sprintf("at most %d waits for names at a time for this user", most), "")
}

// checkRemoveIPC finds out whether systemd removes a user's segments and files in /dev/shm when the user's last login
// ends. It does so by default, unless the distribution changed that; root and system users are spared.
func checkRemoveIPC() Check {
	c := Check{Topic: "systemd RemoveIPC"}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		c.Detail = "systemd is not running"
		return c
	}
	setting, where := removeIPC()
	switch {
	case setting == "no":
		c.Detail = "off, in " + where
	case unix.Getuid() < 1000:
		c.Detail = "on; system users are spared"
	default:
		c.Status, c.Detail = Warning, "on ("+where+")"
		c.Advice = "when this user's last login ends, systemd removes the user's names: set RemoveIPC=no in " +
			"/etc/systemd/logind.conf, or loginctl enable-linger"
	}
	return c
}

// removeIPC reads logind's settings; the last file that has one counts.
func removeIPC() (setting, where string) {
	setting, where = "yes", "the default"
	files := []string{"/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf"}
	for _, dir := range []string{"/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"} {
		names, _ := directoryNames(dir)
		for _, name := range names {
			files = append(files, dir+"/"+name)
		}
	}
	for _, file := range files {
		b, _ := os.ReadFile(file)
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "RemoveIPC="); ok {
				where = file
				switch strings.ToLower(v) {
				case "no", "0", "false", "off", "n", "f":
					setting = "no"
				default:
					setting = "yes"
				}
			}
		}
	}
	return setting, where
}
