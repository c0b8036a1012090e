package main

import (
	"runtime"
	"runtime/debug"
)

// release is the version of a binary that a release has, and the linker sets it: see .ci/release. Others have what the
// go command knows: go install of a version, or a checkout's revision.
var release string

// versionCmd prints the version.
type versionCmd struct {
}

// version is what version --json prints.
type version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// ownVersion is the version of this binary.
func ownVersion() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Run prints one line.
func (c *versionCmd) Run(a *app) error {
	v := version{Version: ownVersion(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if a.asJSON {
		return a.json(v)
	}
	return a.printf("shm %s %s %s/%s\n", v.Version, v.Go, v.OS, v.Arch)
}
