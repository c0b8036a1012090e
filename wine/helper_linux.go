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

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"github.com/namedshm/namedshm/internal/wtf8"
	"github.com/namedshm/namedshm/wine/internal/caller"
	"golang.org/x/sys/unix"
)

// helper is the program that makes calls in a prefix for us, package caller's. Its methods are for one goroutine at a
// time.
//
// It is started by the prefix's own Wine, with its wineserver's environment, and finds itself connected to that
// wineserver: Wine takes the connection that it is given and looks for no server, so it never starts one.
type helper struct {
	prefix *Prefix
	server *server
	cmd    *exec.Cmd
	self   *process // what cmd has started
	input  *os.File // its requests and its answers
	output *os.File
	hello  caller.Hello
	found  map[string]uint64 // addresses of functions

	session string // the path of the Local namespace, once it is known

	endOnce sync.Once
	ended   chan struct{} // closed when the process is gone
}

// helperMark is on the helper's command line, for people who look at a list of processes.
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
	s, err := p.server()
	if err != nil {
		return nil, err
	}
	loader, path, err := p.program(s.judge)
	if err != nil {
		s.close()
		return nil, err
	}
	defer loader.Close()
	image, err := s.placeImage()
	if err != nil {
		s.close()
		return nil, p.cannotStart(err)
	}
	defer image.remove()
	h, err := s.launch(p, loader, path, image.path, lent)
	if err != nil {
		s.close()
		return nil, err
	}
	defer context.AfterFunc(ctx, h.kill)()
	first := make([]byte, caller.HelloLen)
	h.output.SetReadDeadline(time.Now().Add(startPatience))
	if _, err := io.ReadFull(h.output, first); err != nil {
		h.end()
		if err = h.failed(ctx, err); ctx.Err() == nil && !errors.Is(err, ErrEnded) {
			err = p.cannotStart(err)
		}
		h.close()
		return nil, err
	}
	h.hello = caller.ParseHello(first)
	if err := h.stepBack(); err != nil {
		h.end()
		err = h.failed(ctx, err)
		h.close()
		return nil, err
	}
	return h, nil
}

// server is the prefix's wineserver, judged again: the one found may have ended, and its number may belong to another
// process.
func (p *Prefix) server() (*server, error) {
	j, err := newJudge()
	if err != nil {
		return nil, err
	}
	process, err := openProcess(p.Server)
	if err != nil {
		return nil, ErrEnded
	}
	s := j.openServer(process)
	if s == nil {
		process.close()
		return nil, ErrEnded
	}
	if s.path != p.Path {
		s.close()
		return nil, ErrEnded
	}
	return s, nil
}

// placedImage is the helper's program where Wine can open it.
type placedImage struct {
	path   string
	remove func()
}

// placeImage puts the program into a memfd, which leaves nothing behind whatever happens. A wineserver in a container
// cannot inspect this process; for it the program is a file beside its own socket, removed as soon as it runs.
func (s *server) placeImage() (*placedImage, error) {
	if s.sharesNamespace("user") && s.sharesNamespace("pid") {
		fd, err := unix.MemfdCreate(helperMark, unix.MFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("memfd_create", err)
		}
		file := os.NewFile(uintptr(fd), helperMark)
		if _, err := file.Write(caller.Image()); err != nil {
			file.Close()
			return nil, err
		}
		return &placedImage{openFile(os.Getpid(), fd), func() { file.Close() }}, nil
	}
	// Wine is given a path, so nobody may be able to put another directory there.
	if err := s.judge.secluded(s.home); err != nil {
		return nil, err
	}
	return placeBeside(s.home)
}

// placeBeside makes the program a file in an open directory. It is removed through a descriptor of its own: the server,
// with its directory, may have been closed by then, and the number be another file's.
func placeBeside(directory *os.File) (*placedImage, error) {
	path := pathOf(directory)
	home, err := openAt(directory, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(openFile(os.Getpid(), int(home.Fd())), "namedshm-*.exe")
	if err != nil {
		home.Close()
		return nil, err
	}
	defer file.Close()
	name := filepath.Base(file.Name())
	remove := func() {
		unix.Unlinkat(int(home.Fd()), name, 0)
		home.Close()
	}
	if _, err = file.Write(caller.Image()); err != nil {
		remove()
		return nil, err
	}
	return &placedImage{filepath.Join(path, name), remove}, nil
}

// program opens the wine program, if nobody else can have made or changed it.
func (p *Prefix) program(j *judge) (loader *os.File, path string, err error) {
	if p.Loader == "" {
		return nil, "", p.cannotStart(errors.New("its wine program cannot be found from here"))
	}
	loader, path, err = j.walk(p.Loader)
	if err != nil {
		return nil, "", p.cannotStart(err)
	}
	return loader, path, nil
}

func (p *Prefix) check() error {
	s, err := p.server()
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.door(); err != nil {
		return err
	}
	loader, _, err := p.program(s.judge)
	if err == nil {
		err = loader.Close()
	}
	return err
}

// launch starts the wine program with everything that it is given. path is its path.
func (s *server) launch(p *Prefix, loader *os.File, path, image string, lent *os.File) (*helper, error) {
	socket, err := s.connect()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	// What is executed is the file that was judged, as the process's descriptor 4. Wine executes itself once more by
	// the path, which it derives from /proc/self/exe and its first argument; it is the same file.
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/4", Args: []string{path, image, helperMark}, Dir: "/", Env: s.helperEnviron(path),
		ExtraFiles: []*os.File{socket, loader},
	}
	if lent != nil {
		cmd.Stderr = lent
	}
	h, err := s.run(p, cmd)
	if err != nil {
		return nil, p.cannotStart(err)
	}
	return h, nil
}

// run starts the process, with pipes for its input and output.
func (s *server) run(p *Prefix, cmd *exec.Cmd) (*helper, error) {
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
	cmd.Stdin, cmd.Stdout = theirInput, theirOutput
	if err := cmd.Start(); err != nil {
		input.Close()
		output.Close()
		return nil, err
	}
	h := &helper{prefix: p, server: s, cmd: cmd, input: input, output: output, found: map[string]uint64{},
		ended: make(chan struct{})}
	h.self, err = openProcess(cmd.Process.Pid) // before it is waited for: until then its number is its own
	go func() {
		cmd.Wait()
		close(h.ended)
	}()
	if err != nil {
		h.kill()
		h.end()
		return nil, err
	}
	return h, nil
}

// agreed are the beginnings of variables that the programs of a prefix have to agree on. All else comes from this
// process's environment.
var agreed = []string{"WINE", "STAGING_", "PROTON_", "STEAM_", "Steam"}

// libraries are variables that name directories with code.
var libraries = []string{"WINEDLLPATH", "LD_LIBRARY_PATH"}

// unwanted are variables that are left out: of what makes windows, of what loads something into every program, and of
// what is said here.
var unwanted = []string{
	"DISPLAY", "WAYLAND_DISPLAY", "WINEPREFIX", "WINEDEBUG", "WINELOADER", "WINESERVER", "WINESERVERSOCKET",
	"WINELOADERNOEXEC",
	"WINEPRELOADRESERVE",
}

// helperEnviron is the environment for a helper: this process's own, with what the wineserver's says of Wine.
// Directories of libraries are among that, for Proton's are not the system's; those that another user can write are
// left out.
func (s *server) helperEnviron(loader string) []string {
	foreign := func(name string) bool {
		return slices.Contains(unwanted, name) || slices.Contains(libraries, name) || strings.HasPrefix(name, "LD_")
	}
	common := func(name string) bool {
		return slices.ContainsFunc(agreed, func(beginning string) bool { return strings.HasPrefix(name, beginning) })
	}
	var environ []string
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); !foreign(name) && !common(name) {
			environ = append(environ, entry)
		}
	}
	for _, entry := range s.environ {
		if name, _, _ := strings.Cut(entry, "="); !foreign(name) && common(name) {
			environ = append(environ, entry)
		}
	}
	for _, name := range libraries {
		if list := s.judge.directories(variable(s.environ, name)); list != "" {
			environ = append(environ, name+"="+list)
		}
	}
	return append(environ, "WINEPREFIX="+s.path, "WINELOADER="+loader, "WINEDEBUG=-all", "WINESERVERSOCKET=3")
}

// stepBack makes the helper one of Wine's own processes, which do not keep a prefix alive: when the last Windows
// program has ended the wineserver ends too, and the helper with it. Launchers wait for that before they start a game
// again. A Wine that does not know the call keeps its prefix for as long as a helper runs.
func (h *helper) stepBack() error {
	const makeSystem = 1000 // ProcessWineMakeProcessSystem
	_, err := h.native("NtSetInformationProcess", thisProcess, makeSystem, h.scratch(0), 8)
	var f *fault.Fault
	if errors.As(err, &f) {
		return nil
	}
	return err
}

// sameNamespace reports whether the wineserver is in this process's namespace of a kind.
func (p *Prefix) sameNamespace(kind string) bool {
	server, err := openProcess(p.Server)
	if err != nil {
		return false
	}
	defer server.close()
	return server.sharesNamespace(kind)
}

// cannotStart says what a person can run instead, or has to fix: nobody should be advised to run a program that another
// user may have made.
func (p *Prefix) cannotStart(err error) error {
	advice := "run this where the Windows programs run: in a Flatpak's sandbox with 'flatpak enter', in Steam's " +
		"container as docs/wine.md says"
	var suspicious *distrusted
	if errors.As(err, &suspicious) {
		advice = "what is run, and every directory on the way to it, must belong to you or root and be writable by nobody " +
			"else (chmod go-w)"
	} else if p.Loader != "" && p.sameNamespace("mnt") {
		advice = fmt.Sprintf("check the output of: WINEPREFIX='%s' '%s' winepath -w /", p.Path, p.Loader)
	}
	return fmt.Errorf("the helper cannot be started: %w; %s", err, advice)
}

// failed says why a helper does not answer any more.
func (h *helper) failed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return waiting.ContextError(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the helper does not answer; is wineserver %d stopped?", h.prefix.Server)
	case !h.server.serves():
		return ErrEnded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, unix.EPIPE),
		errors.Is(err, os.ErrClosed):
		<-h.ended
		return fmt.Errorf("the helper ended too early: %v", h.cmd.ProcessState)
	}
	return err
}

// close ends the helper, which must not be used any more.
func (h *helper) close() error {
	h.end()
	h.server.close()
	h.self.close()
	return nil
}

// end ends the process: at the end of its input it exits. One that does not, because it is stopped, is killed.
func (h *helper) end() {
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
}

func (h *helper) kill() { h.cmd.Process.Kill() }

// during runs a piece of work with the helper, which is killed when the context is done meanwhile.
func (h *helper) during(ctx context.Context, work func() error) error {
	if err := waiting.ContextError(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, h.kill)()
	err := work()
	var f *fault.Fault
	if err == nil || errors.As(err, &f) {
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

// poke writes into the helper's memory, by having it read from its input.
func (h *helper) poke(address uint64, b []byte) error {
	for piece := range slices.Chunk(b, pieceLen) {
		h.input.SetWriteDeadline(time.Now().Add(callPatience))
		h.output.SetReadDeadline(time.Now().Add(callPatience))
		if _, err := h.input.Write(caller.Request(h.hello.Read, h.hello.Input, address, uint64(len(piece)),
			h.scratch(0))); err != nil {
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

// peek reads the helper's memory, by having it write to its output.
func (h *helper) peek(address uint64, length int) ([]byte, error) {
	h.input.SetWriteDeadline(time.Now().Add(callPatience))
	h.output.SetReadDeadline(time.Now().Add(callPatience))
	if _, err := h.input.Write(caller.Request(h.hello.Write, h.hello.Output, address, uint64(length),
		h.scratch(0))); err != nil {
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
	return &fault.Fault{Code: fault.Code(code)}
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

// native calls a function of ntdll.dll. What it says is an NTSTATUS; one that is an error becomes the Win32 code for
// it.
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
	for _, unit := range wtf8.Encode(text) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

// narrow is the other direction.
func narrow(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return wtf8.Decode(units)
}

// openFile opens a file of a process by its descriptor's number.
func openFile(pid, descriptor int) string {
	return "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(descriptor)
}
