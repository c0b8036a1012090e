package kernel

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// securityAttributes returns the security for a new object whose audience has these rights. nil is the system's
// default, as for a program in any other language that says nothing: the user and the system may do everything, the
// login session may read.
func securityAttributes(share Share, audience uint32) (*windows.SecurityAttributes, error) {
	var sddl string
	switch share.Audience {
	case Owner:
		return nil, nil
	case Everyone:
		sddl = "WD"
	case Group:
		sid, err := groupSID(share.Group)
		if err != nil {
			return nil, err
		}
		sddl = sid
	case Descriptor:
		return parseDescriptor(share.SDDL)
	default:
		return nil, fault.Fail(fault.InvalidParameter, "unknown audience %d", share.Audience)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, systemFault(err)
	}
	// P: nothing is inherited. The creator and the system may do everything; the audience may do what it was granted,
	// and query.
	return parseDescriptor(fmt.Sprintf("D:P(A;;GA;;;%s)(A;;GA;;;SY)(A;;%#x;;;%s)",
		user.User.Sid, audience|windows.READ_CONTROL, sddl))
}

// groupSID returns the SID, as text, of a group given by name or by SID.
func groupSID(group string) (string, error) {
	if strings.HasPrefix(group, "S-1-") {
		if sid, err := windows.StringToSid(group); err == nil {
			return sid.String(), nil
		}
	}
	sid, _, _, err := windows.LookupSID("", group)
	if err != nil {
		return "", &fault.Fault{Code: fault.NoneMapped, Cause: fmt.Errorf("group %q: %w", group, err)}
	}
	return sid.String(), nil
}

func parseDescriptor(sddl string) (*windows.SecurityAttributes, error) {
	descriptor, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, &fault.Fault{Code: fault.InvalidSecurityDes, Cause: fmt.Errorf("%q: %w", sddl, err),
			Advice: `it must be SDDL, such as "D:(A;;GA;;;BA)(A;;GR;;;WD)"`}
	}
	return &windows.SecurityAttributes{
		Length:             uint32(unsafe.Sizeof(windows.SecurityAttributes{})),
		SecurityDescriptor: descriptor,
	}, nil
}

// describeSecurity fills in who owns an object and who may open it, as far as the handle may ask.
func describeSecurity(handle windows.Handle, info *Info) {
	const wanted = windows.OWNER_SECURITY_INFORMATION | windows.GROUP_SECURITY_INFORMATION |
		windows.DACL_SECURITY_INFORMATION
	descriptor, err := windows.GetSecurityInfo(handle, windows.SE_KERNEL_OBJECT, wanted)
	if err != nil {
		return
	}
	info.Security = descriptor.String()
	if owner, _, err := descriptor.Owner(); err == nil {
		info.Owner = accountName(owner)
	}
	if group, _, err := descriptor.Group(); err == nil {
		info.Group = accountName(group)
	}
}

// accountName returns the domain and account of a SID, or the SID itself if it has no account; "" for none.
func accountName(sid *windows.SID) string {
	if sid == nil {
		return ""
	}
	account, domain, _, err := sid.LookupAccount("")
	switch {
	case err != nil:
		return sid.String()
	case domain == "":
		return account
	}
	return domain + `\` + account
}

// mayCreateGlobal reports whether this process may make Global sections: SeCreateGlobalPrivilege is enabled, or the
// process runs in session 0, which does not need it.
func mayCreateGlobal() bool {
	_, enabled, err := privilege("SeCreateGlobalPrivilege")
	return err != nil || enabled || sessionID() == 0
}

// privilege reports whether this process's token holds a privilege, and whether it is enabled.
func privilege(name string) (held, enabled bool, err error) {
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return false, false, err
	}
	var luid windows.LUID
	if err := windows.LookupPrivilegeValue(nil, wide, &luid); err != nil {
		return false, false, err
	}
	token := windows.GetCurrentProcessToken()
	var size uint32
	// The first call only reports how much room is needed.
	err = windows.GetTokenInformation(token, windows.TokenPrivileges, nil, 0, &size)
	if err != windows.ERROR_INSUFFICIENT_BUFFER {
		return false, false, err
	}
	buffer := make([]uint64, (size+7)/8) // 64-bit units, for the alignment
	err = windows.GetTokenInformation(token, windows.TokenPrivileges, (*byte)(unsafe.Pointer(&buffer[0])), size, &size)
	if err != nil {
		return false, false, err
	}
	for _, p := range (*windows.Tokenprivileges)(unsafe.Pointer(&buffer[0])).AllPrivileges() {
		if p.Luid == luid {
			return true, p.Attributes&windows.SE_PRIVILEGE_ENABLED != 0, nil
		}
	}
	return false, false, nil
}

// sessionID returns the login session of this process; session 0 is that of the services.
func sessionID() uint32 {
	var id uint32
	if windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &id) != nil {
		return 0
	}
	return id
}
