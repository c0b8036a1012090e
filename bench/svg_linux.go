package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"time"
)

// A drawing is 420 units wide, which is about what a phone shows without making text of 14 too small to read.
const (
	drawingWidth = 420
	lineHeight   = 20
	edge         = 12
)

// style has two sets of colours, and the reader's browser chooses. The four curve colours can be distinguished by
// colour-blind readers, and each curve has marks of its own too.
const style = `
text{font:14px system-ui,sans-serif;fill:#1f2328}
.small{font-size:12px;fill:#59636e}
.back{fill:#fff}
.grid{stroke:#d1d9e0}
.peer{fill:#8c959f;stroke:#8c959f}
.ours,.c0{fill:#0969da;stroke:#0969da}
.c1{fill:#bc4c00;stroke:#bc4c00}
.c2{fill:#1a7f37;stroke:#1a7f37}
.c3{fill:#8250df;stroke:#8250df}
.curve{fill:none;stroke-width:2}
.hollow{fill:#fff;stroke-width:2}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}
.small{fill:#9198a1}
.back{fill:#0d1117}
.grid{stroke:#3d444d}
.peer{fill:#848d97;stroke:#848d97}
.ours,.c0{fill:#4493f8;stroke:#4493f8}
.c1{fill:#f0883e;stroke:#f0883e}
.c2{fill:#3fb950;stroke:#3fb950}
.c3{fill:#ab7df8;stroke:#ab7df8}
.curve{fill:none}
.hollow{fill:#0d1117}
}
`

// drawing is an SVG that is being written, from the top down.
type drawing struct {
	b strings.Builder
	y float64 // below what has been drawn
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// text writes at a baseline. anchor is start, middle or end.
func (d *drawing) text(x, y float64, class, anchor, s string) {
	if class != "" {
		class = fmt.Sprintf(" class=%q", class)
	}
	d.printf(`<text x="%.1f" y="%.1f"%s text-anchor="%s">%s</text>`, x, y, class, anchor, escaped(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (d *drawing) box(x, y, width, height float64, class string) {
	d.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, x, y, width, height, class)
}

func (d *drawing) dot(x, y float64, class string) {
	d.printf(`<circle cx="%.1f" cy="%.1f" r="4.5" class="%s"/>`, x, y, class)
}

// marks are the shapes of points, so that curves can be distinguished without colour.
var marks = []string{
	"M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", // a circle
	"M-4.5-4.5h9v9h-9z",                    // a square
	"M0-6L6 5H-6z",                         // a triangle
	"M0-6.5L6.5 0L0 6.5L-6.5 0z",           // a square on its corner
}

func (d *drawing) mark(x, y float64, curve int) {
	d.printf(`<path d="%s" transform="translate(%.1f %.1f)" class="c%d"/>`, marks[curve], x, y, curve)
}

// svg is the whole, for those who see it and those who have it read to them.
func (d *drawing) svg(title, description string) string {
	height := math.Ceil(d.y + edge)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="560" height="%.0f" viewBox="0 0 %d %.0f"`,
		height*560/drawingWidth, drawingWidth, height)
	fmt.Fprintf(&b, ` role="img" aria-labelledby="t d">
<title id="t">%s</title>
<desc id="d">%s</desc>
<style>%s</style>
<rect width="%d" height="%.0f" class="back"/>
%s</svg>
`, escaped(title), escaped(description), style, drawingWidth, height, d.b.String())
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	check(xml.EscapeText(&b, []byte(s)))
	return b.String()
}

// scale turns values into places between two edges.
type scale struct {
	from, to  float64 // the edges
	low, high float64 // the values there
	log       bool
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, s.low))
	}
	return s.from + (v-low)/(high-low)*(s.to-s.from)
}

// decades is a logarithmic scale that has these decades at least, so that the drawings of two reports can be laid one
// beside the other, and more where a value lies outside.
func decades(from, to, low, high float64, values []float64) scale {
	for _, v := range values {
		for v > 0 && v < low {
			low /= 10
		}
		for v > high {
			high *= 10
		}
	}
	return scale{from, to, low, high, true}
}

// fifths is a linear scale from nothing to a round number, which five steps divide.
func fifths(from, to, least float64, values []float64) scale {
	high := least
	for i := 0; ; i++ {
		for _, step := range []float64{1, 2, 5} {
			if high = least * step * math.Pow10(i); !exceeded(high, values) {
				return scale{from, to, 0, high, false}
			}
		}
	}
}

func exceeded(high float64, values []float64) bool {
	for _, v := range values {
		if v > high {
			return true
		}
	}
	return false
}

// ticks are the values that an axis names.
func (s scale) ticks() (all []float64) {
	if !s.log {
		for i := range 6 {
			all = append(all, s.high*float64(i)/5)
		}
		return all
	}
	for v := s.low; v < s.high*1.1; v *= 10 {
		all = append(all, v)
	}
	return all
}

// took writes a duration with three digits.
func took(d time.Duration) string {
	unit, name := time.Nanosecond, "ns"
	switch {
	case d >= time.Second:
		unit, name = time.Second, "s"
	case d >= time.Millisecond:
		unit, name = time.Millisecond, "ms"
	case d >= time.Microsecond:
		unit, name = time.Microsecond, "µs"
	}
	v := float64(d) / float64(unit)
	decimals := 0
	if unit > 1 && v < 100 {
		decimals = 1
		if v < 10 {
			decimals = 2
		}
	}
	return fmt.Sprintf("%.*f %s", decimals, v, name)
}

// tick is took of a round number.
func tick(ns float64) string {
	s := took(time.Duration(math.Round(ns)))
	number, unit, _ := strings.Cut(s, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}

// counted writes a number with its thousands apart.
func counted(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
