// Package plain makes text harmless to show: text that others wrote (an object's name, a file's, a process's, a
// section's bytes) and that a terminal, a log or a message box might take for more than text.
//
// It imports nothing of ours: errors, the command and its dialogs all show text through it.
package plain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is text with an escape (\n, \x1b, \u202e, in Go's notation) in place of what is not plainly visible:
//
//   - control characters, whose sequences move the cursor, set colours and titles, and answer as if somebody had typed:
//     C0, DEL, and C1 as well, which terminals obey in UTF-8 and as single bytes;
//   - marks that change the direction of the text around them, and line and paragraph separators;
//   - what has no width or looks like a blank: zero-width and other format characters, tags, fillers, variation
//     selectors (except after a symbol, which they turn into an emoji), blanks other than the space itself;
//   - private and unassigned characters;
//   - bytes that are not UTF-8;
//   - a combining mark at the beginning, which would change the character before the text.
//
// Characters in keep are left as they are. Plain text stays as it is, so what went through Text once may do so again.
func Text(text, keep string) string {
	i := next(text, 0, keep)
	if i == len(text) {
		return text
	}
	var b strings.Builder
	for from := 0; ; {
		b.WriteString(text[from:i])
		if i == len(text) {
			return b.String()
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else {
			b.WriteString(escape(r))
		}
		from = i + n
		i = next(text, from, keep)
	}
}

// Name is a name in a line of text: as it is where it is plain, else quoted as a whole, so that its end is clear.
func Name(name string) string {
	if Is(name) && !strings.ContainsRune(name, utf8.RuneError) {
		return name
	}
	return Text(strconv.Quote(name), "")
}

// Is reports text that is harmless as it is.
func Is(text string) bool { return next(text, 0, "") == len(text) }

// JSON is JSON with \u escapes in place of the same characters, which is the same JSON: outside of strings it has none.
func JSON(text []byte) []byte {
	s := string(text)
	i := next(s, 0, "\n")
	if i == len(s) {
		return text
	}
	var b []byte
	for from := 0; ; {
		b = append(b, s[from:i]...)
		if i == len(s) {
			return b
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= 0x10000 {
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		} else {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		from = i + n
		i = next(s, from, "\n")
	}
}

// next is where the first character from an index on stands that is not to be shown as it is; the end where none is.
func next(text string, from int, keep string) int {
	before := rune(-1) // what the character before is shown as
	if from > 0 {
		before = ' ' // an escape, on which a mark does no harm
	}
	for i := from; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 || !strings.ContainsRune(keep, r) && !shows(r, before) {
			return i
		}
		before = r
		i += n
	}
	return len(text)
}

// shows reports a character that is plainly to be seen behind another one, which is -1 at the beginning.
func shows(r, before rune) bool {
	switch {
	case r == emojiVariation || r == textVariation:
		return unicode.Is(unicode.So, before)
	case unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == blankBraille:
		return false
	case before == -1 && unicode.In(r, unicode.Mn, unicode.Me):
		return false
	}
	return strconv.IsPrint(r)
}

const (
	textVariation  = '\uFE0E'
	emojiVariation = '\uFE0F'
	blankBraille   = '\u2800' // a pattern of no dots
)

// escape is a character in Go's notation. strconv takes some for printable that are not to be seen.
func escape(r rune) string {
	quoted := strconv.QuoteRuneToASCII(r)
	if quoted = quoted[1 : len(quoted)-1]; quoted != string(r) {
		return quoted
	}
	return fmt.Sprintf(`\x%02x`, r)
}
