package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// report is all that was measured. What is written of it is a function of it alone: files makes the document, and the
// same report makes the same one.
type report struct {
	Machine machine
	Parts   []measured
	Wakes   []wake
	Objects []curve
	Handles []curve
}

// measured is the rows of a part, which has the part's name.
type measured struct {
	Part string
	Rows results
}

// Where the report goes, from the project's root.
const (
	reportPage   = "docs/benchmarks.md"
	reportBeside = "docs/benchmarks" // its pictures and its figures
	reportData   = "docs/benchmarks/results.json"
)

// part is the rows of one part.
func (r report) part(name string) results {
	for _, m := range r.Parts {
		if m.Part == name {
			return m.Rows
		}
	}
	return nil
}

// rows are those with these names that have figures.
func (r report) rows(names ...string) (found results) {
	for _, name := range names {
		for _, m := range r.Parts {
			if x, ok := m.Rows.row(name); ok {
				found = append(found, x)
			}
		}
	}
	return found
}

// files are the document, its pictures and its figures, by their paths from the project's root.
func (r report) files() map[string]string {
	data, err := json.MarshalIndent(r, "", "\t")
	check(err)
	files := map[string]string{reportPage: r.page(), reportData: string(data) + "\n"}
	for _, p := range plots {
		files[reportBeside+"/"+p.file] = p.draw(r)
	}
	return files
}

// plot is one picture.
type plot struct {
	file, alt string
	draw      func(report) string
}

var plots = []plot{createOpenPlot, wakingPlot, messagesPlot, objectsPlot, handlesPlot}

var (
	createOpenPlot = plot{"create-open.svg", "Create and open beside peers, as bars", cyclesPlot}
	wakingPlot     = plot{"waking.svg", "Round trips by primitive, median and 99th percentile", wakesPlot}
	messagesPlot   = plot{"messages.svg", "Time of a message one way, by its size and the means", flowPlot}
	objectsPlot    = plot{"objects.svg", "Cost against the number of objects", func(r report) string {
		return curvesPlot("Cost against the number of objects", "objects in the namespace", r.Objects,
			time.Microsecond, 10*time.Second)
	}}
	handlesPlot = plot{"handles.svg", "Cost against the number of handles", func(r report) string {
		return curvesPlot("Cost against the number of handles", "handles", r.Handles,
			10*time.Microsecond, 100*time.Millisecond)
	}}
)

// page is the document.
func (r report) page() string {
	var b strings.Builder
	b.WriteString(reportHead)
	b.WriteString(r.Machine.table())
	if !r.Machine.quiet() {
		b.WriteString(notQuiet)
	}
	for _, c := range chapters {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.title, strings.TrimSpace(c.text))
		for _, p := range c.plots {
			fmt.Fprintf(&b, "\n![%s](%s/%s)\n", p.alt, filepath.Base(reportBeside), p.file)
		}
		if c.table != nil {
			b.WriteString("\n" + c.table(r))
		}
		for _, name := range c.parts {
			b.WriteString("\n" + r.part(name).table())
		}
	}
	return b.String()
}

func (m machine) table() string {
	var b strings.Builder
	b.WriteString("| | |\n| --- | --- |\n")
	row := func(what, is string) {
		if is == "" {
			is = "not found"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", what, cell(is))
	}
	row("date", m.Date)
	row("namedshm", m.Commit)
	row("processor", fmt.Sprintf("%s, %d usable", m.Processor, m.Processors))
	row("system", fmt.Sprintf("%s, Linux %s", m.System, m.Kernel))
	row("Go", m.Go)
	for _, p := range m.Peers {
		row(p.Peer, p.Version)
	}
	row("load average before", fmt.Sprintf("%.2f", m.Load))
	row("other work meanwhile", fmt.Sprintf("%.1f %% of the processors' time", m.Others*100))
	row("all of it took", took(m.Took.Round(time.Second)))
	return b.String()
}

// cell is text that ends no cell of a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

func (r results) table() string {
	var b strings.Builder
	b.WriteString("| | peer | namedshm | ratio |\n| --- | ---: | ---: | ---: |\n")
	for _, x := range r {
		if x.Note != "" {
			fmt.Fprintf(&b, "| %s | | | %s |\n", cell(x.What), cell(x.Note))
		} else {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(x.What), took(x.Peer), took(x.Ours), x.ratio())
		}
	}
	return b.String()
}

func (r report) wakesTable() string {
	var b strings.Builder
	b.WriteString("| there and back | median | 99th percentile |\n| --- | ---: | ---: |\n")
	for _, x := range r.Wakes {
		what := cell(x.What)
		if !x.Peer {
			what = "**" + what + "**"
		}
		if x.Note != "" {
			fmt.Fprintf(&b, "| %s | | %s |\n", what, cell(x.Note))
		} else {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", what, took(x.P50), took(x.P99))
		}
	}
	return b.String()
}

// curvesTable has a column for each count. A curve that ends before has no more figures.
func curvesTable(what string, curves []curve) string {
	var longest curve
	for _, c := range curves {
		if len(c.Points) > len(longest.Points) {
			longest = c
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |", what)
	for _, p := range longest.Points {
		fmt.Fprintf(&b, " %s |", counted(p.Count))
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(longest.Points)) + "\n")
	for _, c := range curves {
		fmt.Fprintf(&b, "| %s |", cell(c.What))
		for i := range longest.Points {
			if i < len(c.Points) {
				b.WriteString(" " + took(c.Points[i].Takes))
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// write puts the files where they belong, below the project's root.
func (r report) write(root string) error {
	for path, text := range r.files() {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readReport reads the figures of a report that was written.
func readReport(root string) (r report, err error) {
	data, err := os.ReadFile(filepath.Join(root, reportData))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}
