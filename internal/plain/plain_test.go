package plain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain Grüße 日本 عربي 😀 ☀️ n̈ \uFFFD": "plain Grüße 日本 عربي 😀 ☀️ n̈ \uFFFD", `a\b`: `a\b`,
		"a\tb\nc":            "a\tb\nc",
		"\x1b[31m\x1b]0;x\a": `\x1b[31m\x1b]0;x\a`, "\x00\b\r\x7f": `\x00\b\r\x7f`,
		"\xc2\x9b31m": `\u009b31m`, "\x9b31m": `\x9b31m`, "\xff\xed\xa0\x80\xe2\x82": `\xff\xed\xa0\x80\xe2\x82`,
		"\xc0\x9b": `\xc0\x9b`,
		"a\u202eb\u2066c\u2069\u200e\u200f\u061c": `a\u202eb\u2066c\u2069\u200e\u200f\u061c`,
		"\u2028\u2029\u0085":                      `\u2028\u2029\u0085`,
		"a\u200bb\u200d\ufeff\u00ad\u2060":        `a\u200bb\u200d\ufeff\u00ad\u2060`,
		"\U000E0041\U000E0001":                    `\U000e0041\U000e0001`,
		"\u3164\uffa0\u115f\u034f\u2800":          `\u3164\uffa0\u115f\u034f\u2800`, "x\ufe0f\U000E0100": `x\ufe0f\U000e0100`,
		"\u00a0\u2003\u3000": `\u00a0\u2003\u3000`, "\ue000\U0010FFFF\u0378": `\ue000\U0010ffff\u0378`, "\u0301e": `\u0301e`,
		"e\u0301": "e\u0301",
	} {
		if got := Text(text, "\n\t"); got != want {
			t.Errorf("%+q: %s, want %s", text, got, want)
		}
	}
	if got := Text("a\nb\tc", ""); got != `a\nb\tc` {
		t.Errorf("what is not to be kept: %s", got)
	}
	for name, want := range map[string]string{`Local\Foo bar`: `Local\Foo bar`, "Local\\a\x1b": `"Local\\a\x1b"`,
		"a\"\u3164": `"a\"\u3164"`, "\xff": `"\xff"`} {
		if got := Name(name); got != want {
			t.Errorf("the name %+q: %s, want %s", name, got, want)
		}
	}
}

// invisible is said in other words than those of the package.
func invisible(r rune) bool {
	return r != ' ' && (unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point) || r == 0x2800) ||
		!unicode.IsGraphic(r)
}

// TestTextOfEveryCharacter looks at all there are, alone and between two others.
func TestTextOfEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if (0x40000 < r && r < 0xDFFFF || r > 0xE1000) && r%4096 != 0 {
			continue // nothing is assigned there, or all is private
		}
		for _, text := range []string{string(r), "a" + string(r) + "b"} {
			got := Text(text, "")
			if !utf8.ValidString(got) || strings.ContainsFunc(got, invisible) || Text(got, "") != got || got == "" {
				t.Fatalf("%U: %+q", r, got)
			}
			if r > ' ' && r < 0x7f && got != text {
				t.Fatalf("%q became %q", text, got)
			}
		}
	}
	for b := range 256 {
		if got := Text(string([]byte{byte(b)}), ""); !utf8.ValidString(got) || strings.ContainsFunc(got, invisible) {
			t.Errorf("the byte %#x: %+q", b, got)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\x1bb", "\u0301", "☀️", "\xe2\x98", "\U000E0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s, "")
		if !utf8.ValidString(got) || strings.ContainsFunc(got, invisible) || !Is(got) || Text(got, "\n") != got ||
			Is(s) != (got == s) {
			t.Errorf("%+q became %+q", s, got)
		}
		if !utf8.ValidString(s) {
			return
		}
		var encoded bytes.Buffer
		e := json.NewEncoder(&encoded)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		safe := JSON(encoded.Bytes())
		var back string
		if err := json.Unmarshal(safe, &back); err != nil || back != s {
			t.Errorf("%+q came back from JSON as %+q, %v", s, back, err)
		}
		if !Is(strings.TrimSuffix(string(safe), "\n")) {
			t.Errorf("%+q as JSON: %+q", s, safe)
		}
	})
}
