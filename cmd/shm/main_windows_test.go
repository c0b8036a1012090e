package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TestMain: the test program, called by the name of the command, is the command.
func TestMain(m *testing.M) {
	if os.Args[0] == "shm" {
		main()
	}
	os.Exit(m.Run())
}

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// command is the command, to be started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Args[0] = "shm"
	return c
}

// isolate: the system's namespaces are all that there is; tests take names of their own.
func isolate(*testing.T) {}

// expect runs the command: it must end with this status, having said that.
func expect(t *testing.T, status int, want string, args ...string) string {
	t.Helper()
	c := command(t, args...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatalf("shm %q: %v", args, err)
	}
	if got := c.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), want) {
		t.Errorf("shm %q: status %d, want %d and %q in\n%s", args, got, status, want, out)
	}
	return string(out)
}

// unique is a name that no other run of the tests uses: all share one namespace.
func unique(name string) string { return fmt.Sprintf(`Local\shm-test-%d-%s`, os.Getpid(), name) }

// hold makes a section that lives until the function is called.
func hold(t *testing.T, args ...string) (kill func()) {
	t.Helper()
	c := command(t, append([]string{"create", "--hold", "5m"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		c.Process.Kill()
		c.Wait()
	}
	t.Cleanup(kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "holding it") {
			return kill
		}
	}
	t.Fatalf("shm create %q does not hold it", args)
	return nil
}

func TestDemo(t *testing.T) {
	for _, args := range [][]string{{"demo"}, {"demo", "--kill"}, {"demo", "--global"}} {
		out := expect(t, 0, "→ Message from first process.\n", args...)
		if !strings.Contains(out, "→ no object has this name (ERROR_FILE_NOT_FOUND, 2)\n") || !strings.HasSuffix(out, "\ndemo: ok\n") {
			t.Errorf("shm %q:\n%s", args, out)
		}
	}
}

func TestVerbs(t *testing.T) {
	name := unique("verbs")
	expect(t, 1, "shm: open "+name+": no object has this name (ERROR_FILE_NOT_FOUND, 2)", "open", name)
	expect(t, 2, "missing flags: --size", "create", name)
	expect(t, 0, "name and memory are gone", "create", name, "--size", "256", "--text", "hello", "--hold", "0s")
	kill := hold(t, name, "--size", "256", "--text", "Message from first process.")
	expect(t, 0, "Message from first process.\n", "open", name)
	expect(t, 0, "wrote 6 bytes", "write", name, "--text", "Grü", "--as", "utf16", "--offset", "70")
	expect(t, 0, "Grü\n", "open", name, "--as", "utf16", "--offset", "70")
	expect(t, 1, "(ERROR_ALREADY_EXISTS, 183)", "create", name, "--size", "1", "--exclusive")
	expect(t, 0, "4096 bytes (4KiB)", "stat", name)
	expect(t, 0, name, "ls", "local")
	expect(t, 0, "00000000  4d 65 73 73", "watch", name, "--count", "1")
	expect(t, 3, "", "hold", name, "--size", "1", "--", "cmd", "/c", "exit 3")
	expect(t, 127, "shm: hold: ", "hold", name, "--size", "1", "--", "no-such-command")
	expect(t, 0, "nothing to bury", "gc")
	expect(t, 0, "login session", "doctor")
	expect(t, 1, "shm: set up Global\\: ", "setup")
	var object map[string]any
	if err := json.Unmarshal([]byte(expect(t, 0, "", "open", name, "--json", "--length", "7")), &object); err != nil || object["text"] != "Message" {
		t.Errorf("%v, %v", object, err)
	}
	kill()
	expect(t, 1, "(ERROR_FILE_NOT_FOUND, 2)", "open", name)
	expect(t, 1, "nobody made it", "open", name, "--wait", "10ms")
}

var (
	user32          = windows.NewLazySystemDLL("user32.dll")
	findWindow      = user32.NewProc("FindWindowW")
	getDlgItemText  = user32.NewProc("GetDlgItemTextW")
	postMessage     = user32.NewProc("PostMessageW")
	dialogClass     = windows.StringToUTF16Ptr("#32770")
	messageTextItem = uintptr(0xFFFF)
)

// TestMessageBox reads a real message box and presses its button.
func TestMessageBox(t *testing.T) {
	name := unique("box")
	const text = "Message <b>from</b> & first\\n process — ünï"
	hold(t, name, "--size", "256", "--text", text)
	box := command(t, "open", name, "--box")
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- box.Wait() }()
	var window uintptr
	for deadline := time.Now().Add(patience); window == 0; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("it has ended (%v) and has shown no box; Wine needs a display, or the null driver in HKCU\\Software\\Wine\\Drivers", err)
		default:
		}
		if time.Now().After(deadline) {
			box.Process.Kill()
			t.Fatal("no message box comes")
		}
		window, _, _ = findWindow.Call(uintptr(unsafe.Pointer(dialogClass)), uintptr(unsafe.Pointer(windows.StringToUTF16Ptr(name))))
	}
	got := make([]uint16, 256)
	for deadline := time.Now().Add(patience); got[0] == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		getDlgItemText.Call(window, messageTextItem, uintptr(unsafe.Pointer(&got[0])), uintptr(len(got)))
	}
	if windows.UTF16ToString(got) != text {
		t.Errorf("the box shows %q", windows.UTF16ToString(got))
	}
	const wmCommand, idOK = 0x0111, 1
	postMessage.Call(window, wmCommand, idOK, 0)
	if err := <-ended; err != nil {
		t.Errorf("shm open --box: %v", err)
	}
}
