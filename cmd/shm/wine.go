package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/wine"
)

// wineCmd is the verbs for sections of Windows programs that run under Wine or Proton.
type wineCmd struct {
	Ls      wineLsCmd      `cmd:"" help:"List the prefixes that run, and their named sections."`
	Attach  wineAttachCmd  `cmd:"" help:"Show what is in a Windows program's section, or write into it."`
	Publish winePublishCmd `cmd:"" help:"Give a native section a Windows name."`
	Link    wineLinkCmd    `cmd:"" help:"Give a Windows program's section a native name, or a file in /dev/shm."`
}

// prefixFlag chooses a prefix.
type prefixFlag struct {
	Prefix string `placeholder:"P" help:"The prefix: its directory (WINEPREFIX), or Steam's number of the application."`
}

// prefixHelp is what the help of these verbs says of it.
const prefixHelp = `Without --prefix it is the one that runs and has the name. It must be this user's.`

// untilSignalled is a context that ends with SIGINT or SIGTERM.
func untilSignalled() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// find is the one prefix that is meant: the only one that runs, or the only one that has the name.
func (f *prefixFlag) find(ctx context.Context, name string) (*wine.Prefix, error) {
	running, err := wine.Prefixes()
	if err != nil || f.Prefix != "" || len(running) < 2 {
		if err == nil {
			return wine.Find(f.Prefix)
		}
		return nil, err
	}
	parsed := fullName(name)
	var found []wine.Prefix
	for _, p := range running {
		sections, err := p.Sections(ctx)
		if err != nil {
			continue // it may just be ending
		}
		for _, s := range sections {
			if s.Name == parsed {
				found = append(found, p)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, &namedshm.Error{Op: "open", Name: name, Code: namedshm.ErrFileNotFound, Cause: fmt.Errorf("in none of %d prefixes", len(running))}
	case 1:
		return &found[0], nil
	}
	return nil, fmt.Errorf("%s: both %s and %s have it; choose with --prefix", printable(name, ""), found[0].Path, found[1].Path)
}

// fullName is a name with its prefix.
func fullName(name string) string {
	for _, n := range []namedshm.Namespace{namedshm.LocalNamespace, namedshm.GlobalNamespace} {
		if strings.HasPrefix(name, n.String()) {
			return name
		}
	}
	return namedshm.LocalNamespace.String() + name
}

// happened tells an event of a prefix on standard error, beside what is shown.
func (a *app) happened(name string, e wine.Event) {
	name = printable(name, "")
	switch e.Kind {
	case wine.Attached:
		fmt.Fprintf(a.stderr, "shm: %s: attached in %s, %s\n", name, e.Prefix, plural(e.Section.Size(), "byte"))
	case wine.Replaced:
		fmt.Fprintf(a.stderr, "shm: %s: a new section has the name in %s; attached, %s\n", name, e.Prefix, plural(e.Section.Size(), "byte"))
	case wine.Gone:
		fmt.Fprintf(a.stderr, "shm: %s: gone from %s: %s\n", name, e.Prefix, e.Reason)
	case wine.Published:
		fmt.Fprintf(a.stderr, "shm: %s: published in %s\n", name, e.Prefix)
	case wine.Taken:
		fmt.Fprintf(a.stderr, "shm: %s: a Windows program in %s has it; it is published when that lets go\n", name, e.Prefix)
	}
}

// quiet is how long nothing may happen before it is told what is waited for. To find out that a section exists takes less.
const quiet = 300 * time.Millisecond

// tellMissing tells which prefix is waited for, if it is one, and gives those that may be meant.
func (a *app) tellMissing(name, prefix string) []wine.Prefix {
	running, err := wine.Prefixes()
	if prefix != "" {
		running = nil
		if p, found := wine.Find(prefix); found == nil {
			running = []wine.Prefix{*p}
		}
	}
	switch {
	case err != nil || len(running) > 0:
	case prefix != "":
		fmt.Fprintf(a.stderr, "shm: %s: %s does not run; waiting for it\n", printable(name, ""), printable(prefix, ""))
	default:
		fmt.Fprintf(a.stderr, "shm: %s: no prefix runs; waiting for one\n", printable(name, ""))
	}
	return running
}

// tellAbsent is tellMissing for a section that a Windows program is to make.
func (a *app) tellAbsent(name, prefix string) {
	running := a.tellMissing(name, prefix)
	where := fmt.Sprintf("%d prefixes", len(running))
	switch len(running) {
	case 0:
		return
	case 1:
		where = running[0].Path
	}
	fmt.Fprintf(a.stderr, "shm: %s: no Windows program in %s has it; waiting for one\n", printable(name, ""), where)
}

// happening is an event as --json prints it.
type happening struct {
	Event  wine.EventKind `json:"event"`
	Name   string         `json:"name"`
	Prefix string         `json:"prefix,omitempty"`
	Size   int64          `json:"size,omitempty"`
	Inode  uint64         `json:"inode,omitempty"`
	Reason string         `json:"reason,omitempty"`
}

func (a *app) happening(name string, e wine.Event) error {
	h := happening{Event: e.Kind, Name: name, Prefix: e.Prefix, Reason: e.Reason}
	if e.Section != nil {
		h.Size, h.Inode = e.Section.Size(), e.Section.Inode
	}
	return a.json(h)
}
