package kernel

import "syscall"

// link gives a file of the directory another name. It goes by the path, because no call goes by the descriptor: the
// directory's parent has been judged, and nobody else can replace what is there.
func (p *place) link(from, to string) error { return syscall.Link(p.path(from), p.path(to)) }
