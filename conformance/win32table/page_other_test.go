//go:build !unix && !windows

package win32table

var mended []string

func here() []Exception {
	return []Exception{{Reason: "there is nothing to share here", Rows: []string{".*"}}}
}

const tries = 1
