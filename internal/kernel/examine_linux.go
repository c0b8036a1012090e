package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func examine() []Check {
	checks := []Check{checkProc(), checkRoot(), checkPlace(Local), checkPlace(Global), checkMemfd(), checkLocks()}
	checks = append(checks, checkSegments(), checkDescriptors(), checkMappings(), checkInotify(), checkRemoveIPC())
	return checks
}

func checkProc() Check {
	c := Check{Topic: "/proc", Detail: "mounted, and of this PID namespace"}
	session, err := sessionOf()
	if err != nil {
		return failed(c.Topic, Missing, err)
	}
	c.Detail += fmt.Sprintf(" (PID namespace %s, IPC namespace %s)", session.pid, session.ipc)
	if hidden := hidesProcesses(); hidden != "" {
		return Check{c.Topic, Warning, "mounted with " + hidden, "processes of other users cannot be told; Local objects are not affected"}
	}
	return c
}

func hidesProcesses() string {
	b, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 4 && f[1] == "/proc" {
			for option := range strings.SplitSeq(f[3], ",") {
				if v, ok := strings.CutPrefix(option, "hidepid="); ok && v != "0" && v != "off" {
					return option
				}
			}
		}
	}
	return ""
}

// failed is a check whose fact is an error.
func failed(topic string, status Status, err error) Check {
	c := Check{Topic: topic, Status: status, Detail: err.Error()}
	var f *Fault
	if errors.As(err, &f) {
		c.Advice = f.Advice
		if f.Cause != nil {
			c.Detail = f.Cause.Error()
		}
	}
	return c
}

func checkRoot() Check {
	c := Check{Topic: "shared-memory directory"}
	dir := root()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return Check{c.Topic, Missing, pathError("statfs", dir, err).Error(), rootAdvice()}
	}
	free := fs.Bavail * uint64(fs.Bsize)
	c.Detail = fmt.Sprintf("%s, %d bytes and %d inodes free", dir, free, fs.Ffree)
	switch {
	case fs.Flags&unix.ST_RDONLY != 0:
		c.Status, c.Advice = Missing, "it is mounted read-only; "+RootVariable+" can name another directory"
	case fs.Type != unix.TMPFS_MAGIC:
		c.Status, c.Advice = Warning, "it is not a tmpfs: names cost disk writes"
	case free < 1<<20 || fs.Files > 0 && fs.Ffree < 100:
		c.Status, c.Advice = Warning, "an entry takes a page and an inode there (the memory itself does not); remove what other programs left"
	}
	return c
}

func checkPlace(n Namespace) Check {
	topic := strings.TrimSuffix(n.String(), `\`) + " directory"
	p, err := placeOf(n)
	if err != nil {
		return failed(topic, Missing, err)
	}
	err = p.check()
	switch {
	case err == nil && n == Local:
		return Check{topic, OK, p.dir, ""}
	case err == nil:
		return checkGlobal(topic, p)
	case codeOf(err) != FileNotFound:
		return failed(topic, Missing, err)
	case n == Local:
		return Check{topic, OK, p.dir + " (made on first use)", ""}
	case unix.Geteuid() == 0:
		return Check{topic, OK, p.dir + " (made on first use, for root alone)", "'shm setup --group G' makes it for a group"}
	}
	return Check{topic, Warning, p.dir + " does not exist: there are no Global names", globalAdvice}
}

func checkGlobal(topic string, p *place) Check {
	var st unix.Stat_t
	unix.Lstat(p.dir, &st)
	c := Check{topic, OK, fmt.Sprintf("%s, mode %04o, group %d", p.dir, st.Mode&0o7777, st.Gid), ""}
	if unix.Faccessat(unix.AT_FDCWD, p.dir, unix.W_OK, unix.AT_EACCESS) != nil {
		c.Status, c.Detail, c.Advice = Warning, c.Detail+"; this user may open Global names, not make them", globalAdvice
		return c
	}
	for _, name := range p.controlFiles() {
		fd, err := p.control(name)
		if err != nil {
			return failed(topic, Missing, err)
		}
		unix.Close(fd)
	}
	return c
}

func checkMemfd() Check {
	m, err := newMemfd(&Spec{Size: pageSize, Protection: PageReadWrite}, token{})
	if err != nil {
		return failed("memfd", Missing, err)
	}
	m.close()
	if noExecUnknown.Load() {
		return Check{"memfd", OK, "sealed; this kernel (before 6.3) cannot mark memory as never to be run", ""}
	}
	return Check{"memfd", OK, "sealed, never to be run", ""}
}

func checkLocks() Check {
	fd, err := openPath(root(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return Check{"unnamed files and locks", Missing, pathError("open O_TMPFILE", root(), err).Error(), rootAdvice()}
	}
	defer unix.Close(fd)
	if err := ofd(fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Len: 1}); err != nil {
		return Check{"unnamed files and locks", Missing, os.NewSyscallError("fcntl(F_OFD_SETLK)", err).Error(), "Linux 3.15 and a local file system have them"}
	}
	return Check{"unnamed files and locks", OK, "O_TMPFILE and open-file-description locks work in " + root(), ""}
}

func checkSegments() Check {
	most, err := strconv.Atoi(sysctl("kernel/shmmni"))
	all, shortageErr := segments()
	if shortageErr != nil {
		return failed("kernel.shmmni", Warning, shortageErr)
	}
	used := len(all)
	c := Check{"kernel.shmmni", OK, fmt.Sprintf("%d of %d System V segments in use: the bound for Global objects", used, most), ""}
	if err != nil {
		return Check{c.Topic, Missing, "System V shared memory is not there", "Global names need it (CONFIG_SYSVIPC)"}
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
	c := Check{"RLIMIT_NOFILE", OK, fmt.Sprintf("%d open files a process (hard limit %d); a Local handle takes two, a Global one one", limit.Cur, limit.Max), ""}
	if limit.Cur < 256 {
		c.Status, c.Advice = Warning, "raise it with ulimit -n"
	}
	return c
}

func checkMappings() Check {
	return Check{"vm.max_map_count", OK, sysctl("vm/max_map_count") + " mappings a process: the bound for its views", ""}
}

func checkInotify() Check {
	most, _ := strconv.Atoi(sysctl("fs/inotify/max_user_instances"))
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return Check{"inotify", Warning, os.NewSyscallError("inotify_init1", err).Error(),
			fmt.Sprintf("waiting for a name falls back to polling; fs.inotify.max_user_instances is %d", most)}
	}
	unix.Close(fd)
	return Check{"inotify", OK, fmt.Sprintf("at most %d waits for names at a time for this user", most), ""}
}

// checkRemoveIPC finds out whether systemd removes a user's segments and files in /dev/shm when the user's last login
// ends. Its default is yes, unless the distribution changed it; root and system users are spared.
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
		c.Advice = "when this user's last login ends, systemd removes the user's names: set RemoveIPC=no in /etc/systemd/logind.conf, or loginctl enable-linger"
	}
	return c
}

// removeIPC reads logind's settings; the last file that says something counts.
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
