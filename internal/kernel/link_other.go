//go:build unix && !(aix || solaris)

package kernel

import "golang.org/x/sys/unix"

// link gives a file of the directory another name.
func (p *place) link(from, to string) error { return unix.Linkat(p.at(), from, p.at(), to, 0) }
