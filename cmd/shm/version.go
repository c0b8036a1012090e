package main

import (
	"runtime"
	"runtime/debug"
)

// versionCmd prints the version.
type versionCmd struct {
	output
}

// version is what version --json prints.
type version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Run prints one line.
func (c *versionCmd) Run(a *app) error {
	v := version{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	if c.JSON {
		return a.json(v)
	}
	return a.printf("shm %s %s %s/%s\n", v.Version, v.Go, v.OS, v.Arch)
}
