package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
)

// hostileType is a structure whose names do what a name can: they stand in the head of a section, which others write.
const hostileType = "{evil\x1bp;p\a\u009b35m\u202e\u200b\u2028\u0085\x7f\r\nforged:u32@0 b:u32@4} 8/4"

// flowUses is the verbs for rings and feeds, with a ring and a feed of bytes, and of a hostile structure, that this
// process has, and in which there are hostile messages.
func flowUses(t *testing.T) map[string][]use {
	sendHostile(t)
	bytesRing, values := hostile+" bytes ring", hostile+" values ring"
	bytesFeed, valuesFeed := hostile+" bytes feed", hostile+" values feed"
	told := func(args ...string) use { return use{args: args, tells: true} }
	absent, wrong := told(hostile+" absent", "--wait", "1ms"), told(hostile)
	twice, lines := hostileBytes+hostileBytes, hostileBytes+"\n"+hostileBytes+"\n"
	return map[string][]use{
		"ring read": {
			{args: []string{bytesRing, "--peek"}, tells: true, exactly: twice, ownLines: true, noJSON: true},
			{args: []string{"--json", bytesRing, "--peek"}, noJSON: true},
			{args: []string{bytesRing, "--peek", "--as", "text"}, tells: true, exactly: lines, ownLines: true, noJSON: true},
			{args: []string{bytesRing, "--peek", "--as", "hex"}, noJSON: true},
			{args: []string{values, "--peek"}, noJSON: true},
			{args: []string{values, "--peek", "--as", "json"}, noJSON: true},
			{args: []string{hostile + " new", "--type", hostile}, tells: true},
			{args: []string{bytesRing}, tells: true},
			{args: []string{hostile + " absent", "--peek"}, tells: true},
			wrong,
		},
		"ring write": {
			absent, wrong,
			{args: []string{values, "--no-wait"}, input: "x", tells: true},
			{args: []string{values, "--no-wait"}, input: "{\"" + hostile[:4] + "\":1}"},
		},
		"ring stat": {
			told(bytesRing), told(bytesRing, "--last", "9"), told(values, "--last", "9"), told(hostile + " absent"), wrong,
		},
		"feed read": {
			{args: []string{bytesFeed, "--latest"}, tells: true, exactly: hostileBytes, ownLines: true, noJSON: true},
			{args: []string{"--json", bytesFeed, "--latest"}, noJSON: true},
			{args: []string{bytesFeed, "--no-wait", "--as", "hex"}, noJSON: true},
			{args: []string{valuesFeed, "--no-wait"}},
			absent, wrong,
		},
		"feed write": {told(bytesFeed), told(hostile+" new", "--type", hostile), wrong},
		"feed stat":  {told(bytesFeed, "--last", "2"), told(valuesFeed, "--last", "2"), wrong},
	}
}

// sendHostile makes a ring and a feed of bytes, and of a hostile structure, and puts hostile messages into them.
func sendHostile(t *testing.T) {
	ctx := context.Background()
	usual := inside.Choices{Spec: kernel.Spec{Protection: kernel.PageReadWrite}}
	for name, text := range map[string]string{hostile + " bytes": plainBytes, hostile + " values": hostileType} {
		s, err := conduit.ParseStructure(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := conduit.NewReceiver(name+" ring", s, conduit.Ring{}, usual)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		sender, err := conduit.OpenSender(ctx, name+" ring", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sender.Close() })
		w, err := conduit.NewWriter(name+" feed", s, conduit.Feed{Most: 4096}, usual)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		message := []byte(hostileBytes)
		message = message[:len(message)/s.Size*s.Size]
		for range 3 {
			m, err := sender.Claim(ctx, len(message)/s.Size)
			if err != nil {
				t.Fatal(err)
			}
			copy(m, message)
			sender.Commit()
			if err := w.Write(message); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Next(ctx); err != nil {
			t.Fatal(err)
		}
		r.Done()
	}
}

// TestHostileFlow prints what the library tells of a ring or feed with hostile text in every field.
func TestHostileFlow(t *testing.T) {
	info := poisoned[inspect.Info]()
	info.Kind = inspect.KindSection
	feed := *info.Flow
	feed.Kind = "feed"
	for name, print := range map[string]func(a *app) error{
		"stat": func(a *app) error { return a.tellAll(&info) },
		"ls":   func(a *app) error { return (&lsCmd{}).print(a, []inspect.Info{info}) },
		"flow": func(a *app) error {
			var lines table
			for _, f := range []*flow.Info{info.Flow, &feed} {
				if a.asJSON {
					if err := a.json(f); err != nil {
						return err
					}
				}
				addFlow(&lines, f)
				lines.add(flowText(f), hostile)
			}
			return lines.print(a.stdout, 0)
		},
		"error": func(a *app) error {
			a.fail(flowError("read", hostile, &namedshm.Error{Op: "read", Name: hostile, Code: namedshm.ErrBusy}))
			return nil
		},
	} {
		for _, asJSON := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, asJSON), func(t *testing.T) {
				for _, onTerminal := range []bool{false, true} {
					wantText(t, fmt.Sprintf("on a terminal %v", onTerminal), printed(t, onTerminal, asJSON, print), onTerminal, false)
				}
			})
		}
	}
}
