package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
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

// hold makes an object that lives until the function is called: see holdVerb.
func hold(t *testing.T, args ...string) (kill func()) {
	t.Helper()
	c := command(t, holdVerb(args)...)
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
		if strings.Count(out, "→ no object has this name (ERROR_FILE_NOT_FOUND, 2)\n") != 2 ||
			!strings.HasSuffix(out, "\ndemo: ok\n") {
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
	expect(t, 0, "nothing to sweep", "gc")
	expect(t, 0, "login session", "doctor")
	expect(t, 1, "shm: set up Global\\: ", "setup")
	var object map[string]any
	if err := json.Unmarshal([]byte(expect(t, 0, "", "open", name, "--json", "--length", "7")), &object); err != nil ||
		object["text"] != "Message" {
		t.Errorf("%v, %v", object, err)
	}
	kill()
	expect(t, 1, "(ERROR_FILE_NOT_FOUND, 2)", "open", name)
	expect(t, 1, "nobody created it", "open", name, "--wait", "10ms")
}

func TestEventVerbs(t *testing.T) {
	name := unique("event")
	expect(t, 1, "shm: set "+name+": no object has this name (ERROR_FILE_NOT_FOUND, 2)", "event", "set", name)
	expect(t, 0, ": event, not set (auto)\nreleased (not held): it is gone\n", "event", "create", name, "--hold", "0s")
	hold(t, name, "event", "--manual")
	expect(t, 1, ": timed out after 0s: not set (manual)", "event", "wait", name, "--timeout", "0")
	expect(t, 1, "", "event", "wait", name, "--timeout", "30ms")
	expect(t, 0, "", "event", "set", name)
	expect(t, 0, "", "event", "wait", name, "--timeout", patience.String())
	expect(t, 0, `"outcome":"acquired"`, "event", "wait", name, "--json", "--timeout", patience.String())
	expect(t, 0, "set (manual)", "stat", name)
	expect(t, 0, "set (manual)", "ls", "local")
	expect(t, 0, "", "event", "reset", name)
	expect(t, 0, "", "event", "pulse", name)
	expect(t, 1, "timed out", "event", "wait", name, "--timeout", "0")
	expect(t, 1, "(ERROR_INVALID_HANDLE, 6)", "mutex", "open", name)
	expect(t, 1, "(ERROR_INVALID_HANDLE, 6)", "create", name, "--size", "1")

	// Somebody waits in another process, for the name as well.
	late := unique("late")
	waiter := command(t, "event", "wait", late, "--wait-for-name", "--timeout", patience.String())
	if err := waiter.Start(); err != nil {
		t.Fatal(err)
	}
	hold(t, late, "event")
	expect(t, 0, "", "event", "set", late)
	if err := waiter.Wait(); err != nil {
		t.Errorf("the waiter: %v", err)
	}
}

func TestMutexVerbs(t *testing.T) {
	name := unique("mutex")
	expect(t, 3, "", "mutex", "lock", name, "--", "cmd", "/c", "exit 3")
	expect(t, 127, "shm: mutex lock: ", "mutex", "lock", name, "--", "no-such-command")
	expect(t, 1, "(ERROR_FILE_NOT_FOUND, 2)", "mutex", "lock", name, "--existing", "--", "cmd", "/c", "exit 0")
	hold(t, name, "mutex") // the name
	expect(t, 0, "free", "mutex", "open", name)
	expect(t, 0, "", "mutex", "wait", name, "--timeout", patience.String())
	other := unique("other")
	letGo := hold(t, other, "mutex", "--owned")
	expect(t, 1, ": timed out after 0s: owned", "mutex", "lock", other, "--timeout", "0", "--", "cmd", "/c", "exit 0")
	letGo()
	expect(t, 1, "(ERROR_FILE_NOT_FOUND, 2)", "mutex", "open", other)
	hold(t, other, "mutex")

	// An owner that is killed leaves it abandoned; the next one learns of it, and only that one.
	for _, verb := range [][]string{
		{"mutex", "wait", other, "--timeout", patience.String()},
		{"wait", name + "-none", other, "--timeout", patience.String()},
	} {
		if verb[0] == "wait" {
			hold(t, name+"-none", "event")
		}
		owner := command(t, "mutex", "lock", other, "--", os.Args[0], "-test.run=TestSitStill", "-test.v")
		owner.Env = append(os.Environ(), "SHM_TEST_SIT_STILL=1")
		out, err := owner.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := owner.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := owner.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "sitting still"); {
		}
		expect(t, 1, "timed out after 0s: owned", "mutex", "wait", other, "--timeout", "0")
		if err := owner.Process.Kill(); err != nil {
			t.Error(err)
		}
		expect(t, 3, ": it was abandoned: its last owner ended without unlocking it", verb...)
		expect(t, 0, "", "mutex", "wait", other, "--timeout", "0")
		in.Close() // the command that it had started ends
		owner.Wait()
	}
}

// TestSitStill is a command that runs until its input ends.
func TestSitStill(t *testing.T) {
	if os.Getenv("SHM_TEST_SIT_STILL") == "" {
		return
	}
	fmt.Println("sitting still")
	io.Copy(io.Discard, os.Stdin)
}

func TestSemaphoreVerbs(t *testing.T) {
	name := unique("semaphore")
	expect(t, 1, "(ERROR_INVALID_PARAMETER, 87)", "semaphore", "create", name, "--initial", "2", "--maximum", "1")
	hold(t, name, "semaphore", "--initial", "1", "--maximum", "2")
	expect(t, 0, "count 1 of 2", "semaphore", "open", name)
	expect(t, 0, "", "semaphore", "wait", name, "--timeout", patience.String())
	expect(t, 1, "timed out after 0s: count 0 of 2", "semaphore", "wait", name, "--timeout", "0")
	expect(t, 0, "0\n", "semaphore", "release", name, "2")
	expect(t, 1, "(ERROR_TOO_MANY_POSTS, 298)", "semaphore", "release", name)
	event := unique("event")
	hold(t, event, "event")
	expect(t, 0, name+"\n", "wait", event, name, "--timeout", "0")
	expect(t, 1, "timed out", "wait", event, name, "--all", "--timeout", "0")
	expect(t, 0, "", "event", "set", event)
	expect(t, 0, "", "wait", event, name, "--all", "--timeout", patience.String())
	expect(t, 0, "count 0 of 2", "stat", name)
	expect(t, 1, "it is not an event, mutex or semaphore", "wait", sectionOf(t))
}

// sectionOf is the name of a section that lives as long as the test.
func sectionOf(t *testing.T) string {
	name := unique("section")
	hold(t, name, "--size", "1")
	return name
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
			t.Fatalf("it has ended (%v) and has shown no box; Wine needs a display, or the null driver in "+
				"HKCU\\Software\\Wine\\Drivers", err)
		default:
		}
		if time.Now().After(deadline) {
			box.Process.Kill()
			t.Fatal("no message box comes")
		}
		window, _, _ = findWindow.Call(uintptr(unsafe.Pointer(dialogClass)),
			uintptr(unsafe.Pointer(windows.StringToUTF16Ptr(name))))
	}
	got := make([]uint16, 256)
	for deadline := time.Now().Add(patience); got[0] == 0 &&
		time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
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
