//go:build linux

package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

// TestHeirInAnotherUserNamespace: an object lives on in a process that has inherited it. Who opens it finds the memory
// there; but not in a user namespace that another user has made, as services and containers of root's are: then it is
// told so, by an open and by what ls tells.
func TestHeirInAnotherUserNamespace(t *testing.T) {
	actors.NeedRoot(t, "user namespaces of root's for another user")
	const reason = "in another PID or user namespace"
	for _, apart := range []bool{false, true} {
		t.Run(map[bool]string{false: "beside", true: "in a user namespace"}[apart], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &row{}, "")
			w.user = stranger
			holder, opener := w.start(), w.start()
			holder.mustDo(t, request{Op: "create", Name: local}, true)
			inherit(t, holder.PID, apart)
			holder.Kill()
			got := opener.do(request{Op: "open", Name: local})
			if !apart {
				if got.Error != "" || got.Text != "seen" {
					t.Fatalf("open: %q, %s", got.Text, got.Error)
				}
				return
			}
			if got.Code != namedshm.ErrAccessDenied || !strings.Contains(got.Error, reason) {
				t.Errorf("open: %s", got.Error)
			}
			if seen := opener.mustDo(t, request{Op: "obstacle", Name: local + "-event"}, true).Text; !strings.Contains(seen,
				reason) {
				t.Errorf("stat: %q", seen)
			}
		})
	}
}

// inherit starts a process of the stranger's that has all that another one has open of the library's, for as long as
// the test runs. Apart is in a user namespace of root's.
func inherit(t *testing.T, from int, apart bool) {
	t.Helper()
	heir := exec.Command("cat")
	heir.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL,
		Credential: &syscall.Credential{Uid: uint32(stranger.UID), Gid: uint32(stranger.GID)}}
	if apart {
		same := []syscall.SysProcIDMap{{ContainerID: stranger.UID, HostID: stranger.UID, Size: 1}}
		heir.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
		heir.SysProcAttr.UidMappings, heir.SysProcAttr.GidMappings, heir.SysProcAttr.GidMappingsEnableSetgroups = same, same,
			true
	}
	pidfd, err := unix.PidfdOpen(from, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	links, _ := filepath.Glob("/proc/" + strconv.Itoa(from) + "/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || !strings.Contains(to, "namedshm-") || strings.Contains(to, "/actor") {
			continue
		}
		number, _ := strconv.Atoi(filepath.Base(link))
		fd, err := unix.PidfdGetfd(pidfd, number, 0)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), link)
		defer file.Close()
		heir.ExtraFiles = append(heir.ExtraFiles, file)
	}
	if len(heir.ExtraFiles) < 4 { // an entry and memory each
		t.Fatalf("there are %d descriptors to inherit", len(heir.ExtraFiles))
	}
	if _, err := heir.StdinPipe(); err != nil { // which cat waits for
		t.Fatal(err)
	}
	if err := heir.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { heir.Process.Kill(); heir.Wait() })
}

// TestDoctorInAUserNamespace: what started it is outside, and may not be looked into; doctor says why.
func TestDoctorInAUserNamespace(t *testing.T) {
	actors.NeedRoot(t, "the rest of this suite does")
	for _, mapped := range []int{0, stranger.UID} {
		w := newWorld(t, &row{}, "")
		p := w.StartWith(t, func(cmd *exec.Cmd) {
			ids := []syscall.SysProcIDMap{{ContainerID: mapped, HostID: 0, Size: 1}}
			cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
		}, nil)
		a := &actor{&actors.Actor[request, reply]{Process: p}}
		if line := a.lines(t)[doors]; line.Status != inspect.Warning ||
			!strings.Contains(line.Advice, "in another PID or user namespace") {
			t.Errorf("root as %d: doctor says: %+v", mapped, line)
		}
	}
}
