//go:build linux

package journal

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Len is the length of a record. It divides a page: a write that goes over the end of a page is done in two parts, and
// a kill can come between.
const Len = 64

// Journal is the file, open for appending.
type Journal struct{ fd int }

// Open opens a journal, and makes it if it is not there.
func Open(path string) (*Journal, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	return &Journal{fd}, err
}

// Close closes the file.
func (j *Journal) Close() error { return unix.Close(j.fd) }

// Append appends a record. One that is shorter than Len is filled up with zeros.
func (j *Journal) Append(record []byte) {
	record = append(record, make([]byte, Len-len(record))...)
	if n, err := unix.Write(j.fd, record); err != nil || n != Len {
		panic(fmt.Sprintf("journal: %d bytes, %v", n, err))
	}
}

// Read gives all records of a journal, in their order, as decode understands them.
func Read[R any](path string, decode func(record []byte) R) ([]R, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []R
	for ; len(b) >= Len; b = b[Len:] {
		all = append(all, decode(b[:Len]))
	}
	return all, nil
}

// Now is the time that is the same for all processes of the machine.
func Now() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}
