//go:build unix && !aix

package kernel

import (
	"fmt"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// mode is who may open the memory, as permission bits: what the protection allows, for whom the audience says.
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

// shareGroup is the group that an object is shared with, -1 for none.
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
		// One file has one group. The entry's must be the directory's, whose members remove each other's dead entries.
		return -1, &Fault{Code: NotSupported,
			Cause:  fmt.Errorf("the Global directory belongs to group %d: objects in it can be shared with that group, with everybody or with nobody", st.Gid),
			Advice: "share with that group or with everybody"}
	}
	return gid, nil
}

// lookupGroup is a group's number, by name or by number.
func lookupGroup(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		if gid, numErr := strconv.Atoi(name); numErr == nil && gid >= 0 {
			return gid, nil
		}
		return -1, &Fault{Code: NoneMapped, Cause: err}
	}
	return strconv.Atoi(g.Gid)
}

// check refuses what Unix cannot say.
func (s *Share) check() error {
	switch {
	case s.Audience == Descriptor:
		return fail(NotSupported, "security descriptors are Windows' own")
	case s.Audience != Owner && s.Access&^(Read|Write) != 0, s.Audience != Owner && s.Access&Read == 0:
		return fail(InvalidParameter, "an object can be shared for reading, or for reading and writing")
	}
	return nil
}
