package spec

import "golang.org/x/sys/windows"

// UnderWine reports that the system is Windows by name only.
func UnderWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// InSessionZero reports that this is a service, or what runs like one.
func InSessionZero() bool {
	var session uint32
	err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session)
	return err == nil && session == 0
}

// MayUseGlobal reports whether this process may make Global names.
func MayUseGlobal() bool { return true }

// NewRoot is where the namespaces of a run lie, "" where the system has its own.
func NewRoot(string) (string, error) { return "", nil }

// DropPrivilege takes from this process for good what lets it make Global names: SeCreateGlobalPrivilege.
func DropPrivilege() error {
	var token windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES, &token); err != nil {
		return err
	}
	defer token.Close()
	without := windows.Tokenprivileges{PrivilegeCount: 1}
	without.Privileges[0].Attributes = windows.SE_PRIVILEGE_REMOVED
	name, err := windows.UTF16PtrFromString("SeCreateGlobalPrivilege")
	if err != nil {
		return err
	}
	if err := windows.LookupPrivilegeValue(nil, name, &without.Privileges[0].Luid); err != nil {
		return err
	}
	return windows.AdjustTokenPrivileges(token, false, &without, 0, nil, nil)
}
