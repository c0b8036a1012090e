//go:build generate

package win32

// This line is in a file of its own because `go generate` skips syscall_windows.go on other systems. It sets the tag
// generate itself.

//go:generate go run golang.org/x/sys/windows/mkwinsyscall -output zsyscall_windows.go syscall_windows.go
