// Command camera passes pictures from one camera to any number of viewers, by a feed:
//
//	go run ./examples/camera film [PER-SECOND]
//	go run ./examples/camera view
//
// Start them in any order and end them as you like, with kill -9 too. The camera never waits for a viewer. A viewer
// that is slow misses pictures and is told how many; it never sees half of one. examples/frames does the same for one
// viewer with a section, an event and a mutex: here the feed does what it does by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/namedshm/namedshm/flow"
)

const (
	name          = `Local\Camera`
	width, height = 640, 480
)

// picture is a message. A program in C that declares the same fields meets this one.
type picture struct {
	Taken  int64 // in nanoseconds since 1970
	Pixels [height][width]byte
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "camera:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "film":
		return film(ctx, 30)
	case len(arguments) == 2 && arguments[0] == "film":
		if perSecond, err := strconv.Atoi(arguments[1]); err == nil && perSecond > 0 {
			return film(ctx, perSecond)
		}
	case len(arguments) == 1 && arguments[0] == "view":
		return view(ctx)
	}
	return errors.New("usage: camera film [PER-SECOND] | camera view")
}

// film paints each picture where the viewers see it, without a copy.
func film(ctx context.Context, perSecond int) error {
	w, err := flow.NewWriter[picture](name, flow.Feed{Depth: 4})
	if err != nil {
		return err // ERROR_BUSY says which process films already
	}
	defer w.Close()
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for number := 1; ; number++ {
		p := &w.Claim()[0]
		p.Taken = time.Now().UnixNano()
		paint(p, number)
		w.Commit(1)
		select {
		case <-pace.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// paint stands for what a real camera sees: one shade of grey, which changes.
func paint(p *picture, number int) {
	for y := range p.Pixels {
		for x := range p.Pixels[y] {
			p.Pixels[y][x] = byte(number)
		}
	}
}

// view waits for each picture with Next, which copies it whole, and then glances at the newest: how bright it is needs
// few of its pixels, and Look spares the copy of all.
func view(ctx context.Context) error {
	r, err := flow.OpenReader[picture](ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	var buffer []picture
	for gone := false; ; {
		m, lost, err := r.Next(ctx, buffer)
		switch {
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF): // which it says until there is another camera
			if !gone {
				fmt.Println("no camera:", err)
			}
			gone = true
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			continue
		case err != nil:
			return err
		}
		buffer, gone = m, false // the same memory for each picture
		if len(m) != 1 {
			continue // no picture, whatever wrote it
		}
		fmt.Printf("picture %d, missed %d\n", m[0].Pixels[0][0], lost)
		if brightness, whole := glance(r); whole {
			fmt.Println("brightness", brightness)
		}
	}
}

// glance looks at the newest picture in place. What it finds counts only if the picture stayed whole meanwhile.
func glance(r *flow.Reader[picture]) (brightness int, whole bool) {
	_, whole = r.Look(func(m []picture) {
		if len(m) != 1 {
			return
		}
		sum := 0
		for y := 0; y < height; y += 48 {
			for x := 0; x < width; x += 64 {
				sum += int(m[0].Pixels[y][x])
			}
		}
		brightness = sum / 100
	})
	return brightness, whole
}
