package wine

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// server is a wineserver that was found to be this user's own, as is all that it stands on. What is used of it is what
// was judged: the directories are held open.
type server struct {
	*process
	judge   *judge
	environ []string
	path    string   // the prefix, as its programs call it
	home    *os.File // where its lock and its socket are
}

// openServer judges a process. It is nil for a process that is not a wineserver of this user: one that is ending, one
// that a user gave that name, or one that another user could influence. On success the process is the server's to
// close.
func (j *judge) openServer(p *process) *server {
	if !p.runsAs(j.user) {
		return nil
	}
	s := &server{process: p, judge: j.alsoIn(p), environ: p.environ()}
	if s.environ == nil {
		return nil
	}
	s.path = prefixOf(s.environ)
	prefix, err := s.prefix()
	if err != nil {
		return nil
	}
	defer prefix.Close()
	if s.home, err = p.open("cwd", unix.O_PATH|unix.O_DIRECTORY); err != nil {
		return nil
	}
	if !s.standsFor(prefix) || !s.serves() {
		s.home.Close()
		return nil
	}
	return s
}

func (s *server) close() {
	s.home.Close()
	s.process.close()
}

// prefix is the directory of the prefix. Its path is one where the wineserver runs, which may be in a container: its
// links refer to places in there.
func (s *server) prefix() (*os.File, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if root, err := s.open("root", flags); err == nil {
		defer root.Close()
		fd, err := unix.Openat2(int(root.Fd()), s.path, &unix.OpenHow{Flags: flags, Resolve: unix.RESOLVE_IN_ROOT})
		if err == nil {
			return os.NewFile(uintptr(fd), s.path), nil
		}
	}
	fd, err := unix.Open(s.path, flags, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(fd), s.path), nil
}

// standsFor reports whether the wineserver is in the directory that Wine makes for a prefix: it is named for device and
// inode of the prefix, both are this user's, and nobody else can enter it. Wine asks for the same before it lets a
// program in.
func (s *server) standsFor(prefix *os.File) bool {
	var of, in unix.Stat_t
	if unix.Fstat(int(prefix.Fd()), &of) != nil || unix.Fstat(int(s.home.Fd()), &in) != nil {
		return false
	}
	name := filepath.Base(pathOf(s.home))
	return name == fmt.Sprintf("server-%x-%x", of.Dev, of.Ino) && in.Mode&0o077 == 0 &&
		s.judge.own(prefix, &of) && s.judge.own(s.home, &in)
}

// pathOf is what the kernel calls a file that is open.
func pathOf(file *os.File) string {
	path, _ := os.Readlink(openFile(os.Getpid(), int(file.Fd())))
	return path
}

// serves reports whether the wineserver has its lock. Without it, it is one that waits for the other's end (wineserver
// -w), that ends itself, or that has ended.
func (s *server) serves() bool {
	at, err := openAt(s.home, "lock", unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer at.Close()
	var st unix.Stat_t
	if unix.Fstat(int(at.Fd()), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || !s.judge.own(at, &st) {
		return false
	}
	file, err := os.OpenFile(openFile(os.Getpid(), int(at.Fd())), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock); err != nil || lock.Type == unix.F_UNLCK {
		return false
	}
	// For a process in another PID namespace no number is reported.
	return (int(lock.Pid) == s.pid || lock.Pid == 0) && s.runsAs(s.judge.user)
}

// door looks at the wineserver's socket.
func (s *server) door() error {
	var st unix.Stat_t
	switch err := unix.Fstatat(int(s.home.Fd()), "socket", &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err == unix.ENOENT:
		return ErrEnded
	case err != nil:
		return os.NewSyscallError("stat", err)
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK || st.Uid != s.judge.user:
		return fmt.Errorf("the socket of wineserver %d does not belong to this user", s.pid)
	}
	return nil
}

// connect is a connection to the wineserver, through the very directory that was judged.
func (s *server) connect() (*os.File, error) {
	if err := s.door(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "socket")
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: openFile(os.Getpid(), int(s.home.Fd())) + "/socket"}); err {
	case nil:
	case unix.ENOENT, unix.ECONNREFUSED:
		socket.Close()
		return nil, ErrEnded
	default:
		socket.Close()
		return nil, fmt.Errorf("wineserver %d does not answer: %w", s.pid, os.NewSyscallError("connect", err))
	}
	if peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil || peer.Uid != s.judge.user {
		socket.Close()
		return nil, fmt.Errorf("another user is listening on the socket of wineserver %d", s.pid)
	}
	return socket, unix.SetNonblock(fd, false)
}
