//go:build namedshm_mistakes

package fault

import (
	"os"
	"slices"
	"strings"
)

// mistaken names the ways in which this process breaks the protocol, with commas between; "" for none.
var mistaken = strings.Split(os.Getenv("NAMEDSHM_MISTAKE"), ",")

// Mistake reports that the protocol is to be broken in this way. The tests that are to find it out name them all.
func Mistake(which string) bool { return slices.Contains(mistaken, which) }
