package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/riot"
)

// becomeActor is for a process that was started to be one of a riot.
func becomeActor() bool {
	if !actors.Called() {
		return false
	}
	riot.Act()
	return true
}

const (
	longestRiot = 3 * time.Second
	judgeLimit  = 30 * time.Second
	partings    = 5
)

// few are the kinds of names in a riot with few names.
var few = []riot.Kind{riot.Section, riot.Mutex}

// report is what a soak comes to.
type report struct {
	Seed       uint64         `json:"seed"`
	Processes  int            `json:"processes"`
	Riots      int            `json:"riots"`
	Seconds    int            `json:"seconds"`
	Counts     map[string]int `json:"counts"`
	Undecided  []string       `json:"undecided"` // riots whose judging took too long
	Violations []violation    `json:"violations"`
	// Shared memory in use on the whole machine, in bytes, before and after.
	SharedBefore int64 `json:"shared_memory_before"`
	SharedAfter  int64 `json:"shared_memory_after"`
}

// violation is something that must not be.
type violation struct {
	Riot    int    `json:"riot"`
	Where   string `json:"where"`
	Seed    uint64 `json:"seed"`
	Journal string `json:"journal"`
	What    string `json:"what"`
}

// soak is the whole of it; it returns the exit status.
func soak(c *cli) (status int) {
	r := &report{Seed: c.Seed, Processes: c.Processes, Counts: map[string]int{}, SharedBefore: sharedMemory()}
	if r.Seed == 0 {
		r.Seed = rand.Uint64()>>1 | 1
	}
	if c.Journals == "" {
		dir, err := os.MkdirTemp("", "namedshm-soak-")
		if err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
			return 1
		}
		c.Journals = dir
		defer os.Remove(dir) // unless something is in it
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	began := time.Now()
	end := began.Add(time.Duration(c.Minutes * float64(time.Minute)))
	show := newProgress(end)
	for time.Now().Before(end) && len(interrupted) == 0 {
		lost := r.riot(c, min(longestRiot, time.Until(end)))
		if lost != nil && len(interrupted) > 0 {
			// The interrupt reached a process between its fork and the process group of its own. What that riot would have
			// shown is shown by another one.
			os.Remove(lost.Journal)
			lost = r.riot(c, min(longestRiot, time.Until(end)))
		}
		if lost != nil {
			r.Violations = append(r.Violations, *lost)
		}
		r.Seconds = int(time.Since(began).Seconds())
		show.line(r)
	}
	show.clear()
	r.SharedAfter = sharedMemory()
	if err := r.print(os.Stdout, c.JSON); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	if len(r.Violations) > 0 {
		return 1
	}
	return 0
}

// riot has one riot, judges it, and looks for what it left. lost is the violation that a process is which ended by
// itself.
func (r *report) riot(c *cli, duration time.Duration) (lost *violation) {
	r.Riots++
	p := &riot.Plan{Space: namedshm.Local, Kinds: riot.AllKinds, Processes: c.Processes, Duration: duration,
		Seed: r.Seed + uint64(r.Riots-1), Sleeper: r.Riots%3 == 0,
		Journal: filepath.Join(c.Journals, fmt.Sprintf("riot-%d.journal", r.Riots))}
	if r.Riots%2 == 0 && os.Geteuid() == 0 {
		p.Space = namedshm.Global
	}
	if r.Riots%5 >= 3 {
		p.Kinds = few // more of all handles are to one object
	}
	// ways of waiting understand each other; each has riots of its own
	way := []string{"", "", "futex", "poll"}[r.Riots/2%4]
	p.Environment = []string{"NAMEDSHM_WAIT=" + way}
	os.Remove(p.Journal)
	found := len(r.Violations)
	complain := func(what string) {
		where := strings.Trim(p.Space.String(), `\`)
		r.Violations = append(r.Violations, violation{r.Riots, where, p.Seed, p.Journal, what})
	}
	failure := riot.Try(func(host actors.Host) {
		p.World = actors.NewWorld(host)
		p.World.Apart = true // who interrupts the soak wants the table
		var err error
		if p.World.Program, err = os.Executable(); err != nil {
			host.Fatal(err)
		}
		h := p.Run(host)
		problems, undecided := h.Judge(judgeLimit)
		for what, n := range h.Counts {
			r.Counts[what] += n
		}
		for _, what := range problems {
			complain(what)
		}
		for _, name := range undecided {
			r.Undecided = append(r.Undecided, fmt.Sprintf("riot %d, %s, journal %s", r.Riots, name, p.Journal))
			found = -1
		}
		r.Counts["buried entries"] += p.NothingLeft(host)
		if left := p.Part(host, partings); left != nil {
			complain(fmt.Sprintf("two last handles were closed at once and left %q", left))
		}
	})
	if failure != "" {
		complain(failure)
	}
	if strings.HasPrefix(failure, "actor ") && strings.HasSuffix(failure, " ended") {
		last := len(r.Violations) - 1
		lost, r.Violations = &r.Violations[last], r.Violations[:last:last]
		return lost
	}
	if len(r.Violations) == found {
		os.Remove(p.Journal)
	}
	return nil
}

// print prints the report, for people or for programs.
func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	fmt.Fprintf(out, "%d riots in %d s, %d processes at once, seed %d\n\n", r.Riots, r.Seconds, r.Processes, r.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, what := range slices.Sorted(maps.Keys(r.Counts)) {
		fmt.Fprintf(w, "%s\t%9d\n", what, r.Counts[what])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nshared memory on this machine: %d KiB before, %d KiB after\n", r.SharedBefore>>10,
		r.SharedAfter>>10)
	for _, what := range r.Undecided {
		fmt.Fprintf(out, "not decided in %v: %s\n", judgeLimit, what)
	}
	for _, v := range r.Violations {
		fmt.Fprintf(out, "\nVIOLATION in riot %d (%s, seed %d, journal %s):\n%s\n", v.Riot, v.Where, v.Seed, v.Journal,
			v.What)
	}
	if len(r.Violations) == 0 {
		_, err := fmt.Fprintln(out, "zero violations; no segment and no entry left")
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d violations\n", len(r.Violations))
	return err
}

// sharedMemory is the machine's shared memory in use, in bytes.
func sharedMemory() int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Shmem:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// progress is the line that tells what goes on: on a terminal one that changes, elsewhere one now and then.
type progress struct {
	terminal bool
	end      time.Time
	next     time.Time
}

func newProgress(end time.Time) *progress {
	return &progress{terminal: term.IsTerminal(int(os.Stderr.Fd())), end: end}
}

func (p *progress) line(r *report) {
	text := fmt.Sprintf("riot %d: %d s, %d left: %d operations, %d kills, %d stops, %d violations", r.Riots, r.Seconds,
		max(0, int(time.Until(p.end).Seconds())), r.Counts["operations"], r.Counts["kills"], r.Counts["stops"],
		len(r.Violations))
	switch {
	case p.terminal:
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", text)
	case time.Now().After(p.next):
		fmt.Fprintln(os.Stderr, text)
		p.next = time.Now().Add(10 * time.Second)
	}
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
