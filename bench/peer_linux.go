package main

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

//go:embed testdata
var sources embed.FS

// compiled is a peer that passes a token back and forth, as testdata/pingpong.h says, and what is needed to build it.
type compiled struct {
	name    string // as in the table
	source  string
	flags   []string
	iceoryx bool
}

// The peers of a wait.
var (
	cSpin   = compiled{name: "C that spins on a word", source: "spin.c"}
	cPause  = compiled{name: "C that spins with pauses", source: "spin.c", flags: []string{"-DPAUSE"}}
	cSwap   = compiled{name: "C that swaps two words", source: "swap.c"}
	cFutex  = compiled{name: "bare futexes in C", source: "futex.c"}
	polling = compiled{name: "iceoryx, polling", source: "iceoryx.cpp", flags: []string{"-DPOLLING"}, iceoryx: true}

	socket  = compiled{name: "Unix socket", source: "socket.c"}
	zeroMQ  = compiled{name: "ZeroMQ ipc", source: "zeromq.c", flags: []string{"-lzmq"}}
	iceoryx = compiled{name: "iceoryx, waiting", source: "iceoryx.cpp", iceoryx: true}

	// others are what people use instead.
	others = []compiled{
		{name: "pipe", source: "pipe.c"},
		socket,
		{name: "eventfd", source: "eventfd.c"},
		{name: "Boost condition", source: "boost_condition.cpp", flags: []string{"-pthread"}},
		{name: "Boost semaphore", source: "boost_semaphore.cpp", flags: []string{"-pthread"}},
		zeroMQ,
		iceoryx,
	}
)

// workshop is where peers are built and run, and what they need running.
type workshop struct {
	dir   string
	built map[string]string // the program of each peer
	roudi *exec.Cmd
}

func newWorkshop() (*workshop, error) {
	dir, err := os.MkdirTemp("", "namedshm-bench-")
	if err != nil {
		return nil, err
	}
	w := &workshop{dir: dir, built: map[string]string{}}
	if err := os.CopyFS(dir, sources); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *workshop) close() {
	if w.roudi != nil {
		w.roudi.Process.Signal(os.Interrupt)
		w.roudi.Wait()
	}
	os.RemoveAll(w.dir)
}

// start runs a peer on these cores.
func (w *workshop) start(p compiled, cores [2]int, more ...string) (*player, error) {
	program, err := w.build(p)
	if err != nil {
		return nil, err
	}
	name := uniqueName()
	if p.iceoryx {
		if err := w.startRoudi(); err != nil {
			return nil, err
		}
	} else {
		name = filepath.Join(w.dir, name) // for a socket
	}
	arguments := append([]string{strconv.Itoa(cores[0]), strconv.Itoa(cores[1]), name}, more...)
	return newPlayer(p.name, exec.Command(program, arguments...))
}

// build compiles a peer, once.
func (w *workshop) build(p compiled) (program string, err error) {
	what := p.source + " " + strings.Join(p.flags, " ") // several may have one name
	if program := w.built[what]; program != "" {
		return program, nil
	}
	program = filepath.Join(w.dir, strconv.Itoa(len(w.built)))
	compiler := "gcc"
	flags := []string{"-O2", "-o", program, filepath.Join(w.dir, "testdata", p.source)}
	if strings.HasSuffix(p.source, ".cpp") {
		compiler, flags = "g++", append(flags, "-std=c++17")
	}
	if p.iceoryx {
		flags = append(flags, "-I"+iceoryxHeaders(), "-liceoryx_posh", "-liceoryx_hoofs", "-pthread")
	}
	if out, err := exec.Command(compiler, append(flags, p.flags...)...).CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(string(out), "\n") // of the compiler's complaints
		return "", fmt.Errorf("%s: %w %s", p.source, err, first)
	}
	w.built[what] = program
	return program, nil
}

// iceoryxHeaders is a directory with a version in its name. The peer is written for the second.
func iceoryxHeaders() string {
	found, _ := filepath.Glob("/usr/include/iceoryx/v2*")
	return slices.Max(append(found, "/usr/include"))
}

// roudiConfig has iceoryx share just enough memory for tokens and streams.
const roudiConfig = `
[general]
version = 1
[[segment]]
[[segment.mempool]]
size = 128
count = 1000
[[segment.mempool]]
size = 1024
count = 600
[[segment.mempool]]
size = 65536
count = 32
[[segment.mempool]]
size = 1048576
count = 32
`

// startRoudi starts iceoryx's daemon, without which its programs do nothing, and waits until it is up.
func (w *workshop) startRoudi() error {
	if w.roudi != nil {
		return nil
	}
	config := filepath.Join(w.dir, "roudi.toml")
	if err := os.WriteFile(config, []byte(roudiConfig), 0o600); err != nil {
		return err
	}
	// Its monitoring would keep every peer's processes busy with signs of life.
	cmd := exec.Command("iox-roudi", "--monitoring-mode", "off", "--config-file", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // there can be only one, so it must not stay behind
	out, err := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err := errors.Join(err, cmd.Start()); err != nil {
		return err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(io.TeeReader(out, &said)); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready") {
			w.roudi = cmd
			go io.Copy(io.Discard, out)
			return nil
		}
	}
	return fmt.Errorf("iox-roudi: %w: %s", cmd.Wait(), said.String())
}

var uniqueNames int

// uniqueName is a name that no other run uses at the same time.
func uniqueName() string {
	uniqueNames++
	return fmt.Sprintf("bench-%d-%d", os.Getpid(), uniqueNames)
}
