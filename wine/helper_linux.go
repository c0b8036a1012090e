package wine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/wine/internal/caller"
	"golang.org/x/sys/unix"
)

// helper is the program that makes calls in a prefix for us, package caller's. Its methods are for one goroutine at a
// time.
//
// It is started by the prefix's own Wine, with its wineserver's environment, and finds itself connected to that wineserver:
// Wine takes the connection that it is given and looks for no server, so it never starts one.
type helper struct {
	prefix *Prefix
	cmd    *exec.Cmd
	input  *os.File // what it is told, and what it answers
	output *os.File
	hello  caller.Hello
	found  map[string]uint64 // addresses of functions

	session string // the path of the Local namespace, once it is known

	endOnce sync.Once
	ended   chan struct{} // closed when the process is gone
}

// helperMark stands on the helper's command line, for who looks at a list of processes.
const helperMark = "namedshm-helper"

// Bounds, for a wineserver that is stopped or hangs. A start takes a tenth of a second where nothing else runs, and a
// prefix that starts itself may take many seconds; a call takes 20 us.
const (
	startPatience = 60 * time.Second
	callPatience  = 10 * time.Second
	endPatience   = time.Second
)

// startHelper starts a helper in the prefix. lent is a file that it is given as its standard error, to use as a handle;
// nil for none. When the context is done, the helper is killed.
func (p *Prefix) startHelper(ctx context.Context, lent *os.File) (*helper, error) {
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("the helper is for x86-64: %w", errors.ErrUnsupported)
	}
	if !(process{pid: p.Server}).serves(p.Path) {
		return nil, ErrEnded
	}
	if p.Loader == "" {
		return nil, p.cannotStart(errors.New("its wine program cannot be found from here"))
	}
	socket, err := p.connect()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	image, err := p.placeImage()
	if err != nil {
		return nil, p.cannotStart(err)
	}
	defer image.remove()
	h, err := p.launch(socket, image.path, lent)
	if err != nil {
		return nil, p.cannotStart(err)
	}
	defer context.AfterFunc(ctx, h.kill)()
	first := make([]byte, caller.HelloLen)
	h.output.SetReadDeadline(time.Now().Add(startPatience))
	if _, err := io.ReadFull(h.output, first); err != nil {
		h.close()
		if err = h.failed(ctx, err); ctx.Err() == nil && !errors.Is(err, ErrEnded) {
			err = p.cannotStart(err)
		}
		return nil, err
	}
	h.hello = caller.ParseHello(first)
	if err := h.stepBack(); err != nil {
		h.close()
		return nil, h.failed(ctx, err)
	}
	return h, nil
}

// connect is a connection to the prefix's wineserver. The way through /proc is right wherever the server's directory lies
// for it.
func (p *Prefix) connect() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "socket")
	address := &unix.SockaddrUnix{Name: process{pid: p.Server}.path("cwd/socket")}
	switch err := unix.Connect(fd, address); err {
	case nil:
		return socket, unix.SetNonblock(fd, false)
	case unix.ENOENT, unix.ECONNREFUSED:
		socket.Close()
		return nil, ErrEnded
	default:
		socket.Close()
		return nil, fmt.Errorf("wineserver %d does not answer: %w", p.Server, os.NewSyscallError("connect", err))
	}
}

// placedImage is the helper's program where Wine can open it.
type placedImage struct {
	path   string
	remove func()
}

// placeImage puts the program into a memfd, which leaves nothing behind whatever happens. A wineserver in a container may
// not look into this process; for it the program is a file beside its own socket, removed as soon as it runs.
func (p *Prefix) placeImage() (*placedImage, error) {
	if p.sameNamespace("user") && p.sameNamespace("pid") {
		fd, err := unix.MemfdCreate(helperMark, unix.MFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("memfd_create", err)
		}
		file := os.NewFile(uintptr(fd), helperMark)
		if _, err := file.Write(caller.Image()); err != nil {
			file.Close()
			return nil, err
		}
		return &placedImage{fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), func() { file.Close() }}, nil
	}
	server := process{pid: p.Server}
	directory, err := os.Readlink(server.path("cwd"))
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(server.path("cwd"), "namedshm-*.exe")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_, err = file.Write(caller.Image())
	return &placedImage{filepath.Join(directory, filepath.Base(file.Name())), func() { os.Remove(file.Name()) }}, err
}

// sameNamespace reports whether the wineserver is in this process's namespace of a kind.
func (p *Prefix) sameNamespace(kind string) bool {
	theirs, err := os.Readlink(process{pid: p.Server}.path("ns/" + kind))
	ours, ourErr := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && ourErr == nil && theirs == ours
}

// launch starts the process. The wineserver's environment has all that the prefix's programs have to agree on. What makes
// windows, and what is loaded into games, is left out.
func (p *Prefix) launch(socket *os.File, image string, lent *os.File) (*helper, error) {
	theirInput, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirInput.Close()
	output, theirOutput, err := os.Pipe()
	if err != nil {
		input.Close()
		return nil, err
	}
	defer theirOutput.Close()
	cmd := exec.Command(p.Loader, image, helperMark)
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout = theirInput, theirOutput
	if lent != nil {
		cmd.Stderr = lent
	}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = slices.DeleteFunc(slices.Clone(p.environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"DISPLAY", "WAYLAND_DISPLAY", "LD_PRELOAD", "WINEPREFIX", "WINEDEBUG", "WINELOADERNOEXEC", "WINEPRELOADRESERVE"}, name)
	})
	cmd.Env = append(cmd.Env, "WINEPREFIX="+p.Path, "WINEDEBUG=-all", "WINESERVERSOCKET=3")
	if err := cmd.Start(); err != nil {
		input.Close()
		output.Close()
		return nil, err
	}
	h := &helper{prefix: p, cmd: cmd, input: input, output: output, found: map[string]uint64{}, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(h.ended)
	}()
	return h, nil
}

// stepBack makes the helper one of Wine's own processes, which do not keep a prefix alive: when the last Windows program
// has ended the wineserver ends too, and the helper with it. Launchers wait for that before they start a game again. A
// Wine that does not know the call keeps its prefix for as long as a helper runs.
func (h *helper) stepBack() error {
	const makeSystem = 1000 // ProcessWineMakeProcessSystem
	_, err := h.native("NtSetInformationProcess", thisProcess, makeSystem, h.scratch(0), 8)
	var fault *kernel.Fault
	if errors.As(err, &fault) {
		return nil
	}
	return err
}

// cannotStart says what a person can run instead.
func (p *Prefix) cannotStart(err error) error {
	advice := "run this where the Windows programs run: in a Flatpak's sandbox 'flatpak enter'; in Steam's container, as a launch option before %command%"
	if p.Loader != "" && p.sameNamespace("mnt") {
		advice = fmt.Sprintf("see what this says: WINEPREFIX='%s' '%s' winepath -w /", p.Path, p.Loader)
	}
	return fmt.Errorf("the helper cannot be started: %w; %s", err, advice)
}

// failed says why a helper does not answer any more.
func (h *helper) failed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the helper does not answer; is wineserver %d stopped?", h.prefix.Server)
	case !(process{pid: h.prefix.Server}).serves(h.prefix.Path):
		return ErrEnded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, unix.EPIPE), errors.Is(err, os.ErrClosed):
		<-h.ended
		return fmt.Errorf("the helper ended too early: %v", h.cmd.ProcessState)
	}
	return err
}

// close ends the helper: at the end of its input it exits. One that does not, because it is stopped, is killed.
func (h *helper) close() error {
	h.endOnce.Do(func() {
		h.input.Close()
		select {
		case <-h.ended:
		case <-time.After(endPatience):
			h.kill()
			<-h.ended
		}
		h.output.Close()
	})
	return nil
}

func (h *helper) kill() { h.cmd.Process.Kill() }

// during runs a piece of work with the helper, which is killed when the context is done meanwhile.
func (h *helper) during(ctx context.Context, work func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, h.kill)()
	err := work()
	var fault *kernel.Fault
	if err == nil || errors.As(err, &fault) {
		return err
	}
	return h.failed(ctx, err)
}

// call calls a function in the prefix.
func (h *helper) call(function uint64, arguments ...uint64) (result uint64, lastError uint32, err error) {
	deadline := time.Now().Add(callPatience)
	h.input.SetWriteDeadline(deadline)
	h.output.SetReadDeadline(deadline)
	if _, err := h.input.Write(caller.Request(function, arguments...)); err != nil {
		return 0, 0, err
	}
	return h.answer()
}

func (h *helper) answer() (uint64, uint32, error) {
	var b [caller.AnswerLen]byte
	if _, err := io.ReadFull(h.output, b[:]); err != nil {
		return 0, 0, err
	}
	result, lastError := caller.Answer(b[:])
	return result, lastError, nil
}

// pieceLen is what is sent at once. The pipe takes so much in one step or not at all, so the helper reads it in one.
const pieceLen = 2048

// poke writes into the helper's memory: it is told to read from its input.
func (h *helper) poke(address uint64, b []byte) error {
	for piece := range slices.Chunk(b, pieceLen) {
		h.input.SetWriteDeadline(time.Now().Add(callPatience))
		h.output.SetReadDeadline(time.Now().Add(callPatience))
		if _, err := h.input.Write(caller.Request(h.hello.Read, h.hello.Input, address, uint64(len(piece)), h.scratch(0))); err != nil {
			return err
		}
		if _, err := h.input.Write(piece); err != nil {
			return err
		}
		if result, code, err := h.answer(); err != nil || result == 0 {
			return cmpError(err, code)
		}
		address += uint64(len(piece))
	}
	return nil
}

// peek reads the helper's memory: it is told to write to its output.
func (h *helper) peek(address uint64, length int) ([]byte, error) {
	h.input.SetWriteDeadline(time.Now().Add(callPatience))
	h.output.SetReadDeadline(time.Now().Add(callPatience))
	if _, err := h.input.Write(caller.Request(h.hello.Write, h.hello.Output, address, uint64(length), h.scratch(0))); err != nil {
		return nil, err
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(h.output, b); err != nil {
		return nil, err
	}
	result, code, err := h.answer()
	if err != nil || result == 0 {
		return nil, cmpError(err, code)
	}
	return b, nil
}

// cmpError is the error of a call, or else the one that Windows gave.
func cmpError(err error, code uint32) error {
	if err != nil {
		return err
	}
	return &kernel.Fault{Code: kernel.Code(code)}
}

// scratch is an address in the helper's memory for what an argument points at. The first words are for what calls give
// back and nobody looks at.
func (h *helper) scratch(at uint64) uint64 { return h.hello.Data + caller.AtScratch + at }

// function is the address of a function of a library.
func (h *helper) function(library, name string) (uint64, error) {
	if address, ok := h.found[name]; ok {
		return address, nil
	}
	at := h.scratch(64)
	if err := h.poke(at, []byte(library+"\x00")); err != nil {
		return 0, err
	}
	module, code, err := h.call(h.hello.Library, at)
	if err != nil || module == 0 {
		return 0, cmpError(err, code)
	}
	if err := h.poke(at, []byte(name+"\x00")); err != nil {
		return 0, err
	}
	address, code, err := h.call(h.hello.Procedure, module, at)
	if err != nil || address == 0 {
		return 0, cmpError(err, code)
	}
	h.found[name] = address
	return address, nil
}

// native calls a function of ntdll.dll. What it says is an NTSTATUS; one that is an error becomes the Win32 code for it.
func (h *helper) native(name string, arguments ...uint64) (status uint32, err error) {
	function, err := h.function("ntdll.dll", name)
	if err != nil {
		return 0, err
	}
	result, _, err := h.call(function, arguments...)
	status = uint32(result)
	if err != nil || status < 0x80000000 {
		return status, err
	}
	translate, err := h.function("ntdll.dll", "RtlNtStatusToDosError")
	if err != nil {
		return status, err
	}
	code, _, err := h.call(translate, uint64(status))
	return status, cmpError(err, uint32(code))
}

// win32 calls a function of kernel32.dll.
func (h *helper) win32(name string, arguments ...uint64) (result uint64, lastError uint32, err error) {
	function, err := h.function("kernel32.dll", name)
	if err != nil {
		return 0, 0, err
	}
	return h.call(function, arguments...)
}

// thisProcess is the handle by which a process means itself.
const thisProcess = ^uint64(0)

// wide is text as Windows has it. A lone surrogate, which Windows' names may have, stands as three bytes in ours.
func wide(text string) []byte {
	var b []byte
	for i := 0; i < len(text); {
		if len(text)-i >= 3 && text[i] == 0xED && text[i+1] >= 0xA0 {
			unit := uint16(text[i]&0xF)<<12 | uint16(text[i+1]&0x3F)<<6 | uint16(text[i+2]&0x3F)
			b = binary.LittleEndian.AppendUint16(b, unit)
			i += 3
			continue
		}
		next := i + 1
		for next < len(text) && text[next]&0xC0 == 0x80 {
			next++
		}
		for _, unit := range utf16.Encode([]rune(text[i:next])) {
			b = binary.LittleEndian.AppendUint16(b, unit)
		}
		i = next
	}
	return b
}

// narrow is the other direction.
func narrow(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	var text strings.Builder
	for i := 0; i < len(units); i++ {
		u := units[i]
		switch {
		case u >= 0xD800 && u < 0xDC00 && i+1 < len(units) && units[i+1] >= 0xDC00 && units[i+1] < 0xE000:
			text.WriteRune(utf16.DecodeRune(rune(u), rune(units[i+1])))
			i++
		case u >= 0xD800 && u < 0xE000:
			text.Write([]byte{0xE0 | byte(u>>12), 0x80 | byte(u>>6)&0x3F, 0x80 | byte(u)&0x3F})
		default:
			text.WriteRune(rune(u))
		}
	}
	return text.String()
}

// openFile opens a file of a process by its descriptor's number.
func openFile(pid, descriptor int) string {
	return "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(descriptor)
}
