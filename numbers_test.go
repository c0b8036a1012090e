package namedshm_test

import (
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

// TestCodesAreWindows: the numbers are in this package, so that its documentation shows them, and the object manager
// gives each the name that it has in Windows' headers.
func TestCodesAreWindows(t *testing.T) {
	for code, want := range map[namedshm.Code]string{
		namedshm.ErrFileNotFound: "FILE_NOT_FOUND", namedshm.ErrPathNotFound: "PATH_NOT_FOUND",
		namedshm.ErrAccessDenied:  "ACCESS_DENIED",
		namedshm.ErrInvalidHandle: "INVALID_HANDLE", namedshm.ErrNotEnoughMemory: "NOT_ENOUGH_MEMORY",
		namedshm.ErrInvalidParameter: "INVALID_PARAMETER", namedshm.ErrInvalidName: "INVALID_NAME",
		namedshm.ErrBadPathname:   "BAD_PATHNAME",
		namedshm.ErrAlreadyExists: "ALREADY_EXISTS", namedshm.ErrNameTooLong: "FILENAME_EXCED_RANGE",
		namedshm.ErrInvalidAddress: "INVALID_ADDRESS", namedshm.ErrMappedAlignment: "MAPPED_ALIGNMENT",
		namedshm.ErrNoSystemResources: "NO_SYSTEM_RESOURCES", namedshm.ErrCommitmentLimit: "COMMITMENT_LIMIT",
		namedshm.ErrBusy:     "BUSY",
		namedshm.ErrNotOwner: "NOT_OWNER", namedshm.ErrTooManyPosts: "TOO_MANY_POSTS",
		namedshm.ErrMutexLimit:  "MUTANT_LIMIT_EXCEEDED",
		namedshm.ErrFileCorrupt: "FILE_CORRUPT",
	} {
		if got := code.Symbol(); got != "ERROR_"+want {
			t.Errorf("%d is %q, want %s", uint32(code), got, want)
		}
	}
}

// TestConstantsAreTheKernels: the object manager takes and gives the same numbers.
func TestConstantsAreTheKernels(t *testing.T) {
	for _, c := range []struct{ got, want uint32 }{
		{uint32(namedshm.Read), uint32(kernel.Read)}, {uint32(namedshm.Write), uint32(kernel.Write)},
		{uint32(namedshm.Copy), uint32(kernel.Copy)}, {uint32(namedshm.Execute), uint32(kernel.Execute)},
		{uint32(namedshm.PageReadOnly), uint32(kernel.PageReadOnly)},
		{uint32(namedshm.PageReadWrite), uint32(kernel.PageReadWrite)},
		{uint32(namedshm.PageWriteCopy), uint32(kernel.PageWriteCopy)},
		{uint32(namedshm.PageExecuteRead), uint32(kernel.PageExecuteRead)},
		{uint32(namedshm.PageExecuteReadWrite), uint32(kernel.PageExecuteReadWrite)},
		{uint32(namedshm.PageExecuteWriteCopy), uint32(kernel.PageExecuteWriteCopy)},
		{uint32(namedshm.Synchronize), uint32(kernel.Synchronize)},
		{uint32(namedshm.ModifyState), uint32(kernel.ModifyState)},
		{uint32(namedshm.Local), uint32(kernel.Local)}, {uint32(namedshm.Global), uint32(kernel.Global)},
		{namedshm.MaximumWaitObjects, kernel.MaximumWaitObjects},
	} {
		if c.got != c.want {
			t.Errorf("%#x here, %#x there", c.got, c.want)
		}
	}
}
