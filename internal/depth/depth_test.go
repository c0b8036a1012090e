package depth

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOf is run by TestDepths under each value.
func TestOf(t *testing.T) {
	t.Logf("of %s, full %v, every %v", Of("quick", "full"), Full(), Every())
}

// TestDepths: each value means what it says, and one that means nothing ends the tests instead of being taken for none.
func TestDepths(t *testing.T) {
	for value, want := range map[string]string{
		"":      "of quick, full false, every false",
		"full":  "of full, full true, every false",
		"every": "of full, full true, every true",
		"ful":   `NAMEDSHM_TEST_DEPTH="ful": it is "full", "every" or not set`,
	} {
		c := exec.Command(os.Args[0], "-test.v", "-test.run=^TestOf$")
		c.Env = append(os.Environ(), Variable+"="+value)
		out, err := c.CombinedOutput()
		if !strings.Contains(string(out), want) || (err != nil) != (value == "ful") {
			t.Errorf("%q: %v\n%s", value, err, out)
		}
	}
}
