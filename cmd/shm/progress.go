package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quietTime is how long nothing is shown of what goes on.
const quietTime = 500 * time.Millisecond

// slowBar is a progress bar on standard error that appears only when something takes long, and only on a terminal.
type slowBar struct {
	bar *progressbar.ProgressBar // nil on anything but a terminal
}

// newSlowBar begins to count. length is -1 where it is not known.
func (a *app) newSlowBar(length int64) *slowBar {
	if !isTerminal(a.stderr) {
		return &slowBar{}
	}
	return &slowBar{progressbar.NewOptions64(length,
		progressbar.OptionSetWriter(&lateWriter{a.stderr, time.Now().Add(quietTime)}),
		progressbar.OptionSetDescription("writing"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(30),
		// Or a goroutine of its own turns the spinner, and goes on turning it on the cleared line.
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionClearOnFinish())}
}

// show tells the bar how many bytes are done.
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

// lateWriter drops what is written before its time. The bar behind it counts from the beginning, and so tells the
// right speed when it is seen at last.
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
