// Command mumble shows where a player is: it reads what games publish for Mumble's positional audio, from a game that
// runs under Wine or Proton.
//
//	go run ./examples/mumble
//
// game/game.cpp is a game to try it with. The structure is Mumble's Link, whose fields are public:
// https://www.mumble.info/documentation/developer/positional-audio/link-plugin/
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"
	"unicode/utf16"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// link is the structure as a Windows program lays it out: its characters have 16 bits.
type link struct {
	Version        uint32
	Tick           uint32 // one more with every update
	AvatarPosition [3]float32
	AvatarFront    [3]float32
	AvatarTop      [3]float32
	Name           [256]uint16
	CameraPosition [3]float32
	CameraFront    [3]float32
	CameraTop      [3]float32
	Identity       [256]uint16
	ContextLen     uint32
	Context        [256]byte
	Description    [2048]uint16
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "mumble:", err)
		os.Exit(1)
	}
}

// run follows the game through restarts and prints a line for each update. An argument names the prefix.
func run(ctx context.Context, arguments []string) error {
	target := wine.Target{Name: "MumbleLink"}
	if len(arguments) > 0 {
		target.Prefix = arguments[0]
	}
	var game *session
	defer func() { game.close() }()
	for events := wine.Follow(ctx, target); ; {
		select {
		case e, open := <-events:
			if !open {
				return context.Cause(ctx)
			}
			game.close()
			game = nil
			switch e.Kind {
			case wine.Failed:
				return e.Err
			case wine.Gone:
				fmt.Println("the game is gone:", e.Reason)
			default:
				var err error
				if game, err = newSession(e.Attachment); err != nil {
					return err
				}
			}
		case <-time.After(pace):
			game.show()
		}
	}
}

// pace is how often is looked for an update: more often than games draw.
const pace = time.Millisecond

// session is a game that runs.
type session struct {
	section *wine.Attachment
	view    *namedshm.View
	watch   watch
	shown   uint32
}

func newSession(s *wine.Attachment) (*session, error) {
	v, err := s.Section.Map(0, 0, namedshm.Read)
	if err != nil {
		s.Close()
		return nil, err
	}
	memory, err := namedshm.At[link](v, 0)
	if err != nil {
		v.Close()
		s.Close()
		return nil, err
	}
	return &session{section: s, view: v, watch: watch{memory: memory}}, nil
}

func (s *session) close() {
	if s != nil {
		s.view.Close()
		s.section.Close()
	}
}

// show prints an update that has not been shown.
func (s *session) show() {
	if s == nil {
		return
	}
	if l, ok := s.watch.snapshot(); ok && l.Tick != s.shown {
		s.shown = l.Tick
		fmt.Printf("%s tick %d position %v front %v\n", text(l.Name[:]), l.Tick, l.AvatarPosition, l.AvatarFront)
	}
}

// text is characters of 16 bits up to the first NUL.
func text(units []uint16) string {
	for i, u := range units {
		if u == 0 {
			units = units[:i]
			break
		}
	}
	return string(utf16.Decode(units))
}
