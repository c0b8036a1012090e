// Command bench measures named sections beside their peers, in the same run and in turns, and prints ratios:
//
//	go run ./bench
//
// With --report it measures a little more, and writes docs/benchmarks.md with its pictures and its figures; with
// --render it writes them once more from the figures, after the words have been changed. Do the former on a machine
// that is quiet: the document says when it was not.
//
// A single figure says as much about the machine as about the code; a ratio to a peer measured between the same two
// ticks of the clock says something. docs/benchmarks.md has all.
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
//   - C that spins on one shared word: the floor for anything that spins, as a wait does at first;
//   - C that swaps two words: the floor for anything that spins for a token that several may set and several may take;
//   - bare futexes in C: the floor for anything that sleeps, as a wait does after spinning; and in Go: the floor for
//     anything that sleeps in Go;
//   - pipe, Unix socket, eventfd, Boost.Interprocess (Debian's libboost-dev), ZeroMQ (libzmq3-dev) and iceoryx (iceoryx
//     and libiceoryx-posh-dev), whose daemon is started and stopped. What is not installed is left out.
//
// Messages of package flow are measured one way and there and back, beside a ring in C that is as good as we could make
// it (testdata/ring.h), a pipe, a Unix socket, ZeroMQ, iceoryx and Boost's message_queue, each at the same sizes.
//
// A Windows program under Wine, built with mingw, answers in a section of its own: beside a native process that does
// the same, and beside a bridge that copies the section every 16 ms.
//
// A round trip is the median stretch of 20 of them, in the median turn: that no burst of other work can spoil. On two
// cores a sleeper is woken by an interrupt to the other processor, which takes nearly all of the time on a virtual
// machine, whatever sends it; on one core only what the calls take is left. Go's runtime looks at what its threads do
// in system calls, and with GOMAXPROCS=1 takes the processor from one that sleeps. That costs a wait a good part of its
// time, and has rows of its own.
package main
