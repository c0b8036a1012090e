//go:build unix && !linux && !aix

package kernel

import (
	"cmp"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

func examine() []Check {
	checks := []Check{{Topic: "backing",
		Detail: "files: freed by the last Close; after a crash, by the next call in that namespace"}}
	for _, n := range []Namespace{Local, Global} {
		c := Check{Topic: n.String() + " directory"}
		p, err := placeOf(n)
		if err == nil {
			c.Detail = p.dir
			err = p.check()
		}
		if fault.CodeOf(err) == fault.FileNotFound {
			c.Detail += " (made on first use, in Global by root)"
			parent, refusal, err := p.openParent()
			if err == nil {
				unix.Close(parent)
			}
			if err := cmp.Or(err, refusal); err != nil {
				c = failed(c.Topic, Missing, err)
			}
		} else if err != nil {
			c.Status, c.Detail = Missing, err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}
