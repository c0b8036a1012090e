package kernel

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParseName: whatever text somebody gives as a name, it is refused with a code that is documented, or taken apart
// into what can be put together again. What is behind the prefix never leads anywhere by itself.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"", `Global\`, `\`, `Local\a\b`, "\xed\xa0\x80", "a\x00", `Session\1\x`, "Global", `Local\Global\x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		parsed, err := ParseName(name)
		if err != nil {
			var code Code
			if !errors.As(err, &code) || codes[code].symbol == "" {
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
