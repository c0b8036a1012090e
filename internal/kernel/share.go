//go:build unix && !aix

package kernel

import (
	"fmt"
	"os/user"
	"strconv"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// mode returns who may open the memory, as permission bits: what the protection allows, for the audience.
func (s *Spec) mode() uint32 {
	grants := s.Protection.grants()
	bits := func(access Access) uint32 {
		mode := uint32(4)
		if access&Write != 0 && grants&Write != 0 {
			mode |= 2
		}
		if grants&Execute != 0 {
			mode |= 1
		}
		return mode
	}
	mode := bits(grants) << 6
	switch s.Share.Audience {
	case Everyone:
		mode |= bits(s.Share.Access)<<3 | bits(s.Share.Access)
	case Group:
		mode |= bits(s.Share.Access) << 3
	}
	return mode
}

// shareGroup returns the group that an object is shared with, -1 for none.
func shareGroup(p *place, s *Share) (int, error) {
	if s.Audience != Group {
		return -1, nil
	}
	gid, err := lookupGroup(s.Group)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if p.namespace == Global && unix.Fstat(p.at(), &st) == nil && st.Mode&0o020 != 0 && int(st.Gid) != gid {
		// A file has one group. The entry's must be the directory's, whose members remove each other's dead entries.
		return -1, &fault.Fault{Code: fault.NotSupported,
			Cause: fmt.Errorf("the Global directory belongs to group %d: objects in it can be shared with that group, "+
				"with everybody or with nobody", st.Gid),
			Advice: "share with that group or with everybody"}
	}
	return gid, nil
}

// lookupGroup returns a group's number, by name or by number.
func lookupGroup(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		if gid, numErr := strconv.Atoi(name); numErr == nil && gid >= 0 {
			return gid, nil
		}
		return -1, &fault.Fault{Code: fault.NoneMapped, Cause: err}
	}
	return strconv.Atoi(g.Gid)
}

// check refuses what Unix cannot express.
func (s *Share) check() error {
	switch {
	case s.Audience == Descriptor:
		return fault.Fail(fault.NotSupported, "security descriptors exist only on Windows")
	case s.Audience != Owner && s.Access&^(Read|Write) != 0, s.Audience != Owner && s.Access&Read == 0:
		return fault.Fail(fault.InvalidParameter, "an object can be shared for reading, or for reading and writing")
	}
	return nil
}
