package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// hexDump writes bytes as rows of sixteen, in numbers and as text. A run of equal rows is one row and a "*"; the last
// line is the offset after the last byte.
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
			shown := hexRow(offset, row[:n], hexColumns, nil)
			out.WriteString(shown.words() + "\n")
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
func hexRow(offset int64, row []byte, columns int, marked func(i int) bool) (shown drawing) {
	var text drawing
	mark := func(d *drawing, i int, s string) {
		if marked != nil && marked(i) {
			d.within(reverse, unreverse, s)
			return
		}
		d.text(s)
	}
	shown.text(fmt.Sprintf("%08x ", offset))
	for i := range columns {
		if i == 8 {
			shown.text(" ")
		}
		shown.text(" ")
		if i >= len(row) {
			shown.text("  ")
			continue
		}
		mark(&shown, i, fmt.Sprintf("%02x", row[i]))
		char := "."
		if ' ' <= row[i] && row[i] < 0x7f {
			char = string(rune(row[i]))
		}
		mark(&text, i, char)
	}
	shown.text("  |")
	shown.add(text)
	shown.text("|")
	return shown
}

// hexWidth is how many columns of a terminal a row takes.
func hexWidth(columns int, last int64) int {
	digits := max(8, len(strconv.FormatInt(last, 16)))
	return digits + 1 + 3*columns + (columns-1)/8 + 2 + columns + 2
}
