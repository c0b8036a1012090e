//go:build !unix && !windows

package win32table

func underWine() bool { return false }

func namespaces() []string { return []string{`Local\`} }

func newRoot() (string, error) { return "", nil }

var mended []string

func here() []Exception {
	return []Exception{{Reason: "there is nothing to share here", Rows: []string{".*"}}}
}

const tries = 1
