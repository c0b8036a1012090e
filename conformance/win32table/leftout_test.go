package win32table

import "math"

// everywhere are the rows that are driven nowhere.
var everywhere = []Exception{
	{Reason: "sessions, app containers and the registry are Windows' own", Rows: []string{"GLO-00[4679]", "NAM-000"}},
	{Reason: "it says that there is no such call", Rows: []string{"MIS-005"}},
	{Reason: "it is about processes of 32 bits", Rows: []string{"MIS-003"}},
	{Reason: "it takes a file system that is full: TestDiskFull", Rows: []string{"MIS-001"}},
	{Reason: "the call is none of package win32's", Rows: []string{"SEC-LARGE-MIN"}},
	{Reason: "the rows before them say what the child sees", Rows: []string{"INH-00[23]x"}},
}

func leftOut() []Exception {
	list := append(everywhere, here()...)
	if math.MaxInt == math.MaxInt32 {
		list = append(list, Exception{Reason: "the length is more than a SIZE_T of 32 bits can say",
			Rows: []string{"MAP-013"}})
	}
	return list
}
