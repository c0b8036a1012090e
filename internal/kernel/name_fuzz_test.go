package kernel

import (
	"errors"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// FuzzParseName: whatever text is given as a name, it is refused with a documented code, or taken apart into what can
// be put together again. What follows the prefix never leads anywhere by itself.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"", `Global\`, `\`, `Local\a\b`, "\xed\xa0\x80", "a\x00", `Session\1\x`, "Global",
		`Local\Global\x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		parsed, err := ParseName(name)
		if err != nil {
			var code fault.Code
			if !errors.As(err, &code) || code.Symbol() == "" {
				t.Errorf("%q: the error %v has no documented code", name, err)
			}
			return
		}
		again, err := ParseName(parsed.String())
		if err != nil || again != parsed {
			t.Errorf("%q parses to %v, which parses to %v, %v", name, parsed, again, err)
		}
		if strings.ContainsAny(parsed.Base, "\\\x00") || (parsed.Base == "") != (parsed.Namespace == Unnamed) {
			t.Errorf("%q parses to %#v", name, parsed)
		}
		if !strings.HasSuffix(name, parsed.Base) {
			t.Errorf("%q parses to %#v, which is another name", name, parsed)
		}
	})
}
