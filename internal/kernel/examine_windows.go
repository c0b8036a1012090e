package kernel

import (
	"fmt"
	"strings"

	"golang.org/x/sys/windows"
)

func examine() []Check {
	return []Check{
		examineVersion(), examineSession(), examinePrivilege(), examineListing(Local), examineListing(Global),
		examineHandles(), examineCommit(),
	}
}

func examineVersion() Check {
	c := Check{Topic: "Windows version"}
	version := windows.RtlGetVersion()
	c.Detail = fmt.Sprintf("%d.%d build %d", version.MajorVersion, version.MinorVersion, version.BuildNumber)
	if emulator := modntdll.NewProc("wine_get_version"); emulator.Find() == nil {
		c.Status = Warning
		c.Detail += ", running under Wine"
		c.Advice = "Wine checks no protections, privileges or commit limits of sections; do not rely on it for those"
	}
	return c
}

func examineSession() Check {
	session := sessionID()
	c := Check{Topic: "login session", Detail: fmt.Sprintf("%d", session)}
	if session == 0 {
		c.Detail += `: that of the services, where Local\X and Global\X are one name`
	}
	return c
}

func examinePrivilege() Check {
	c := Check{Topic: "SeCreateGlobalPrivilege"}
	held, enabled, err := privilege("SeCreateGlobalPrivilege")
	switch {
	case err != nil:
		c.Status, c.Detail = Warning, "cannot be queried: "+err.Error()
	case enabled:
		c.Detail = "held and enabled: Global sections can be created"
	case sessionID() == 0:
		c.Detail = "not enabled, and not needed in session 0"
	case held:
		c.Status, c.Detail = Missing, "held, but switched off in this process: Global sections can be opened, not created"
		c.Advice = "have whatever starts this process leave the privilege enabled"
	default:
		c.Status, c.Detail = Missing, "not held: Global sections can be opened, not created"
		c.Advice = globalAdvice
	}
	return c
}

func examineListing(namespace Namespace) Check {
	c := Check{Topic: strings.TrimSuffix(namespace.String(), `\`) + " directory"}
	entries, err := readDirectory(namespace)
	if err != nil {
		c.Status, c.Detail = Warning, directoryPath(namespace)+" cannot be listed: "+err.Error()
		c.Advice = "creating and opening do not need it"
		return c
	}
	c.Detail = fmt.Sprintf("%s, %d objects", directoryPath(namespace), len(entries))
	return c
}

func examineHandles() Check {
	c := Check{Topic: "holders"}
	table, err := handleTable()
	if err != nil {
		c.Status, c.Detail = Warning, "the table of handles cannot be read: "+err.Error()
		return c
	}
	for _, entry := range table {
		if entry.object != 0 {
			c.Detail = fmt.Sprintf("the processes that hold an object are shown (%d handles on this machine)", len(table))
			return c
		}
	}
	c.Detail = "the system hides which handles belong to one object: handles are counted, but holders are found only " +
		"among the processes that this one can inspect"
	return c
}

func examineCommit() Check {
	c := Check{Topic: "commit limit"}
	status, err := queryMemory()
	if err != nil {
		c.Status, c.Detail = Warning, "cannot be queried: "+err.Error()
		return c
	}
	c.Detail = fmt.Sprintf("%d MiB, of which %d MiB are free", status.totalCommit>>20, status.freeCommit>>20)
	return c
}
