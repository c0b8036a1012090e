//go:build linux

package hostile

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

// What is mounted, by mount's Text.
const (
	closed = "a user's, for himself"   // as fusermount does it for a user
	silent = "a user's that is silent" // opened to all, and answers nobody
	lying  = "a user's that lies"      // opened to all, and says that all in it is root's, with root's sign
	memory = "root's, of a user"       // a tmpfs
	bound  = "a directory of root's"   // another directory, bound there
	script = "test -e /dev/fuse || mknod /dev/fuse c 10 229"
)

// mountAs mounts a file system on a directory of a stranger's that it makes.
func (s *stage) mountAs(r request) (reply, error) {
	if err := os.Mkdir(r.Name, 0o755); err != nil {
		return reply{}, err
	}
	if err := os.Chown(r.Name, stranger.UID, stranger.GID); err != nil {
		return reply{}, err
	}
	switch r.Text {
	case memory:
		return reply{}, unix.Mount("tmpfs", r.Name, "tmpfs", 0, fmt.Sprintf("uid=%d", stranger.UID))
	case bound:
		if err := os.Mkdir(r.Name+"-elsewhere", 0o755); err != nil {
			return reply{}, err
		}
		return reply{}, unix.Mount(r.Name+"-elsewhere", r.Name, "", unix.MS_BIND, "")
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return reply{}, err
	}
	s.kept = append(s.kept, fd)
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", fd, stranger.UID, stranger.GID)
	if r.Text != closed {
		options += ",allow_other"
	}
	if r.Text == lying {
		go lie(fd)
	}
	return reply{}, unix.Mount("stranger", r.Name, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options)
}

// lie serves a file system of one empty directory (the numbers are linux/fuse.h's). Whoever asks is told that it is
// root's and carries the sign that root has made it.
func lie(fd int) {
	const headLen, outHeadLen = 40, 16
	le := binary.LittleEndian
	request := make([]byte, 1<<18)
	for {
		n, err := unix.Read(fd, request)
		if err == unix.EINTR || err == unix.ENOENT {
			continue
		}
		if err != nil || n < headLen {
			return
		}
		var body []byte
		errno := int32(0)
		switch opcode := le.Uint32(request[4:]); opcode {
		case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET want no answer
			continue
		case 26: // INIT
			body = make([]byte, 64)
			le.PutUint32(body, 7)
			le.PutUint32(body[4:], 31)
			le.PutUint32(body[20:], 4096)
		case 3: // GETATTR
			body = make([]byte, 104)
			le.PutUint64(body[16:], 1)
			le.PutUint32(body[16+60:], unix.S_IFDIR|0o755)
			le.PutUint32(body[16+64:], 2)
		case 22: // GETXATTR
			sign := append([]byte{0, 0, 0, 2}, make([]byte, 16)...)
			if body = sign; le.Uint32(request[headLen:]) == 0 {
				body = le.AppendUint64(nil, uint64(len(sign)))
			}
		case 27: // OPENDIR
			body = make([]byte, 16)
		case 17: // STATFS
			body = make([]byte, 80)
		case 28, 29, 34: // READDIR, RELEASEDIR, ACCESS
		case 1: // LOOKUP
			errno = -int32(unix.ENOENT)
		default:
			errno = -int32(unix.ENOSYS)
		}
		answer := le.AppendUint32(nil, uint32(outHeadLen+len(body)))
		answer = le.AppendUint32(answer, uint32(errno))
		answer = append(answer, request[8:16]...)
		unix.Write(fd, append(answer, body...))
	}
}

// globalLine is doctor's on the Global directory.
func globalLine() (reply, error) {
	for _, c := range inspect.Machine() {
		if c.Topic == "Global directory" {
			return reply{Text: fmt.Sprintf("%s %s; %s", c.Status, c.Detail, c.Advice)}, nil
		}
	}
	return reply{}, fmt.Errorf("doctor has no such line")
}

// beside starts an actor in the mount namespace of another one.
func (s *setting) beside(a *actor) *actor {
	s.t.Helper()
	return s.within(0, fmt.Sprintf(`exec nsenter --mount=/proc/%d/ns/mnt --wd=/ "$0"`, a.PID))
}

// TestMountedGlobal: what a user serves in the Global directory's place, however it looks, is believed nothing and
// asked nothing: nobody takes it for root's, and nobody waits for it. Setup takes it away.
func TestMountedGlobal(t *testing.T) {
	for _, what := range []string{closed, silent, lying} {
		for _, kernel := range []string{"", "without statx"} {
			t.Run(what+kernel, func(t *testing.T) {
				t.Parallel()
				s := newSetting(t)
				a := s.within(unix.CLONE_NEWNS, script)
				a.Must(request{Op: "mount", Name: s.globalDirectory(), Text: what})
				b := s.beside(a)
				if kernel != "" {
					b.Must(request{Op: "forbid", Text: "statx"})
				}
				const why = "(FUSE) is mounted there"
				b.Refused(request{Op: "list", Space: namedshm.Global}, namedshm.ErrAccessDenied, why, "unmount it")
				b.Refused(request{Op: "create", Name: world, Size: 4096}, namedshm.ErrAccessDenied, why, "shm setup")
				b.Refused(request{Op: "open", Name: world}, namedshm.ErrAccessDenied, why)
				b.Refused(request{Op: "bury", Space: namedshm.Global}, namedshm.ErrAccessDenied, why)
				if line := b.Must(request{Op: "doctor"}).Text; !strings.HasPrefix(line, "missing") || !strings.Contains(line, why) {
					t.Errorf("doctor says %s", line)
				}
				b.Must(request{Op: "setup"})
				s.isReady("over a user's file system", 0)
				b.Must(request{Op: "create", Name: world, Size: 4096})
			})
		}
	}
}

// TestMountedElsewhere: nor is who looks through all that lies beside, for what the dead have left: other namespaces'
// directories, and a doctor's. And nobody takes a served directory for a user's own Local one.
func TestMountedElsewhere(t *testing.T) {
	for _, what := range []string{silent, lying} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			a := s.within(unix.CLONE_NEWNS, script)
			link, err := os.Readlink("/proc/self/ns/pid")
			must(t, err)
			own := "/namedshm-u0-p" + strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
			for _, name := range []string{"/namedshm-global-i12", "/namedshm-u64101-p12", "/namedshm-doctor-global-12",
				"/namedshm-doctor-local-12", own} {
				a.Must(request{Op: "mount", Name: s.Root + name, Text: what})
			}
			b := s.beside(a)
			b.Must(request{Op: "elsewhere"})
			b.Must(request{Op: "doctor"})
			b.Refused(request{Op: "create", Name: local, Size: 4096}, namedshm.ErrAccessDenied, "(FUSE) is mounted there")
			b.Must(request{Op: "create", Name: world, Size: 4096})
		})
	}
}

// TestBoundGlobal: what root has mounted in the place is root's to choose.
func TestBoundGlobal(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, script)
	a.Must(request{Op: "mount", Name: s.globalDirectory(), Text: bound})
	a.Must(request{Op: "setup"})
	a.Must(request{Op: "create", Name: world, Size: 4096})
	s.beside(a).Must(request{Op: "open", Name: world, Access: read})
	if entry, err := os.ReadDir(s.globalDirectory() + "-elsewhere"); err != nil || len(entry) != 3 {
		t.Errorf("what root has bound there has %v, %v", entry, err)
	}
}

// TestSetupUnmounted: a user unmounts what he has mounted, before any one of the system calls with which root sets up
// the directory in its place.
func TestSetupUnmounted(t *testing.T) {
	for n := 0; ; n++ {
		s := newSetting(t)
		a := s.within(unix.CLONE_NEWNS, script)
		a.Must(request{Op: "mount", Name: s.globalDirectory(), Text: silent})
		root := s.beside(a)
		tr := actors.Trace(t, root.Process)
		root.Ask(request{Op: "setup", Marked: true})
		call, last := "umount2", false
		if n > 0 {
			call, last = tr.StopBefore(n)
		} else if !tr.StopBeforeFirst(call) { // which of all calls that is, is left to chance
			t.Fatal("setup unmounts nothing")
		}
		a.Do(request{Op: "unmount", Name: s.globalDirectory()})
		tr.LetGo()
		if got := root.Answer(); got.Error != "" {
			t.Fatalf("before call %d, %s: setup: %s", n, call, got.Error)
		}
		s.isReady(fmt.Sprintf("before call %d, %s", n, call), 0)
		root.Kill()
		a.Kill()
		if last {
			break
		}
	}
}
