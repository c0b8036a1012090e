package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
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
	obstacle      error     // why it cannot be looked into at the moment
	note          string    // what changed last
	drawn         string
}

// How long a changed byte is marked.
const markFor = time.Second

// Control sequences of the terminal. Between begin and end of a synchronized update it shows nothing half-drawn.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	beginUpdate = "\x1b[?2026h\x1b[H"
	endUpdate   = "\x1b[?2026l"
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
	restore, err := enableSequences(a.stdout)
	if err != nil {
		return err
	}
	defer restore()
	if err := a.printf(enterScreen); err != nil {
		return err
	}
	defer a.printf(leaveScreen)
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

// last is the offset behind the last byte that can be shown.
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
	if w, h, err := term.GetSize(int(l.app.stdout.Fd())); err == nil && w > 0 && h > 0 {
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
	case errors.Is(err, namedshm.ErrBusy): // somebody stopped while burying; the next look may do better
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
		l.note = fmt.Sprintf("last change %s: %s at %#x", now.Format(time.TimeOnly), plural(int64(len(at)), "byte"), l.top+int64(at[0]))
	}
	l.shot, l.shotTop = shot, l.top
}

// draw writes a frame over the one before, if it differs.
func (l *live) draw() error {
	var b strings.Builder
	l.line(&b, l.header())
	for i := range max(l.rows(), 0) {
		b.WriteString("\r\n")
		l.line(&b, l.row(l.top+int64(i*l.columns())))
	}
	if l.height > 1 {
		b.WriteString("\r\n")
		l.line(&b, l.footer())
	}
	frame := b.String()
	if frame == l.drawn {
		return nil
	}
	l.drawn = frame
	_, err := l.app.stdout.WriteString(beginUpdate + frame + endUpdate)
	return err
}

// line writes a line and clears what is behind it. Behind a full line there is nothing, and clearing would take its
// last character.
func (l *live) line(b *strings.Builder, text string) {
	b.WriteString(text)
	if cells(text) < l.width {
		b.WriteString("\x1b[K")
	}
}

// row is the row that begins at an offset, or nothing where the last snapshot has no such byte.
func (l *live) row(offset int64) string {
	if l.shot == nil || offset < l.shotTop || offset >= l.shotTop+int64(len(l.shot.bytes)) {
		return ""
	}
	from, columns := int(offset-l.shotTop), l.columns()
	bytes := l.shot.bytes[from:min(from+columns, len(l.shot.bytes))]
	text := hexRow(offset, bytes, columns, func(j int) bool {
		return from+j < len(l.changed) && time.Since(l.changed[from+j]) < markFor
	})
	if !l.gone.IsZero() {
		return "\x1b[2m" + text + "\x1b[22m"
	}
	return text
}

// header is the first line: which section, how large, and whether it is there.
func (l *live) header() string {
	text := l.app.name(l.name)
	if l.shot != nil {
		text += "  " + exactSize(l.shot.size)
	}
	switch {
	case l.obstacle != nil:
		text += "  " + printable(l.obstacle.Error(), "")
	case !l.gone.IsZero():
		text += "  gone since " + l.gone.Format(time.TimeOnly) + ", waiting for it to come back"
	}
	return "\x1b[1m" + shorten(text, l.width, true) + "\x1b[22m"
}

// footer is the last line: the keys, and what happened last.
func (l *live) footer() string {
	text := "q quit  ↑ ↓ PgUp PgDn Home End move"
	if l.note != "" {
		text += "  " + l.note
	}
	return "\x1b[2m" + shorten(text, l.width, true) + "\x1b[22m"
}
