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
//   - Python's multiprocessing.shared_memory.
package main
