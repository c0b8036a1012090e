//go:build unix && !aix

package win32

import (
	"context"

	"github.com/namedshm/namedshm/internal/kernel"
)

// tooBig is a size that no section can have.
const tooBig = 1 << 47

// sectionFlags are the bits of CreateFileMapping's protection that are not a protection.
const sectionFlags = 0xFF800000

// grantedTo is what a creator's handle may do.
func grantedTo(page uint32) uint32 {
	switch page {
	case PAGE_READONLY, PAGE_WRITECOPY:
		return 0xF0005
	case PAGE_READWRITE:
		return 0xF0007
	case PAGE_EXECUTE_READ, PAGE_EXECUTE_WRITECOPY:
		return 0xF000D
	case PAGE_EXECUTE_READWRITE:
		return 0xF000F
	}
	return 0
}

// checkFlags says what Windows says of a combination of SEC_ constants, for memory or over a file.
func checkFlags(flags uint32, overFile bool) error {
	const memory = SEC_COMMIT | SEC_RESERVE
	const cached = SEC_NOCACHE | SEC_WRITECOMBINE
	switch {
	case flags == SEC_IMAGE, flags == SEC_IMAGE_NO_EXECUTE:
		return ERROR_BAD_EXE_FORMAT // there are no Windows executables here
	case flags&^(memory|cached|SEC_LARGE_PAGES) != 0,
		flags&memory == 0, flags&memory == memory,
		flags&cached == cached,
		flags&SEC_LARGE_PAGES != 0 && (overFile || flags != SEC_COMMIT|SEC_LARGE_PAGES):
		return ERROR_INVALID_PARAMETER
	case flags&SEC_LARGE_PAGES != 0:
		return ERROR_PRIVILEGE_NOT_HELD
	}
	return nil
}

func createFileMapping(file Handle, sa *SecurityAttributes, prot, high, low uint32, name *uint16) (Handle, error) {
	inherit, err := inherits(sa)
	if err != nil {
		return 0, err
	}
	flags, page := prot&sectionFlags, prot&^sectionFlags
	if flags == 0 {
		flags = SEC_COMMIT
	}
	granted := grantedTo(page)
	if granted == 0 {
		return 0, ERROR_INVALID_PARAMETER
	}
	overFile := file != InvalidHandle && file != 0
	if err := checkFlags(flags, overFile); err != nil {
		return 0, err
	}
	size := uint64(high)<<32 | uint64(low)
	if overFile {
		return createOverFile(file, page, flags, size, nameAt(name), inherit)
	}
	if size >= tooBig {
		return 0, ERROR_NOT_ENOUGH_MEMORY
	}
	spec := kernel.Spec{Size: int64(size), Protection: kernel.Protection(page), Attributes: flags}
	if flags&SEC_RESERVE != 0 {
		spec.Commit = kernel.CommitNever
	}
	return createSection(spec, granted, nameAt(name), inherit)
}

// createSection makes a section of memory, or opens the one of this name.
func createSection(spec kernel.Spec, granted uint32, name string, inherit bool) (Handle, error) {
	section, existed, err := kernel.CreateSection(context.Background(), name, spec, creatorsAccess(granted),
		kernel.MayExist)
	return sectionHandle(section, existed, err, granted, name, inherit)
}

// sectionHandle makes the creator's handle.
func sectionHandle(section *kernel.Section, existed bool, err error, granted uint32, name string,
	inherit bool) (Handle, error) {
	if err != nil {
		return 0, errno(err)
	}
	t := newTarget(kindSection, name)
	t.section = section
	if name == "" && section.Attributes()&(SEC_RESERVE|SEC_FILE) == SEC_RESERVE {
		t.pages = &reservation{}
	}
	handle, err := open(t, granted, inherit)
	if err == nil && existed {
		err = ERROR_ALREADY_EXISTS
	}
	return handle, err
}

// creatorsAccess is how a creator's handle has the memory open.
func creatorsAccess(granted uint32) kernel.Access {
	return sectionAccess(granted) | kernel.Copy
}

func openFileMapping(access uint32, inherit bool, name *uint16) (Handle, error) {
	if name == nil {
		return 0, ERROR_INVALID_PARAMETER
	}
	text := nameAt(name)
	// Two values for MapViewOfFile that are not rights, or not the obvious ones.
	switch {
	case access == FILE_MAP_COPY:
		access = SECTION_MAP_READ
	case access&FILE_MAP_EXECUTE != 0:
		access = access&^FILE_MAP_EXECUTE | SECTION_MAP_EXECUTE
	}
	mask, maximum, refused := kindSection.specific(access)
	if refused == nil && (!kindSection.grantable(mask) || mask == 0 && !maximum) {
		refused = ERROR_ACCESS_DENIED
	}
	want := sectionAccess(mask)
	if maximum {
		want |= kernel.Write
	}
	if refused != nil {
		want = kernel.Read // the name is looked at before the rights are
	}
	t, err := openSectionTarget(text, want)
	if maximum && err == ERROR_ACCESS_DENIED {
		t, err = openSectionTarget(text, sectionAccess(mask))
		mask |= SECTION_ALL_ACCESS &^ (SECTION_MAP_WRITE | SECTION_EXTEND_SIZE)
	} else if maximum {
		mask |= SECTION_ALL_ACCESS
	}
	if err != nil {
		return 0, err
	}
	if refused != nil {
		t.release()
		return 0, refused
	}
	return open(t, mask, inherit)
}

// openSectionTarget opens a section with an access to its memory.
func openSectionTarget(name string, access kernel.Access) (*target, error) {
	section, err := kernel.OpenSection(context.Background(), name, access)
	if err != nil {
		return nil, errno(err)
	}
	t := newTarget(kindSection, name)
	t.section = section
	return t, nil
}

func querySection(handle Handle, info *SectionBasicInformation) error {
	e, err := lookup(handle, kindSection, SECTION_QUERY)
	if err != nil {
		return err
	}
	*info = SectionBasicInformation{Attributes: e.target.section.Attributes(), Size: e.target.section.Size()}
	if info.Attributes == 0 {
		info.Attributes = SEC_COMMIT
	}
	return nil
}
