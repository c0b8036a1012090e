// Command bench measures named sections beside their peers, in the same run and in turns, and prints ratios:
//
//	go run ./bench
//
// A single figure says as much about the machine as about the code; a ratio to a peer measured between the same two
// ticks of the clock says something. docs/design.md has the figures and what they were measured on.
//
// The peers:
//
//   - bare: what shm_open does (open in /dev/shm, ftruncate, mmap, munmap, close, unlink), with no liveness at all;
//   - floor: the bare system calls of this library's own protocol, in its order, with nothing between them. What is
//     above it is this library's; what lies between it and bare is the price of the guarantee;
//   - Python's multiprocessing.shared_memory;
//   - for the C library: the same calls of package win32 in Go, and Wine's own.
//
// Waiting is measured as a token that two processes, each pinned to a core, pass there and back, here by two auto-reset
// events. testdata has the peers, which are compiled when they are needed:
//
//   - C that spins on one shared word: the floor of whatever spins, as a wait does at first;
//   - C that swaps two words: the floor of whatever spins for a token that several may set and several may take;
//   - bare futexes in C: the floor of whatever sleeps, as a wait does then; and in Go: the floor of whatever sleeps in Go;
//   - pipe, Unix socket, eventfd, Boost.Interprocess (Debian's libboost-dev), ZeroMQ (libzmq3-dev) and iceoryx (iceoryx and
//     libiceoryx-posh-dev), whose daemon is started and stopped. What is not installed is left out.
//
// A Windows program under Wine, built with mingw, answers in a section of its own: beside a native process that does the
// same, and beside a bridge that copies the section every 16 ms.
//
// A round trip is the median stretch of 20 of them, in the median turn: that no burst of other work can spoil. On two
// cores a sleeper is woken by an interrupt to the other processor, which takes nearly all of the time on a virtual machine,
// whoever sends it; on one core only what the calls take is left. Go's runtime looks at what its threads do in system
// calls, and with GOMAXPROCS=1 takes the processor from one that sleeps. That costs a wait a good part of its time, and
// has rows of its own.
package main
