package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/namedshm/namedshm/internal/plain"
)

// dialog shows text in a message box and returns when the box is closed. Title and text are shown as they are:
// nothing in them is markup, an escape or an option.
type dialog func(title, text string) error

// mostInBox is as much text as a message box is given: more than anybody reads in one, less than an argument of a
// process can be, even where each byte becomes an escape and the backslash of that one for HTML.
const mostInBox = 12000

func (c *openCmd) box(w *byteRange, show dialog) error {
	var text string
	var err error
	if c.As == "hex" {
		var dump strings.Builder
		err = hexDump(&dump, io.LimitReader(w.reader(), mostInBox/4), int64(c.Offset))
		text = dump.String()
	} else {
		text, err = readText(w.reader(), c.As == "utf16")
	}
	if err != nil {
		return err
	}
	if len(text) > mostInBox {
		end := mostInBox
		for end > mostInBox-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = fmt.Sprintf("%s…\n(%s more)", text[:end], plural(int64(len(text)-end), "byte"))
	}
	if err := show(plain.Text(c.Name, ""), plain.Text(text, "\n\t")); err != nil {
		return fmt.Errorf("open --box: %w", err)
	}
	return nil
}
