// Command frames passes pictures from a camera to a viewer, by a section and an event:
//
//	go run ./examples/frames camera [PER-SECOND]
//	go run ./examples/frames viewer [-draw]
//
// Start them in any order and end them as you like, with kill -9 too: the other continues, and the next one takes the
// place of the one that was killed. A viewer that is slow misses frames; it never sees half of one. cpp/frames.cpp is
// both programs in C++, for Windows and for this project's C library, and they meet these.
package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"

	"github.com/namedshm/namedshm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "frames:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "camera":
		return camera(ctx, 30)
	case len(arguments) == 2 && arguments[0] == "camera":
		if perSecond, err := strconv.Atoi(arguments[1]); err == nil && perSecond > 0 {
			return camera(ctx, perSecond)
		}
	case len(arguments) == 1 && arguments[0] == "viewer":
		return viewer(ctx, false)
	case len(arguments) == 2 && arguments[0] == "viewer" && arguments[1] == "-draw":
		return viewer(ctx, true)
	}
	return errors.New("usage: frames camera [PER-SECOND] | frames viewer [-draw]")
}

// link is what both sides open. The first side creates it.
type link struct {
	section  *namedshm.Section
	view     *namedshm.View
	memory   *shared
	newFrame *namedshm.Event // set with each frame; auto-reset, for one viewer

	// The one camera owns the first and the one viewer the second, for as long as they live: the mutex of a killed
	// process is free, so it always shows whether there is one.
	cameraLives, viewerLives *namedshm.Mutex

	opened []io.Closer
}

func open() (l *link, err error) {
	l = new(link)
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.section, _, err = namedshm.OpenOrCreate(name, sharedSize, namedshm.ReadWrite); err != nil {
		return nil, err
	}
	l.opened = append(l.opened, l.section)
	if l.view, err = l.section.Map(0, 0, namedshm.ReadWrite); err != nil {
		return nil, err
	}
	l.opened = append(l.opened, l.view)
	if l.memory, err = namedshm.At[shared](l.view, 0); err != nil {
		return nil, err
	}
	l.memory.setUp()
	if l.newFrame, _, err = namedshm.OpenOrCreateEvent(name+" new frame", namedshm.AutoReset, false); err != nil {
		return nil, err
	}
	l.opened = append(l.opened, l.newFrame)
	if l.cameraLives, _, err = namedshm.OpenOrCreateMutex(name+" camera", false); err != nil {
		return nil, err
	}
	l.opened = append(l.opened, l.cameraLives)
	if l.viewerLives, _, err = namedshm.OpenOrCreateMutex(name+" viewer", false); err != nil {
		return nil, err
	}
	l.opened = append(l.opened, l.viewerLives)
	return l, nil
}

func (l *link) close() {
	for _, c := range slices.Backward(l.opened) {
		c.Close()
	}
}

// claim makes this process the one that owns the mutex. That another was killed (abandoned) does not matter: every
// step leaves the memory in order. The wait is for a viewer that has the camera's mutex for a moment, to see whether
// it is free.
func claim(ctx context.Context, m *namedshm.Mutex) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := m.Lock(ctx)
	return err
}

// camera fills frames and gives them to the viewer, whether there is one or not.
func camera(ctx context.Context, perSecond int) error {
	l, err := open()
	if err != nil {
		return err
	}
	defer l.close()
	if err := claim(ctx, l.cameraLives); err != nil {
		return fmt.Errorf("another camera runs: %w", err)
	}
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for number := l.memory.newest() + 1; ; number++ {
		f := l.memory.back()
		f.number = number
		paint(f)
		l.memory.publish()
		if err := l.newFrame.Set(); err != nil {
			return err
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// paint stands for what a real camera sees: stripes that wander.
func paint(f *frame) {
	for y := range f.pixels {
		for x := range f.pixels[y] {
			f.pixels[y][x] = byte(uint64(4*x+8*y) + f.number)
		}
	}
}

// viewer prints a line for each frame, or draws it. It sleeps until there is one, or until the camera is gone.
func viewer(ctx context.Context, draw bool) error {
	l, err := open()
	if err != nil {
		return err
	}
	defer l.close()
	if err := claim(ctx, l.viewerLives); err != nil {
		return fmt.Errorf("another viewer runs: %w", err)
	}
	awaited := []namedshm.Waitable{l.newFrame, l.cameraLives}
	for last := uint64(0); ; {
		outcome, err := namedshm.WaitAny(ctx, awaited...)
		if err != nil {
			return err
		}
		f, isNew := l.memory.take()
		if isNew {
			show(f, last, draw)
			last = f.number
		}
		awaited = []namedshm.Waitable{l.newFrame, l.cameraLives}
		if outcome.Index == 1 { // nobody owns the camera's mutex, so there is none; the next frame is another's
			if err := l.cameraLives.Unlock(); err != nil {
				return err
			}
			fmt.Println("no camera")
			awaited = awaited[:1]
		}
	}
}

// show prints a frame. last is the one before, or 0.
func show(f *frame, last uint64, draw bool) {
	sum := fnv.New32a()
	for y := range f.pixels {
		sum.Write(f.pixels[y][:])
	}
	missed := uint64(0)
	if last > 0 && f.number > last {
		missed = f.number - last - 1
	}
	if draw {
		fmt.Print("\x1b[H\x1b[J") // to the corner, and clear
		for y := 0; y < height; y += 2 {
			line := make([]byte, width)
			for x := range line {
				line[x] = " .:-=+*#"[f.pixels[y][x]/32]
			}
			fmt.Println(string(line))
		}
	}
	fmt.Printf("frame %d, missed %d, checksum %08x\n", f.number, missed, sum.Sum32())
}
