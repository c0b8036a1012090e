package main

import (
	"fmt"
	"slices"
	"time"
)

// The plots are functions of what was measured: equal figures make equal files, and other figures move what is drawn
// and change no word.

// cyclesPlot sets this library beside each peer as two bars.
func cyclesPlot(r report) string {
	d := &drawing{y: edge}
	d.legend("peer", "peer")
	d.legend("ours", "namedshm")
	rows := r.rows(createBare, createFloor, pythonCreate, openBare, openFloor, pythonOpen)
	var values []float64
	for _, x := range rows {
		values = append(values, float64(x.Peer), float64(x.Ours))
	}
	const right = drawingWidth - 70 // the rest is for the figures behind the bars
	s := fifths(edge, right, float64(100*time.Microsecond), values)
	bottom := d.y + float64(len(rows))*52
	d.acrossTicks(s, bottom, "time of one cycle, median")
	for _, x := range rows {
		d.text(edge, d.y+16, "", "start", x.What)
		for i, v := range []time.Duration{x.Peer, x.Ours} {
			y := d.y + 22 + float64(i)*13
			d.box(edge, y, s.at(float64(v))-edge, 11, []string{"peer", "ours"}[i])
			d.text(s.at(float64(v))+5, y+10, "small", "start", took(v))
		}
		d.y += 52
	}
	d.y = bottom + 40
	return d.svg("Create and open beside peers",
		"Bars: the time of one cycle in each peer and in namedshm, measured in turns.")
}

// legend names what has a colour, one a line.
func (d *drawing) legend(class, what string) {
	d.box(edge, d.y+3, 14, 12, class)
	d.text(edge+22, d.y+14, "", "start", what)
	d.y += lineHeight
}

// acrossTicks draws the axis of a plot from d.y to bottom with values along the horizontal.
func (d *drawing) acrossTicks(s scale, bottom float64, title string) {
	for i, v := range s.ticks() {
		d.line(s.at(v), d.y, s.at(v), bottom, "grid")
		switch {
		case s.log && i%2 == 1: // there is not room for all
		case v == 0:
			d.text(s.at(v), bottom+15, "small", "start", "0")
		default:
			d.text(s.at(v), bottom+15, "small", "middle", tick(v))
		}
	}
	d.text((s.from+s.to)/2, bottom+34, "small", "middle", title)
}

// wakesPlot has a line from the median to the 99th percentile for each.
func wakesPlot(r report) string {
	const names, rowHeight = 182, 22
	d := &drawing{y: edge}
	var values []float64
	for _, x := range r.Wakes {
		values = append(values, float64(x.P50), float64(x.P99))
	}
	s := decades(names, drawingWidth-26, float64(100*time.Nanosecond), float64(10*time.Millisecond), values)
	d.legend("ours", "namedshm")
	d.legend("peer", "peers")
	d.dot(edge+7, d.y+9, "ours")
	d.text(edge+22, d.y+14, "", "start", "median")
	d.dot(edge+107, d.y+9, "ours hollow")
	d.text(edge+122, d.y+14, "", "start", "99th percentile")
	d.y += lineHeight + 6
	drawn := slices.DeleteFunc(slices.Clone(r.Wakes), func(x wake) bool { return x.Note != "" })
	bottom := d.y + float64(len(drawn))*rowHeight
	d.acrossTicks(s, bottom, "there and back, log scale")
	for _, x := range drawn {
		class := "ours"
		if x.Peer {
			class = "peer"
		}
		y := d.y + rowHeight/2
		d.text(edge, y+5, "", "start", x.What)
		d.line(s.at(float64(x.P50)), y, s.at(float64(x.P99)), y, class+" curve")
		d.dot(s.at(float64(x.P99)), y, class+" hollow")
		d.dot(s.at(float64(x.P50)), y, class)
		d.y += rowHeight
	}
	d.y = bottom + 40
	return d.svg("Waking another process",
		"For each primitive the median and the 99th percentile of a round trip between two processes.")
}

// curvesPlot is logarithmic both ways.
func curvesPlot(title, across string, curves []curve, low, high time.Duration) string {
	const left, right, tall = 62, drawingWidth - edge, 230
	d := &drawing{y: edge}
	var counts, times []float64
	for i, c := range curves {
		d.mark(edge+7, d.y+9, i)
		d.text(edge+22, d.y+14, "", "start", c.What)
		d.y += lineHeight
		for _, p := range c.Points {
			counts, times = append(counts, float64(p.Count)), append(times, float64(p.Takes))
		}
	}
	d.text(edge, d.y+14, "small", "start", "time, median, log scale")
	d.y += lineHeight + 12
	top, bottom := d.y, d.y+tall
	if len(counts) == 0 {
		counts = []float64{1, 10}
	}
	x := decades(left+12, right-22, slices.Min(counts), slices.Max(counts), nil)
	y := decades(bottom, top, float64(low), float64(high), times)
	for _, v := range y.ticks() {
		d.line(left, y.at(v), right, y.at(v), "grid")
		d.text(left-6, y.at(v)+4, "small", "end", tick(v))
	}
	for _, v := range x.ticks() {
		d.line(x.at(v), top, x.at(v), bottom, "grid")
		d.text(x.at(v), bottom+16, "small", "middle", counted(int(v+0.5)))
	}
	d.text((left+right)/2, bottom+36, "small", "middle", across+", log scale")
	for i, c := range curves {
		path := ""
		for n, p := range c.Points {
			step := []string{"M", "L"}[min(n, 1)]
			path += fmt.Sprintf("%s%.1f %.1f", step, x.at(float64(p.Count)), y.at(float64(p.Takes)))
		}
		d.printf(`<path d="%s" class="c%d curve"/>`, path, i)
		for _, p := range c.Points {
			d.mark(x.at(float64(p.Count)), y.at(float64(p.Takes)), i)
		}
	}
	d.y = bottom + 42
	return d.svg(title, "Curves: the time of a call against "+across+".")
}

// flowPlot has a dot for each who sends messages of a size.
func flowPlot(r report) string {
	const names, rowHeight = 176, 20
	type dot struct {
		name  string
		each  float64
		class string
	}
	var values []float64
	groups := make([][]dot, len(flowCases))
	for i, c := range flowCases {
		for n, peer := range slices.Concat([]compiled{ringC}, streams) {
			for _, x := range r.rows(beside(c.what, peer)) {
				if n == 0 {
					groups[i] = append(groups[i], dot{"namedshm", float64(x.Ours) / float64(c.many), "ours"})
				}
				groups[i] = append(groups[i], dot{peer.name, float64(x.Peer) / float64(c.many), "peer"})
			}
		}
		for _, d := range groups[i] {
			values = append(values, d.each)
		}
	}
	d := &drawing{y: edge}
	d.legend("ours", "namedshm")
	d.legend("peer", "peers")
	s := decades(names, drawingWidth-26, float64(time.Nanosecond), float64(time.Millisecond), values)
	top := d.y
	for i, c := range flowCases {
		d.text(edge, d.y+15, "small", "start", c.heading)
		d.y += rowHeight
		for _, x := range groups[i] {
			d.text(edge, d.y+14, "", "start", x.name)
			d.dot(s.at(x.each), d.y+rowHeight/2, x.class)
			d.y += rowHeight
		}
	}
	bottom := d.y + 4
	d.y = top
	d.acrossTicks(s, bottom, "time of one message, median, log scale")
	d.y = bottom + 40
	return d.svg("Messages one way", "For messages of several sizes, the median time that one takes by each means.")
}
