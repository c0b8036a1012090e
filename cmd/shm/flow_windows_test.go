package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestRingVerbs: what goes in comes out, and who is killed has not closed.
func TestRingVerbs(t *testing.T) {
	name := unique("Jobs")
	for _, test := range []struct {
		killed bool
		status int
	}{{false, 0}, {true, 3}} {
		reader := command(t, "ring", "read", name, "--lines")
		var out, complaint bytes.Buffer
		reader.Stdout, reader.Stderr = &out, &complaint
		if err := reader.Start(); err != nil {
			t.Fatal(err)
		}
		writer := command(t, "ring", "write", name, "--lines")
		in, err := writer.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write([]byte("one\ntwo\n")); err != nil {
			t.Fatal(err)
		}
		if test.killed {
			sent := ""
			for end := time.Now().Add(patience); !strings.Contains(sent, `"sent":2,"waiting":0,"deaths"`); {
				if time.Now().After(end) {
					t.Fatal("it never sends: ", sent)
				}
				told, _ := command(t, "ring", "stat", name, "--json").Output()
				sent = string(told)
			}
			writer.Process.Kill()
		} else {
			in.Close()
		}
		writer.Wait()
		reader.Wait()
		if got := reader.ProcessState.ExitCode(); got != test.status || out.String() != "one\ntwo\n" {
			t.Errorf("killed %v: it ends with %d, %q, %s", test.killed, got, out.String(), complaint.String())
		}
	}
}
