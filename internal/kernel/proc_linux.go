package kernel

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// linkReads reports whether a link reads exactly want.
func linkReads(path, want string) bool {
	var buffer [128]byte
	n, err := unix.Readlink(path, buffer[:])
	return err == nil && string(buffer[:n]) == want
}

// descriptorTables returns the directories that list a process's descriptors, one for all threads that share a table.
// The first thread's is empty if it ended before the others.
func descriptorTables(pid int) (tables []string, err error) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	names, err := directoryNames(tasks)
	last := 0
	for _, name := range names {
		tid, err := strconv.Atoi(name)
		if err != nil || last != 0 && sameDescriptors(last, tid) {
			continue
		}
		last = tid
		tables = append(tables, tasks+name+"/fd/")
	}
	return tables, err
}

// sameDescriptors reports whether two threads share one table of descriptors, as nearly all threads of a process do. It
// returns false if the kernel cannot tell.
func sameDescriptors(pid, tid int) bool {
	const kcmpFiles = 2
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(tid), kcmpFiles, 0, 0, 0)
	return errno == 0 && order == 0
}

// processes returns every process id in /proc.
func processes() ([]int, error) {
	names, err := directoryNames("/proc")
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// directoryNames returns the names in a directory; nothing if there is none, or it may not be read. An error means a
// resource shortage: then nothing is known of what the directory holds.
func directoryNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, shortage(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, shortage(err)
}

// contents returns a file of /proc; nil without an error as in directoryNames.
func contents(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, shortage(err)
	}
	return b, nil
}

// isExitingProcess is isExiting for a process id.
func isExitingProcess(pid int) bool { return isExiting("/proc/" + strconv.Itoa(pid) + "/task/") }

// isExiting reports whether the process with these threads is about to end: its doors are gone, and its locks go when
// the kernel gets to them. Before that it may have gigabytes of other memory to free. All threads must be on their way
// out, because one that goes on keeps the descriptors; and one must not have ended yet, because with the last one the
// locks are gone, except those that another process shares.
func isExiting(tasks string) bool {
	names, _ := directoryNames(tasks)
	exiting := false
	for _, name := range names {
		switch taskState(tasks + name) {
		case running:
			return false
		case leaving:
			exiting = true
		}
	}
	return exiting
}

// survivor returns the directory in /proc of a thread that lives on in a process whose first thread has ended: nothing
// can be reached through that one's directory any more. It returns "" if there is none.
func survivor(pid int) string {
	process := "/proc/" + strconv.Itoa(pid)
	if taskState(process) == running {
		return ""
	}
	names, _ := directoryNames(process + "/task")
	for _, name := range names {
		if task := process + "/task/" + name; taskState(task) == running {
			return task
		}
	}
	return ""
}

// exitState is how far a thread is on its way out.
type exitState uint8

const (
	running exitState = iota
	leaving
	over // a zombie, or gone
)

// taskState reads the state of a thread, or of a process's first one, from its directory in /proc.
func taskState(directory string) exitState {
	flags, gone, err := readStat(directory, statFlags)
	const exitingFlag = 0x4 // PF_EXITING
	switch {
	case gone:
		return over
	case err == nil && flags&exitingFlag != 0:
		return leaving
	}
	return running // as far as anybody can tell
}

// Numbers in a thread's stat file, counted from its state on: state ppid pgrp session tty_nr tpgid flags …
const (
	statFlags = 6
	statStart = 19 // when the thread began, in clock ticks
)

// readStat reads one of these numbers in a directory of /proc. gone is true for a thread that has ended, of which at
// most a zombie is left.
func readStat(directory string, field int) (number uint64, gone bool, err error) {
	b, err := os.ReadFile(directory + "/stat")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	// They follow "pid (comm)". The command may hold anything, even ")".
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) <= field {
		return 0, false, errors.New("it has too few fields")
	}
	number, err = strconv.ParseUint(f[field], 10, 64)
	return number, f[0] == "Z" || f[0] == "X", err
}

// survivorOf is survivor for a process in whose own directory nothing was found.
func survivorOf[T any](found []T, err error, pid int) string {
	if len(found) > 0 || err != nil {
		return ""
	}
	return survivor(pid)
}

// commandOfProcess is the name of the program of a process of this PID namespace.
func commandOfProcess(pid int) string { return commandOf("/proc/" + strconv.Itoa(pid)) }

// commandOf returns the name of a process's program.
func commandOf(proc string) string {
	b, err := os.ReadFile(proc + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

// procFault is the error if this process cannot read about itself in /proc.
func procFault(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return &fault.Fault{Code: fault.NotSupported, Cause: err, Advice: "Linux needs /proc mounted"}
	}
	return &fault.Fault{Code: codeOfErrno(err), Cause: err}
}
