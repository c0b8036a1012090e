//go:build linux

package lifetime

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// attack tries to write what this process may only read: view Handle, of a section that process Number holds. The
// answer's List is what succeeded, its Number how many ways were tried.
func (s *stage) attack(r request) (reply, error) {
	v := s.Views[r.Handle]
	var address uintptr
	if _, err := fmt.Sscanf(fmt.Sprintf("%p", v.Bytes()), "0x%x", &address); err != nil {
		return reply{}, err
	}
	holder := int(r.Number)
	var answer reply
	try := func(what string, err error) {
		answer.Number++
		if err == nil {
			answer.List = append(answer.List, what)
		}
	}
	try("mprotect of the view", unix.Mprotect(v.Bytes()[:4096:4096], unix.PROT_READ|unix.PROT_WRITE))
	try("writing /proc/self/mem", writeAt("/proc/self/mem", int64(address)))
	try("writing the holder's mem", writeAt(fmt.Sprintf("/proc/%d/mem", holder), int64(address)))
	for _, dir := range []string{"/proc/self/fd", fmt.Sprintf("/proc/%d/fd", holder)} {
		for fd := range 64 {
			path := filepath.Join(dir, strconv.Itoa(fd))
			if link, err := os.Readlink(path); err == nil && !strings.HasPrefix(link, "/dev/shm/namedshm-") {
				continue // not the library's
			}
			try("opening "+path+" for writing", openForWriting(path))
		}
	}
	maps, _ := filepath.Glob("/proc/self/map_files/*")
	for _, path := range maps {
		if strings.HasPrefix(filepath.Base(path), fmt.Sprintf("%x-", address)) {
			try("opening "+path+" for writing", openForWriting(path))
		}
	}
	try("attaching to the holder", unix.PtraceAttach(holder))
	if pidfd, err := unix.PidfdOpen(holder, 0); err == nil {
		for fd := range 64 {
			_, err := unix.PidfdGetfd(pidfd, fd, 0)
			try(fmt.Sprintf("taking descriptor %d of the holder", fd), err)
		}
	}
	s.attackFiles(try)
	return answer, attackSegments(holder, try)
}

// attackFiles tries to write, remove, replace and add entries.
func (s *stage) attackFiles(try func(string, error)) {
	directories, _ := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-*global*")
	for _, dir := range directories {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			try("opening "+path+" for writing", openForWriting(path))
			try("removing "+path, os.Remove(path))
			try("renaming "+path, os.Rename(path, path+"-away"))
		}
		try("making a file in "+dir, os.WriteFile(filepath.Join(dir, "planted"), nil, 0o600))
		try("removing "+dir, os.Rename(dir, dir+"-away"))
	}
}

// attackSegments tries the segments that the holder made by their ids.
func attackSegments(holder int, try func(string, error)) error {
	b, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return err
	}
	for _, s := range actors.ParseSegments(string(b)) {
		if s.Creator != holder {
			continue
		}
		memory, err := unix.SysvShmAttach(s.ID, 0, 0)
		try(fmt.Sprintf("shmat of segment %d for writing", s.ID), err)
		if err == nil {
			unix.SysvShmDetach(memory)
		}
		var st unix.SysvShmDesc
		unix.SysvShmCtl(s.ID, unix.IPC_STAT, &st)
		st.Perm.Mode |= 0o666
		_, err = unix.SysvShmCtl(s.ID, unix.IPC_SET, &st)
		try(fmt.Sprintf("IPC_SET of segment %d", s.ID), err)
		_, err = unix.SysvShmCtl(s.ID, unix.IPC_RMID, nil)
		try(fmt.Sprintf("IPC_RMID of segment %d", s.ID), err)
	}
	return nil
}

func openForWriting(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func writeAt(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte("attack"), at)
	return err
}

// hoard locks all of the Global entries that it can read, as far as who reads can, and keeps the locks.
func (s *stage) hoard(request) (answer reply, err error) {
	entries, _ := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-*global*/*")
	for _, path := range entries {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		s.locked = append(s.locked, fd)
		if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}); err != nil {
			return answer, err
		}
		answer.Number++
	}
	return answer, nil
}
