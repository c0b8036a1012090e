package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// playVariable has the test program play a part as another user instead of running tests.
const playVariable = "NAMEDSHM_TEST_PART"

// play runs a part of this test program as another user, and returns what it prints.
func play(t *testing.T, part string, user *syscall.Credential) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// If only root can reach the program, the part gets it by a descriptor.
	binary, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestPart$")
	cmd.ExtraFiles = []*os.File{binary}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), playVariable+"="+part)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the part %s: %v: %s", part, err, out)
	}
	return string(out)
}

// TestPart is not a test but the parts that other tests play.
func TestPart(t *testing.T) {
	part := os.Getenv(playVariable)
	if part == "" {
		return
	}
	defer os.Exit(0)
	parts[part]()
}

var parts = map[string]func(){
	"die with an object": func() {
		_, _, err := CreateSection(context.Background(), `Global\Mine`, Spec{Size: 4096, Protection: PageReadWrite}, Read,
			MustBeNew)
		fmt.Print(err)
	},
	"list":  func() { printAll(names(List(Global))) },
	"names": func() { printAll(Names(Global)) },
	"bury": func() {
		found, err := Bury(Global)
		for _, b := range found {
			fmt.Println(b.Name, b.Buried, b.Err)
		}
		if err != nil {
			fmt.Println(err)
		}
	},
}

func names(found []Info, err error) ([]string, error) {
	var all []string
	for _, i := range found {
		all = append(all, i.Name.String())
	}
	return all, err
}

func printAll(all []string, err error) {
	if err != nil {
		fmt.Println(err)
	}
	for _, name := range all {
		fmt.Println(name)
	}
}

// TestAFellowsDeadEntry: in a group's Global directory an entry that a member kept private is another member's to bury
// when it is dead, and no longer a name.
func TestAFellowsDeadEntry(t *testing.T) {
	globalRoot(t)
	needNative(t)
	const club = 64110
	if _, err := SetupGlobal(fmt.Sprint(club)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root(), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	member := &syscall.Credential{Uid: 64103, Gid: 64103, Groups: []uint32{club}}
	fellow := &syscall.Credential{Uid: 64104, Gid: 64104, Groups: []uint32{club}}
	stranger := &syscall.Credential{Uid: 64101, Gid: 64101}
	ours := mustCreateSection(t, `Global\Ours`, 4096) // root's own, and alive
	all := []string{`Global\Ours`}
	if out := play(t, "die with an object", member); out != "<nil>" {
		t.Fatal(out)
	}
	for _, part := range []string{"list", "names"} {
		if got := strings.Fields(play(t, part, fellow)); !slices.Equal(got, all) {
			t.Errorf("%s of a fellow shows %q, want %q", part, got, all)
		}
		// A user who may not write the directory cannot tell whether an entry that it may not read is alive.
		if got := strings.Fields(play(t, part, stranger)); !slices.Equal(got, []string{`Global\Mine`, `Global\Ours`}) {
			t.Errorf("%s of a stranger shows %q", part, got)
		}
	}
	if out := play(t, "bury", stranger); out != "" {
		t.Errorf("a stranger's burial says %q", out)
	}
	if out := play(t, "bury", fellow); out != "Global\\Mine true <nil>\n" {
		t.Errorf("the burial says %q", out)
	}
	if _, err := Stat(`Global\Ours`); err != nil || ours.Close() != nil {
		t.Errorf("the living one: %v", err)
	}
}
