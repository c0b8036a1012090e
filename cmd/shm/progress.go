package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quietTime is how long no progress is shown.
const quietTime = 500 * time.Millisecond

// slowBar is a progress bar on standard error that appears only when something takes long, and only on a terminal.
type slowBar struct {
	bar *progressbar.ProgressBar // nil on anything but a terminal
}

// newSlowBar begins to count. length is -1 where it is not known.
func (a *app) newSlowBar(length int64) *slowBar {
	if !a.stderr.isTerminal() {
		return &slowBar{}
	}
	return &slowBar{progressbar.NewOptions64(length,
		progressbar.OptionSetWriter(&lateWriter{a.stderr.file, time.Now().Add(quietTime)}),
		progressbar.OptionSetDescription("writing"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(30),
		// Otherwise a goroutine turns the spinner, and keeps turning it on the cleared line.
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionClearOnFinish())}
}

// show updates the bar with how many bytes are done.
func (b *slowBar) show(done int64) {
	if b.bar != nil {
		b.bar.Set64(done)
	}
}

// finish takes the bar off the terminal.
func (b *slowBar) finish() {
	if b.bar != nil {
		b.bar.Exit()
		b.bar.Clear()
	}
}

// lateWriter drops what is written before its time. The bar counts from the beginning, and so shows the right speed
// once it is visible.
type lateWriter struct {
	w    io.Writer
	time time.Time
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if time.Now().Before(l.time) {
		return len(p), nil
	}
	return l.w.Write(p)
}
