package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// readText reads up to the first NUL, or to the end: text as C programs leave it in memory. With wide set it is UTF-16,
// little-endian, as Windows programs leave it.
func readText(r io.Reader, wide bool) (string, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if !wide {
		text, err := b.ReadBytes(0)
		if err == io.EOF {
			return string(text), nil
		}
		return string(bytes.TrimSuffix(text, []byte{0})), err
	}
	var found []uint16
	for unit := make([]byte, 2); ; {
		switch _, err := io.ReadFull(b, unit); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return string(utf16.Decode(found)), nil
		case err != nil:
			return "", err
		}
		u := binary.LittleEndian.Uint16(unit)
		if u == 0 {
			return string(utf16.Decode(found)), nil
		}
		found = append(found, u)
	}
}

// encodeText is text as it is stored: in UTF-8, or with wide set in UTF-16.
func encodeText(text string, wide bool) []byte {
	if !wide {
		return []byte(text)
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// printable is text that a terminal takes for nothing but text: what is not printable, but for the characters in keep,
// is written as an escape. Text that others wrote must not move the cursor or change the terminal's state.
func printable(text, keep string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteString(text[i : i+n])
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += n
	}
	return b.String()
}

// hexDump writes bytes as rows of sixteen, in numbers and as text. A run of equal rows is one row and a "*"; the last
// line is the offset behind the last byte.
func hexDump(w io.Writer, r io.Reader, offset int64) error {
	out := bufio.NewWriterSize(w, 1<<16)
	in := bufio.NewReaderSize(r, 1<<16)
	row, last := make([]byte, hexColumns), []byte(nil)
	starred := false
	for {
		n, err := io.ReadFull(in, row)
		if n == 0 {
			if err != io.EOF {
				return err
			}
			break
		}
		if bytes.Equal(row[:n], last) {
			if !starred {
				out.WriteString("*\n")
			}
			starred = true
		} else {
			starred = false
			last = append(last[:0], row[:n]...)
			out.WriteString(hexRow(offset, row[:n], hexColumns, nil) + "\n")
		}
		offset += int64(n)
	}
	fmt.Fprintf(out, "%08x\n", offset)
	return out.Flush()
}

// hexColumns is the number of bytes in a row.
const hexColumns = 16

// hexRow is one row: the offset, the bytes in hexadecimal, the bytes as text. A row of fewer bytes than columns keeps
// the shape. marked says which bytes to show in reverse video; nil marks none.
func hexRow(offset int64, row []byte, columns int, marked func(i int) bool) string {
	var numbers, text strings.Builder
	mark := func(b *strings.Builder, i int, s string) {
		if marked != nil && marked(i) {
			s = "\x1b[7m" + s + "\x1b[27m"
		}
		b.WriteString(s)
	}
	for i := range columns {
		if i == 8 {
			numbers.WriteByte(' ')
		}
		numbers.WriteByte(' ')
		if i >= len(row) {
			numbers.WriteString("  ")
			continue
		}
		mark(&numbers, i, fmt.Sprintf("%02x", row[i]))
		char := "."
		if ' ' <= row[i] && row[i] < 0x7f {
			char = string(rune(row[i]))
		}
		mark(&text, i, char)
	}
	return fmt.Sprintf("%08x %s  |%s|", offset, numbers.String(), text.String())
}

// hexWidth is how many columns of a terminal a row takes.
func hexWidth(columns int, last int64) int {
	digits := max(8, len(strconv.FormatInt(last, 16)))
	return digits + 1 + 3*columns + (columns-1)/8 + 2 + columns + 2
}
