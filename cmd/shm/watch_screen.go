package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"golang.org/x/term"
)

// live is the view on a terminal: what is shown, and since when.
type live struct {
	app           *app
	name          string
	begin, end    int64 // the range to show; end 0 is the section's end
	top           int64 // offset of the first row
	width, height int
	shot          *snapshot // the last that there was
	shotTop       int64     // where it begins
	changed       []time.Time
	gone          time.Time // since when there is no section; zero while there is one
	obstacle      error     // why it cannot be inspected at the moment
	note          string    // what changed last
	drawn         string
}

// How long a changed byte is marked.
const markFor = time.Second

// Control sequences of the terminal. Between begin and end of a synchronized update it shows nothing half-drawn.
const (
	enterScreen         sequence = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	leaveScreen         sequence = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	beginUpdate         sequence = "\x1b[?2026h\x1b[H"
	endUpdate           sequence = "\x1b[?2026l"
	clearLine           sequence = "\x1b[K"
	nextLine            sequence = "\r\n"
	bold, faint, normal sequence = "\x1b[1m", "\x1b[2m", "\x1b[22m"
	reverse, unreverse  sequence = "\x1b[7m", "\x1b[27m"
)

// live runs the view and gives the terminal back as it was.
func (c *watchCmd) live(a *app) error {
	l := &live{app: a, name: c.Name, begin: int64(c.Offset), top: int64(c.Offset)}
	if c.Length > 0 {
		l.end = int64(c.Offset + size(c.Length))
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	keys := make(chan string)
	if isTerminal(a.stdin) && inForeground(a.stdin) {
		state, err := term.MakeRaw(int(a.stdin.Fd()))
		if err != nil {
			return err
		}
		defer term.Restore(int(a.stdin.Fd()), state)
		go readKeys(a.stdin, keys)
	}
	restore, err := enableSequences(a.stdout.file)
	if err != nil {
		return err
	}
	defer restore()
	if err := a.stdout.draw(drawing{[]any{enterScreen}}); err != nil {
		return err
	}
	defer a.stdout.draw(drawing{[]any{leaveScreen}})
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		l.update()
		if err := l.draw(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-signals:
			return nil
		case key := <-keys:
			if !l.press(key) {
				return nil
			}
		}
	}
}

// readKeys sends what is typed, a key at a time. The end of the terminal is the key "q".
func readKeys(terminal *os.File, keys chan<- string) {
	in := bufio.NewReader(terminal)
	for {
		b, err := in.ReadByte()
		if err != nil {
			keys <- "q"
			return
		}
		key := string(b)
		// The rest of a sequence arrives with its first byte; a lone Escape has no rest.
		if b == 0x1b {
			for in.Buffered() > 0 {
				b, _ = in.ReadByte()
				key += string(b)
				if b >= '@' && b != '[' && b != 'O' {
					break
				}
			}
		}
		keys <- key
	}
}

// press acts on a key; false is the end.
func (l *live) press(key string) bool {
	page := int64(max(l.rows(), 1) * l.columns())
	row := int64(l.columns())
	switch key {
	case "q", "Q", "\x03", "\x04": // not Escape: a slow line delivers arrow keys in pieces
		return false
	case "\x1b[A", "\x1bOA", "k":
		l.top -= row
	case "\x1b[B", "\x1bOB", "j":
		l.top += row
	case "\x1b[5~", "b":
		l.top -= page
	case "\x1b[6~", " ":
		l.top += page
	case "\x1b[H", "\x1bOH", "\x1b[1~", "g":
		l.top = l.begin
	case "\x1b[F", "\x1bOF", "\x1b[4~", "G":
		l.top = l.last()
	}
	return true
}

// last is the offset after the last byte that can be shown.
func (l *live) last() int64 {
	if l.shot == nil {
		return max(l.end, l.begin+1)
	}
	if l.end > 0 {
		return min(l.end, l.shot.size)
	}
	return l.shot.size
}

// rows is how many rows fit between the two lines of words.
func (l *live) rows() int { return l.height - 2 }

// columns is how many bytes a row has: as many as fit, up to sixteen.
func (l *live) columns() int {
	for _, n := range []int{16, 8, 4, 2} {
		if hexWidth(n, l.last()) <= l.width {
			return n
		}
	}
	return 1
}

// update looks at the terminal's size and at the section.
func (l *live) update() {
	if w, h, err := term.GetSize(int(l.app.stdout.file.Fd())); err == nil && w > 0 && h > 0 {
		l.width, l.height = w, h
	} else if l.width == 0 {
		l.width, l.height = 80, 24
	}
	row, page := int64(l.columns()), int64(max(l.rows(), 1)*l.columns())
	// The last page is a full one, and rows begin at whole rows from the beginning of the range.
	lastTop := l.begin + (max(l.last()-l.begin-page, 0)+row-1)/row*row
	l.top = min(max(l.top, l.begin), lastTop)
	l.top -= (l.top - l.begin) % row
	length := page
	if l.end > 0 {
		length = min(length, l.end-l.top)
	}
	now := time.Now()
	shot, err := look(l.name, l.top, length)
	l.obstacle = nil
	switch {
	case errors.Is(err, namedshm.ErrBusy): // somebody stopped while sweeping; the next look may do better
		return
	case err != nil && shot == nil:
		l.obstacle = err
		return
	case shot == nil:
		if l.gone.IsZero() {
			l.gone = now
		}
		return
	}
	l.gone = time.Time{}
	if errors.Is(err, errTooShort) {
		if l.top > l.begin { // it came back smaller: the next update moves up
			l.shot, l.changed = shot, nil
			return
		}
		l.obstacle = err
	}
	l.compare(shot, now)
}

// compare notes when each byte changed.
func (l *live) compare(shot *snapshot, now time.Time) {
	if l.shot == nil || l.shotTop != l.top || len(l.changed) != len(shot.bytes) {
		l.changed = make([]time.Time, len(shot.bytes))
	} else if at := differences(shot, l.shot); len(at) > 0 {
		for _, i := range at {
			l.changed[i] = now
		}
		l.note = fmt.Sprintf("last change %s: %s at %#x", now.Format(time.TimeOnly), plural(int64(len(at)), "byte"),
			l.top+int64(at[0]))
	}
	l.shot, l.shotTop = shot, l.top
}

// draw writes a frame over the one before, if it differs.
func (l *live) draw() error {
	var frame drawing
	frame.control(beginUpdate)
	l.line(&frame, l.header())
	for i := range max(l.rows(), 0) {
		frame.control(nextLine)
		l.line(&frame, l.row(l.top+int64(i*l.columns())))
	}
	if l.height > 1 {
		frame.control(nextLine)
		l.line(&frame, l.footer())
	}
	frame.control(endUpdate)
	drawn := frame.rendered()
	if drawn == l.drawn {
		return nil
	}
	l.drawn = drawn
	return l.app.stdout.draw(frame)
}

// line adds a line and clears the rest of it. Behind a full line there is nothing, and clearing would take its last
// character.
func (l *live) line(frame *drawing, line drawing) {
	frame.add(line)
	if cells(line.words()) < l.width {
		frame.control(clearLine)
	}
}

// row is the row that begins at an offset, or nothing where the last snapshot has no such byte.
func (l *live) row(offset int64) (shown drawing) {
	if l.shot == nil || offset < l.shotTop || offset >= l.shotTop+int64(len(l.shot.bytes)) {
		return shown
	}
	from, columns := int(offset-l.shotTop), l.columns()
	bytes := l.shot.bytes[from:min(from+columns, len(l.shot.bytes))]
	shown = hexRow(offset, bytes, columns, func(j int) bool {
		return from+j < len(l.changed) && time.Since(l.changed[from+j]) < markFor
	})
	if !l.gone.IsZero() {
		shown = drawing{slices.Concat([]any{faint}, shown.parts, []any{normal})}
	}
	return shown
}

// header is the first line: which section, how large, and whether it is there.
func (l *live) header() (shown drawing) {
	text := plain.Name(l.name)
	if l.shot != nil {
		text += "  " + exactSize(l.shot.size)
	}
	switch {
	case l.obstacle != nil:
		text += "  " + plain.Text(l.obstacle.Error(), "")
	case !l.gone.IsZero():
		text += "  gone since " + l.gone.Format(time.TimeOnly) + ", waiting for it to come back"
	}
	shown.within(bold, normal, shorten(text, l.width, true))
	return shown
}

// footer is the last line: the keys, and what happened last.
func (l *live) footer() (shown drawing) {
	text := "q quit  ↑ ↓ PgUp PgDn Home End move"
	if l.note != "" {
		text += "  " + l.note
	}
	shown.within(faint, normal, shorten(text, l.width, true))
	return shown
}
