package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// slowBar is a progress bar on standard error that appears only when something takes long, and only on a terminal.
type slowBar struct {
	app    *app
	length int64 // -1 where unknown
	start  time.Time
	bar    *progressbar.ProgressBar
}

// quietTime is how long nothing is shown.
const quietTime = 500 * time.Millisecond

func (a *app) newSlowBar(length int64) *slowBar {
	return &slowBar{app: a, length: length, start: time.Now()}
}

// show tells the bar how many bytes are done.
func (b *slowBar) show(done int64) {
	if b.bar == nil {
		if time.Since(b.start) < quietTime || !isTerminal(b.app.stderr) {
			return
		}
		b.bar = progressbar.NewOptions64(b.length,
			progressbar.OptionSetWriter(b.app.stderr),
			progressbar.OptionSetDescription("writing"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	b.bar.Set64(done)
}

// finish takes the bar off the terminal.
func (b *slowBar) finish() {
	if b.bar != nil {
		b.bar.Exit()
		b.bar.Clear()
	}
}
