package capi

import "testing"

// TestNulls: NULL where a call takes a pointer is an error of that call, or is allowed. It never ends the program with
// a report of Go's.
func TestNulls(t *testing.T) {
	w := need(t)
	for name, flags := range map[string][]string{"shared": {"-O1"}, "static": {"-O1", "-static"}} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			e := finish(t, command(t, w.compile(t, "gcc", "testdata/nulls.c", flags...)))
			if !e.state.Success() || e.out != "" || e.complaint != "" {
				t.Errorf("%v\n%s%s", e.state, e.out, e.complaint)
			}
		})
	}
}
