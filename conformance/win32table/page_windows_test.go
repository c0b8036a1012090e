package win32table

import (
	"golang.org/x/sys/windows"
)

// underWine reports that the system is not Windows itself.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func inSessionZero() bool {
	var session uint32
	err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session)
	return err == nil && session == 0
}

func namespaces() []string { return []string{`Local\`, `Global\`} }

func newRoot() (string, error) { return "", nil }

const tries = 3

// mended are the rows that hold although Wine's own calls differ: the row allows what Wine does.
var mended = []string{"SIZ-011"}

func here() []Exception {
	var list []Exception
	if underWine() {
		list = append(list, Exception{Reason: "Wine asks nobody for the privilege", Rows: []string{"GLO-001"}})
	}
	if inSessionZero() {
		list = append(list, Exception{Reason: "session 0 needs no privilege", Rows: []string{"GLO-001"}})
	}
	return list
}
