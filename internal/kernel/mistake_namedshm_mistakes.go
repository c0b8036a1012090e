//go:build namedshm_mistakes

package kernel

import "os"

// mistaken names the one way in which this process breaks the protocol; "" for none.
var mistaken = os.Getenv("NAMEDSHM_MISTAKE")

// mistake reports that the protocol is to be broken in this way. The tests that are to find it out name them all.
func mistake(which string) bool { return which == mistaken }
