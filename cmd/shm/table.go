package main

import (
	"io"
	"slices"
	"strings"

	"github.com/namedshm/namedshm/internal/plain"
	"github.com/rivo/uniseg"
)

// table is rows of cells; the columns are as wide as their widest cell.
type table [][]string

// add adds a row. What others wrote in a cell stays in it.
func (t *table) add(row ...string) {
	for i, cell := range row {
		row[i] = plain.Text(cell, "")
	}
	*t = append(*t, row)
}

// widths is how wide each column is.
func (t table) widths() (widths []int) {
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cells(cell))
		}
	}
	return widths
}

// wrapped breaks the last column between words, into rows of its own, so that rows fit the width; 0 breaks nothing.
func (t table) wrapped(width int) table {
	room := width
	widths := t.widths()
	for _, w := range widths[:max(len(widths)-1, 0)] {
		room -= w + 2
	}
	if width == 0 || room < 20 {
		return t
	}
	var broken table
	for _, row := range t {
		last := len(row) - 1
		line := ""
		for word := range strings.FieldsSeq(row[last]) {
			if line != "" && cells(line)+1+cells(word) > room {
				broken = append(broken, append(row[:last:last], line))
				row = make([]string, len(row))
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		broken = append(broken, append(row[:last:last], line))
	}
	return broken
}

// fitting leaves out columns, the first that is named first, until the last column has the room that print gives it at
// least. Where width is 0, nothing is left out.
func (t table) fitting(width int, spare ...string) table {
	for _, heading := range spare {
		used := 0
		widths := t.widths()
		for _, w := range widths[:max(len(widths)-1, 0)] {
			used += w + 2
		}
		if width == 0 || used+leastCut <= width {
			break
		}
		at := slices.Index(t[0], heading)
		narrower := make(table, len(t))
		for i, row := range t {
			narrower[i] = slices.Delete(slices.Clone(row), at, at+1)
		}
		t = narrower
	}
	return t
}

// print writes the rows. Where width is not 0, the last column is cut so that a row stays on its line.
func (t table) print(w io.Writer, width int) error {
	widths := t.widths()
	var b strings.Builder
	for _, row := range t {
		used := 0
		for i, cell := range row {
			if i == len(row)-1 {
				b.WriteString(shorten(cell, width-used, width > 0))
				break
			}
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-cells(cell)+2))
			used += widths[i] + 2
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// leastCut is the width below which nothing is cut: then rather a row that wraps.
const leastCut = 12

// shorten cuts text to a width.
func shorten(text string, width int, cut bool) string {
	width = max(width, leastCut)
	if !cut || cells(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if used += g.Width(); used > width-1 {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// cells is how many of a terminal's cells a text fills.
func cells(text string) int { return uniseg.StringWidth(text) }
