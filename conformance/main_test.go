package main

import (
	"strings"
	"testing"
)

// TestReport: a line a package, with what was left out and why; and of what failed, what it printed.
func TestReport(t *testing.T) {
	const events = `{"Action":"start","Package":"p/good"}
{"Action":"output","Package":"p/good","Test":"TestRoot","Output":"=== RUN   TestRoot\n"}
{"Action":"output","Package":"p/good","Test":"TestRoot","Output":"    good_test.go:7: only root can\n"}
{"Action":"output","Package":"p/good","Test":"TestRoot","Output":"--- SKIP: TestRoot (0.00s)\n"}
{"Action":"skip","Package":"p/good","Test":"TestRoot","Elapsed":0}
{"Action":"output","Package":"p/good","Test":"TestOther","Output":"    good_test.go:9: only root can\n"}
{"Action":"skip","Package":"p/good","Test":"TestOther","Elapsed":0}
{"Action":"output","Package":"p/good","Test":"TestTool","Output":"    good_test.go:11: there is no gcc\n"}
{"Action":"skip","Package":"p/good","Test":"TestTool","Elapsed":0}
{"Action":"output","Package":"p/good","Test":"TestFine","Output":"what a good test prints\n"}
{"Action":"pass","Package":"p/good","Test":"TestFine","Elapsed":0.5}
{"Action":"output","Package":"p/good","Output":"PASS\n"}
{"Action":"output","Package":"p/good","Output":"ok  \tp/good\t0.512s\n"}
{"Action":"pass","Package":"p/good","Elapsed":0.512}
{"Action":"output","Package":"p/bad","Test":"TestBad","Output":"    bad_test.go:3: it is wrong\n"}
{"Action":"output","Package":"p/bad","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"p/bad","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"p/bad","Output":"FAIL\n"}
{"Action":"output","Package":"p/bad","Output":"FAIL\tp/bad\t0.100s\n"}
{"Action":"fail","Package":"p/bad","Elapsed":0.1}
{"Action":"output","Package":"p/none","Output":"?   \tp/none\t[no test files]\n"}
{"Action":"skip","Package":"p/none","Elapsed":0}
{"Action":"build-output","ImportPath":"p/broken","Output":"broken.go:1: syntax error\n"}
`
	const want = "ok  \tp/good\t0.5s\tleft out: 2 of 4 (only root can), 1 of 4 (there is no gcc)\n" +
		"    bad_test.go:3: it is wrong\n--- FAIL: TestBad (0.00s)\n" +
		"FAIL\tp/bad\t0.1s\n" +
		"?   \tp/none\t[no tests]\n" +
		"broken.go:1: syntax error\n"
	var got strings.Builder
	if err := newReport(&got).read(strings.NewReader(events)); err != nil || got.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got.String(), want)
	}
}

// TestPanicIsShown: what a package prints that ended in the middle of a test is not lost.
func TestPanicIsShown(t *testing.T) {
	const events = `{"Action":"run","Package":"p","Test":"TestX"}
{"Action":"output","Package":"p","Test":"TestX","Output":"panic: oh\n"}
{"Action":"output","Package":"p","Output":"exit status 2\n"}
{"Action":"fail","Package":"p","Elapsed":0.1}
`
	var got strings.Builder
	if err := newReport(&got).read(strings.NewReader(events)); err != nil ||
		!strings.Contains(got.String(), "panic: oh\n") {
		t.Errorf("%v\n%s", err, got.String())
	}
}
