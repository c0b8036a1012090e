package win32table

import "github.com/namedshm/namedshm/conformance/internal/spec"

const tries = 3

// mended are the rows that hold although Wine's own calls differ: the row allows what Wine does.
var mended = []string{"SIZ-011"}

func here() []Exception {
	var list []Exception
	if spec.UnderWine() {
		list = append(list, Exception{Reason: "Wine asks nobody for the privilege", Rows: []string{"GLO-001"}})
	}
	if spec.InSessionZero() {
		list = append(list, Exception{Reason: "session 0 needs no privilege", Rows: []string{"GLO-001"}})
	}
	return list
}
