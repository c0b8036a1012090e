//go:build linux

package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// madeUp is a report in which everything was measured, with figures from a seed.
func madeUp(seed uint64) report {
	random := rand.New(rand.NewPCG(seed, 0))
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(random.Int64N(int64(high-low)))
	}
	r := report{Machine: machine{
		Date: "2001-02-03", Commit: "0123456789", Processor: "Made up", Processors: 2, System: "None", Kernel: "1.2.3",
		Go: "go1.2", Peers: []version{{"C compiler", "4.5"}, {"Wine", ""}},
		Load: random.Float64() * quietLoad, Took: between(time.Minute, time.Hour),
	}}
	parts := map[string][]string{
		"cycles": {createBare, createFloor, openBare, openFloor},
		"python": {pythonCreate, pythonOpen, wholeProcess},
	}
	for _, c := range flowCases {
		for _, peer := range c.peers() {
			parts["flow"] = append(parts["flow"], beside(c.what, peer))
		}
	}
	for _, c := range chapters {
		for _, name := range c.parts {
			rows := parts[name]
			if rows == nil {
				rows = []string{name + " beside one | two", name + " <&> beside others"}
			}
			m := measured{Part: name}
			for _, what := range rows {
				x := result{What: what}
				x.Peer, x.Ours = between(time.Microsecond, 90*time.Microsecond), between(time.Microsecond, 90*time.Microsecond)
				x.Ratio = float64(x.Ours) / float64(x.Peer)
				m.Rows = append(m.Rows, x)
			}
			r.Parts = append(r.Parts, m)
		}
	}
	woken := func(what string, peer bool) {
		p50, p99 := between(200, 400), between(time.Microsecond, 9*time.Millisecond)
		r.Wakes = append(r.Wakes, wake{What: what, Peer: peer, P50: p50, P99: p99})
	}
	for _, x := range ourWakes {
		woken(x.what, false)
	}
	for _, peer := range peerWakes {
		woken(peer.name, true)
	}
	grown := func(names []string, counts []int) (curves []curve) {
		for _, name := range names {
			c := curve{What: name}
			for _, n := range counts {
				c.Points = append(c.Points, point{n, between(20*time.Microsecond, 20*time.Millisecond)})
			}
			curves = append(curves, c)
		}
		return curves
	}
	r.Objects = grown([]string{openAmong, createAmong, namesAmong, listAmong}, objectCounts)
	r.Handles = grown([]string{openShared, openHolding}, handleCounts)
	return r
}

// figures are what differs between two reports of one machine.
var figures = regexp.MustCompile(`-?\d+(\.\d+)?( (ns|µs|ms|s)\b)?`)

// TestReportIsAFunction: the same figures make the same document, figures that went through JSON too, and other
// figures change figures and nothing else.
func TestReportIsAFunction(t *testing.T) {
	r := madeUp(1)
	first := r.files()
	if again := madeUp(1).files(); !reflect.DeepEqual(first, again) {
		t.Error("the same report makes another document the second time")
	}
	var back report
	if err := json.Unmarshal([]byte(first[reportData]), &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("what was read back is not what was written: %v", err)
	}
	for seed := range uint64(20) {
		for name, text := range madeUp(seed + 2).files() {
			if text == first[name] {
				t.Errorf("%s: other figures change nothing", name)
			}
			was, is := withoutFigures(first[name]), withoutFigures(text)
			if !slices.Equal(was, is) {
				t.Errorf("%s, seed %d: more than figures differ: %s", name, seed+2, firstDifference(was, is))
			}
		}
	}
}

// withoutFigures is the lines of a text without what may differ in them.
func withoutFigures(text string) []string {
	return strings.Split(figures.ReplaceAllString(text, "#"), "\n")
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

// TestReportSaysWhatWasNotQuiet: the document says so when other work ran, before or meanwhile, and only then.
func TestReportSaysWhatWasNotQuiet(t *testing.T) {
	for _, x := range []struct {
		load, others float64
		quiet        bool
	}{{0, 0, true}, {0.49, 0.049, true}, {0.51, 0, false}, {0, 0.051, false}, {11, 0.9, false}} {
		r := madeUp(1)
		r.Machine.Load, r.Machine.Others = x.load, x.others
		page := r.page()
		if said := strings.Contains(page, "**The machine was not quiet:**"); said == x.quiet {
			t.Errorf("load %v, others %v: it says that it was not quiet: %v", x.load, x.others, said)
		}
		if want := fmt.Sprintf("| load average before | %.2f |", x.load); !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestReportHasEverything: each row, wake and curve is on the page, once, and each picture is shown and exists. What
// was left out is named with the reason.
func TestReportHasEverything(t *testing.T) {
	r := madeUp(1)
	r.Wakes[3].Note, r.Parts[2].Rows[0].Note = "left out: no | such thing", "left out: not here"
	page := r.page()
	rows := map[string]int{}
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") {
			rows[strings.Trim(cells[0], "| *\n")]++
		}
	}
	var want []string
	for _, m := range r.Parts {
		for _, x := range m.Rows {
			want = append(want, x.What)
		}
	}
	for _, x := range r.Wakes {
		want = append(want, x.What)
	}
	for _, c := range slices.Concat(r.Objects, r.Handles) {
		want = append(want, c.What)
	}
	for _, what := range want {
		if rows[strings.Split(cell(what), " | ")[0]] != 1 {
			t.Errorf("%q stands %d times in the page", what, rows[cell(what)])
		}
	}
	for _, why := range []string{`no \| such thing`, "not here"} {
		if !strings.Contains(page, why) {
			t.Errorf("what was left out for %q is not named", why)
		}
	}
	shown := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1)
	if len(shown) != len(plots) {
		t.Errorf("%d pictures are shown, want %d", len(shown), len(plots))
	}
	for _, s := range shown {
		if r.files()[path.Join(path.Dir(reportPage), s[1])] == "" {
			t.Errorf("%s is shown and not written", s[1])
		}
	}
}

// TestEveryPartIsReported: what is measured is in a chapter, and a chapter's parts are measured.
func TestEveryPartIsReported(t *testing.T) {
	var measured, reported []string
	for _, p := range new(workshop).parts() {
		measured = append(measured, p.name)
	}
	for _, c := range chapters {
		reported = append(reported, c.parts...)
	}
	if slices.Sort(measured); !slices.Equal(measured, slices.Sorted(slices.Values(reported))) {
		t.Errorf("measured are %q, reported %q", measured, reported)
	}
}

// TestPictures: each is small, well-formed, has both sets of colours and a name for those who do not see it, says the
// units of its axes, and draws nothing outside itself: with figures as they are expected, with very small and very
// large ones, and with hardly any.
func TestPictures(t *testing.T) {
	huge, tiny, empty := madeUp(1), madeUp(1), madeUp(1)
	for r, factor := range map[*report]float64{&huge: 1e5, &tiny: 1e-3} {
		stretch := func(d *time.Duration) { *d = max(1, time.Duration(float64(*d)*factor)) }
		for i := range r.Parts {
			for j := range r.Parts[i].Rows {
				stretch(&r.Parts[i].Rows[j].Peer)
				stretch(&r.Parts[i].Rows[j].Ours)
			}
		}
		for i := range r.Wakes {
			stretch(&r.Wakes[i].P50)
			stretch(&r.Wakes[i].P99)
		}
		for _, c := range slices.Concat(r.Objects, r.Handles) {
			for i := range c.Points {
				stretch(&c.Points[i].Takes)
			}
		}
	}
	empty.Parts, empty.Wakes, empty.Objects, empty.Handles = nil, nil, nil, nil
	for name, r := range map[string]report{"usual": madeUp(1), "huge": huge, "tiny": tiny, "empty": empty} {
		for file, text := range r.files() {
			if strings.HasSuffix(file, ".svg") {
				for _, complaint := range flaws(text) {
					t.Errorf("%s, %s: %s", name, file, complaint)
				}
			}
		}
	}
}

// flaws are what is wrong with a picture.
func flaws(svg string) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if len(svg) > 30_000 {
		complain("it has %d bytes", len(svg))
	}
	for _, want := range []string{"<title", "<desc", "prefers-color-scheme:dark", `role="img"`, "median"} {
		if !strings.Contains(svg, want) {
			complain("%q is missing", want)
		}
	}
	if !regexp.MustCompile(`>\d+ (ns|µs|ms|s)</text>`).MatchString(svg) {
		complain("no axis has a unit")
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		complain("something lies nowhere")
	}
	light, dark, _ := strings.Cut(svg, "@media")
	for _, class := range regexp.MustCompile(`class="([^"]+)"`).FindAllStringSubmatch(dark, -1) {
		for name := range strings.FieldsSeq(class[1]) {
			styled := regexp.MustCompile(`\.` + name + `[,{]`)
			if !styled.MatchString(light) || !styled.MatchString(dark) {
				complain("%s lacks one of the colours", name)
			}
		}
	}
	var width, height float64
	var inText xml.StartElement
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return complaints
		}
		if err != nil {
			complain("not well-formed: %v", err)
			return complaints
		}
		switch e := token.(type) {
		case xml.StartElement:
			if inText = e; e.Name.Local == "svg" {
				fmt.Sscanf(attribute(e, "viewBox"), "0 0 %g %g", &width, &height)
			}
			for _, place := range places(e) {
				if place[0] < 0 || place[0] > width || place[1] < 0 || place[1] > height {
					complain("%v of %v lies outside", place, e)
				}
			}
		case xml.CharData:
			if words := string(e); inText.Name.Local == "text" && strings.TrimSpace(words) != "" {
				if from, to := extent(inText, words); from < 0 || to > width {
					complain("%q goes from %.0f to %.0f", words, from, to)
				}
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func number(e xml.StartElement, name string) float64 {
	v, _ := strconv.ParseFloat(attribute(e, name), 64)
	return v
}

// places are the points of what is drawn.
func places(e xml.StartElement) [][2]float64 {
	switch e.Name.Local {
	case "line":
		return [][2]float64{{number(e, "x1"), number(e, "y1")}, {number(e, "x2"), number(e, "y2")}}
	case "rect":
		x, y := number(e, "x"), number(e, "y")
		return [][2]float64{{x, y}, {x + number(e, "width"), y + number(e, "height")}}
	case "circle":
		return [][2]float64{{number(e, "cx") - 5, number(e, "cy") - 5}, {number(e, "cx") + 5, number(e, "cy") + 5}}
	case "text":
		return [][2]float64{{number(e, "x"), number(e, "y")}}
	case "path":
		var x, y float64
		if n, _ := fmt.Sscanf(attribute(e, "transform"), "translate(%g %g)", &x, &y); n == 2 {
			return [][2]float64{{x - 5, y - 5}, {x + 5, y + 5}}
		}
		var all [][2]float64
		for step := range strings.FieldsFuncSeq(attribute(e, "d"), func(r rune) bool { return r == 'M' || r == 'L' }) {
			fmt.Sscanf(step, "%g %g", &x, &y)
			all = append(all, [2]float64{x, y})
		}
		return all
	}
	return nil
}

// extent is from where to where a text goes, in a font that is wider than most.
func extent(e xml.StartElement, words string) (from, to float64) {
	each := 7.6
	if attribute(e, "class") == "small" {
		each = 6.5
	}
	x, width := number(e, "x"), each*float64(len([]rune(words)))
	switch attribute(e, "text-anchor") {
	case "middle":
		return x - width/2, x + width/2
	case "end":
		return x - width, x
	}
	return x, x + width
}

// TestFlawsAreFound: a picture that is spoilt in one way is complained of.
func TestFlawsAreFound(t *testing.T) {
	long := strings.Repeat("x", 60)
	for file, text := range madeUp(1).files() {
		if !strings.HasSuffix(file, ".svg") {
			continue
		}
		for name, spoilt := range map[string]string{
			"cut off":      text[:len(text)-10],
			"no dark":      strings.Replace(text, "prefers-color-scheme:dark", "print", 1),
			"one colour":   regexp.MustCompile(`(?s)(@media.*)\n\.(grid)[^\n]*`).ReplaceAllString(text, "$1"),
			"no title":     strings.Replace(text, "<title", "<metadata", 1),
			"a long text":  regexp.MustCompile(`>[^<>\n]+</text>`).ReplaceAllString(text, ">"+long+"</text>"),
			"outside":      regexp.MustCompile(`y2="[^"]+"`).ReplaceAllString(text, `y2="9999"`),
			"no units":     regexp.MustCompile(` (ns|µs|ms|s)</text>`).ReplaceAllString(text, "</text>"),
			"large":        text + strings.Repeat(" ", 30_000),
			"not a number": strings.Replace(text, `x1="`, `x1="NaN`, 1),
		} {
			if text == spoilt || len(flaws(spoilt)) == 0 {
				t.Errorf("%s, %s: nobody complains", file, name)
			}
		}
	}
}

// TestReportInTheTree: the document in the tree was written, by this writer, of the figures beside it.
func TestReportInTheTree(t *testing.T) {
	r, err := readReport("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range r.files() {
		is, err := os.ReadFile("../" + name)
		if err != nil {
			t.Error(err)
		} else if string(is) != want {
			t.Errorf("%s is not what `go run ./bench --render` writes: %s", name,
				firstDifference(strings.Split(want, "\n"), strings.Split(string(is), "\n")))
		}
	}
	if there, err := os.ReadDir("../" + reportBeside); err != nil || len(there) != len(plots)+1 {
		t.Errorf("%d files beside the report, want %d (%v)", len(there), len(plots)+1, err)
	}
	for _, c := range chapters {
		for _, name := range c.parts {
			if len(r.part(name)) == 0 {
				t.Errorf("nothing was measured of %q", name)
			}
		}
	}
	if len(r.Wakes) != len(ourWakes)+len(peerWakes) || len(r.Objects) == 0 || len(r.Handles) == 0 ||
		len(r.rows(createBare, createFloor, pythonCreate, openBare, openFloor, pythonOpen)) != 6 {
		t.Error("a picture in the tree lacks something: go run ./bench --report")
	}
}

// TestMeasuredForPictures: what only a report has can be measured, and is in order.
func TestMeasuredForPictures(t *testing.T) {
	w, err := newWorkshop()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	wakes, err := inOwnDirectory(func() ([]wake, error) { return w.measureWakes(1, 100, []compiled{cFutex}) })
	if err != nil || len(wakes) != len(ourWakes)+1 {
		t.Fatalf("%v: %v", wakes, err)
	}
	for _, x := range wakes {
		if x.Note == "" && (x.P50 <= 0 || x.P50 > x.P99) {
			t.Errorf("%s: %v and %v", x.What, x.P50, x.P99)
		}
	}
	for _, measure := range []func([]int) ([]curve, error){measureObjects, measureHandles} {
		curves, err := inOwnDirectory(func() ([]curve, error) { return measure([]int{1, 20, 40}) })
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range curves {
			if len(c.Points) != 3 || c.Points[2].Count != 40 || c.Points[2].Takes <= 0 {
				t.Errorf("%s: %v", c.What, c.Points)
			}
		}
	}
}

// TestFiguresStandInOnePlace: the documents that say why something costs what it costs leave the figures to the
// report, and point there.
func TestFiguresStandInOnePlace(t *testing.T) {
	figure := regexp.MustCompile(`\d\.\d|\d ?(ns|µs)\b|\| *-+: *\|`)
	for _, name := range []string{"design.md", "guarantees.md"} {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, section, found := strings.Cut(string(text), "\n## What it costs\n")
		if section, _, _ = strings.Cut(section, "\n## "); !found || !strings.Contains(section, "(benchmarks.md)") {
			t.Errorf("%s does not point to the report: %q", name, section)
		}
		for line := range strings.Lines(section) {
			if at := figure.FindString(line); at != "" {
				t.Errorf("%s has the figure %q: %s", name, at, line)
			}
		}
	}
}
