module github.com/namedshm/namedshm

// The older of the two releases of Go that are maintained, as in x/sys.
go 1.26.0

// The library: what a program gets with it.
require golang.org/x/sys v0.49.0

// The command shm, and the soak.
require (
	github.com/alecthomas/kong v1.17.0
	github.com/rivo/uniseg v0.4.7
	github.com/schollz/progressbar/v3 v3.19.1
	golang.org/x/term v0.47.0
)

// Tests.
require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/arch v0.33.0
)

// What the command's and the tests' need themselves.
require (
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	golang.org/x/tools v0.26.0 // indirect
)
