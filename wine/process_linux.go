package wine

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is a process, by its directory in /proc. That is held open, so all that is read there is of this one process:
// when it has ended nothing can be read any more, whichever process has its number then.
type process struct {
	pid       int
	directory *os.File
}

func openProcess(pid int) (*process, error) {
	path := "/proc/" + strconv.Itoa(pid)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &process{pid, os.NewFile(uintptr(fd), path)}, nil
}

func (p *process) close() { p.directory.Close() }

// open opens something in the directory. Links there lead where the process is, and are followed.
func (p *process) open(name string, flags int) (*os.File, error) {
	return openAt(p.directory, name, flags)
}

// openAt opens what a directory has.
func openAt(directory *os.File, name string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Openat(int(directory.Fd()), name, flags|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: directory.Name() + "/" + name, Err: err}
		}
		return os.NewFile(uintptr(fd), directory.Name()+"/"+name), nil
	}
}

// read is a file of the directory; nothing where it cannot be read.
func (p *process) read(name string) []byte {
	file, err := p.open(name, unix.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	if err != nil {
		return nil
	}
	return b
}

// link returns the target of a link; the empty string if it is unknown.
func linkAt(directory *os.File, name string) string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(directory.Fd()), name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// runsAs reports whether all four user ids of the process are this one. The effective one does not suffice: a
// set-user-id program has its owner's, and the environment, arguments and files of whoever started it. Nor does the
// owner of the directory, which is root for everything that the kernel protects from inspection.
func (p *process) runsAs(user uint32) bool {
	for line := range strings.Lines(string(p.read("status"))) {
		ids, found := strings.CutPrefix(line, "Uid:")
		if !found {
			continue
		}
		four := strings.Fields(ids) // real, effective, saved, and the one for files
		for _, id := range four {
			if id != strconv.FormatUint(uint64(user), 10) {
				return false
			}
		}
		return len(four) == 4
	}
	return false
}

func (p *process) command() string { return strings.TrimSuffix(string(p.read("comm")), "\n") }

func (p *process) executable() string {
	return strings.TrimSuffix(linkAt(p.directory, "exe"), " (deleted)")
}

// environ is the environment that the process was started with.
func (p *process) environ() []string {
	b := p.read("environ")
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// program is the name of a Windows program: Wine writes its command line over the loader's.
func (p *process) program() string {
	first, rest, _ := bytes.Cut(p.read("cmdline"), []byte{0})
	if bytes.HasPrefix(rest, []byte(helperMark)) {
		return helperMark
	}
	name := string(first[bytes.LastIndexAny(first, `/\`)+1:])
	if name == "" {
		return p.command()
	}
	return name
}

// sharesNamespace reports whether the process is in this process's namespace of a kind.
func (p *process) sharesNamespace(kind string) bool {
	theirs := linkAt(p.directory, "ns/"+kind)
	ours, err := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && theirs == ours
}
