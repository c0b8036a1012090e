package win32table

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// startHeir starts a child of a process, which inherits a handle of that.
func startHeir(p *Program, parent *Process, handle uint64) (*Process, error) {
	const createProcess, duplicate = 0x80, 0x40
	process, err := windows.OpenProcess(createProcess|duplicate, false, uint32(parent.cmd.Process.Pid))
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(process)
	cmd := p.Command()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		ParentProcess: syscall.Handle(process), AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(handle)},
	}
	return start(cmd)
}
