// Command settings has one program say what everybody else reads:
//
//	go run ./examples/settings keep LEVEL LIMIT
//	go run ./examples/settings show
//
// A feed of one value is what many would build of a section and a lock: a reader takes the newest in a few nanoseconds,
// whole, without a system call, and keeps nobody waiting; neither does whoever dies. keep reads further values from its
// input, a pair a line.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/namedshm/namedshm/flow"
)

const name = `Local\Settings`

// settings are a message. No strings and no pointers: text has its room in an array.
type settings struct {
	Level [16]byte
	Limit uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "settings:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, input io.Reader) error {
	switch {
	case len(arguments) == 3 && arguments[0] == "keep":
		return keep(arguments[1]+" "+arguments[2], input)
	case len(arguments) == 1 && arguments[0] == "show":
		return show(ctx)
	}
	return errors.New("usage: settings keep LEVEL LIMIT | settings show")
}

// keep says what the settings are, until its input ends.
func keep(first string, input io.Reader) error {
	s, err := parse(first)
	if err != nil {
		return err
	}
	w, err := flow.NewWriter[settings](name, flow.Feed{Depth: 3})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Write(s); err != nil {
		return err
	}
	fmt.Println("kept")
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		s, err := parse(lines.Text())
		if err != nil {
			fmt.Fprintln(os.Stderr, "settings:", err)
			continue
		}
		if err := w.Write(s); err != nil {
			return err
		}
		fmt.Println("kept")
	}
	return lines.Err()
}

func parse(text string) (s settings, err error) {
	var level string
	if _, err := fmt.Sscan(text, &level, &s.Limit); err != nil {
		return s, fmt.Errorf("%q is not a level and a limit: %w", text, err)
	}
	if copy(s.Level[:], level) < len(level) {
		return s, fmt.Errorf("%q is longer than %d bytes", level, len(s.Level))
	}
	return s, nil
}

// show prints the settings, and again when they change. A program that only wants to know them now and then calls
// Latest where it needs them, and no Next.
func show(ctx context.Context) error {
	r, err := flow.OpenReader[settings](ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	var buffer [1]settings
	m, _, err := r.Latest(buffer[:]) // empty when nothing was ever written
	for ; err == nil; m, _, err = r.Next(ctx, m) {
		if len(m) > 0 {
			fmt.Printf("level %s, limit %d\n", text(m[0].Level[:]), m[0].Limit)
		}
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		fmt.Println("nobody keeps them any more:", err)
		return nil
	}
	return err
}

// text is a text without the zeros behind it.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
