//go:build unix && !aix

package win32

import "github.com/namedshm/namedshm/internal/kernel"

// kind is what a handle is of.
type kind uint8

const (
	kindSection kind = iota
	kindEvent
	kindMutex
	kindSemaphore
	kindFile
	kindProcess
	kindOther
	kinds
)

// rights are those that a kind of object has, and what the generic ones stand for.
type rights struct{ all, read, write, execute uint32 }

var rightsOf = [kinds]rights{
	kindSection:   {SECTION_ALL_ACCESS, 0x20005, 0x20002, 0x20008},
	kindEvent:     {EVENT_ALL_ACCESS, 0x20001, 0x20002, 0x120000},
	kindMutex:     {MUTEX_ALL_ACCESS, 0x20001, 0x20000, 0x120000},
	kindSemaphore: {SEMAPHORE_ALL_ACCESS, 0x20001, 0x20002, 0x120000},
	kindFile:      {0x1F01FF, fileReads, fileWrites, fileExecutes},
	kindProcess:   {0x1FFFFF, 0x20410, 0x20BEA, 0x121001},
}

// The rights to a file that a section over it requires, and those granted to a file opened for reading, writing or
// executing.
const (
	fileReadData  = 0x0001
	fileWriteData = 0x0002
	fileExecute   = 0x0020
	fileReads     = 0x120089
	fileWrites    = 0x120116
	fileExecutes  = 0x1200A0
)

// specific is an access mask without generic rights. maximum asks for every right that is available.
func (k kind) specific(access uint32) (mask uint32, maximum bool, err error) {
	r := rightsOf[k]
	for _, g := range [...]struct{ generic, is uint32 }{
		{GENERIC_READ, r.read}, {GENERIC_WRITE, r.write}, {GENERIC_EXECUTE, r.execute}, {GENERIC_ALL, r.all},
	} {
		if access&g.generic != 0 {
			access = access&^g.generic | g.is
		}
	}
	if access&ACCESS_SYSTEM_SECURITY != 0 {
		return 0, false, ERROR_PRIVILEGE_NOT_HELD
	}
	maximum = access&MAXIMUM_ALLOWED != 0
	return access &^ MAXIMUM_ALLOWED, maximum, nil
}

// grantable reports whether the kind has all rights of a mask.
func (k kind) grantable(mask uint32) bool { return mask&^rightsOf[k].all == 0 }

// sectionAccess is how the memory of a section must be open for a handle with these rights. A view that can be written
// can be read.
func sectionAccess(granted uint32) kernel.Access {
	access := kernel.Read
	if granted&SECTION_MAP_WRITE != 0 {
		access |= kernel.Write
	}
	if granted&SECTION_MAP_EXECUTE != 0 {
		access |= kernel.Execute
	}
	return access
}

// kernel is the kind as the object manager has it.
func (k kind) kernel() kernel.Kind {
	switch k {
	case kindEvent:
		return kernel.KindEvent
	case kindMutex:
		return kernel.KindMutex
	case kindSemaphore:
		return kernel.KindSemaphore
	}
	return kernel.KindSection
}
