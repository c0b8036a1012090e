package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// wineCmd is the verbs for sections of Windows programs that run under Wine or Proton.
type wineCmd struct {
	Ls      wineLsCmd      `cmd:"" help:"List the running prefixes and their named sections."`
	Attach  wineAttachCmd  `cmd:"" help:"Show a Windows program's section, or write into it."`
	Publish winePublishCmd `cmd:"" help:"Give a native section a Windows name."`
	Link    wineLinkCmd    `cmd:"" help:"Give a Windows program's section a native name, or a file in /dev/shm."`
}

// prefixFlag chooses a prefix.
type prefixFlag struct {
	Prefix string `placeholder:"P" help:"The prefix: its directory (WINEPREFIX), or its Steam application number."`
}

// prefixHelp is what the help of these verbs says of it.
const prefixHelp = `Without --prefix, the running prefix that has the name is used. It must belong to this user.`

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
		return nil, &namedshm.Error{Op: "open", Name: name, Code: namedshm.ErrFileNotFound,
			Cause: fmt.Errorf("not in any of %d prefixes", len(running))}
	case 1:
		return &found[0], nil
	}
	return nil, fmt.Errorf("%s: both %s and %s have it; choose one with --prefix", plain.Name(name), found[0].Path,
		found[1].Path)
}

// happened reports an event of a prefix on standard error, beside what is shown.
func (a *app) happened(name string, e wine.Change) {
	name = plain.Name(name)
	switch e.Kind {
	case wine.Attached:
		a.note("%s: attached in %s, %s", name, e.Prefix, plural(e.Attachment.Section.Size(), "byte"))
	case wine.Replaced:
		a.note("%s: a new section has the name in %s; attached, %s", name, e.Prefix,
			plural(e.Attachment.Section.Size(), "byte"))
	case wine.Gone:
		a.note("%s: gone from %s: %s", name, e.Prefix, e.Reason)
	case wine.Published:
		a.note("%s: published in %s", name, e.Prefix)
	case wine.Taken:
		a.note("%s: a Windows program in %s has the name; it will be published when that program releases it", name, e.Prefix)
	}
}

// quiet is how long nothing may happen before the command says what it is waiting for. To find out that a section
// exists takes less.
const quiet = 300 * time.Millisecond

// tellMissing reports which prefix is waited for, if it is one, and returns those that may be meant.
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
		a.note("%s: %s is not running; waiting for it", plain.Name(name), plain.Name(prefix))
	default:
		a.note("%s: no prefix is running; waiting for one", plain.Name(name))
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
	a.note("%s: no Windows program in %s has it; waiting for one", plain.Name(name), where)
}

// happening is an event as --json prints it.
type happening struct {
	Event  wine.ChangeKind `json:"event"`
	Name   string          `json:"name"`
	Prefix string          `json:"prefix,omitempty"`
	Size   int64           `json:"size,omitempty"`
	Inode  uint64          `json:"inode,omitempty"`
	Reason wine.Reason     `json:"reason,omitempty"`
}

func (a *app) happening(name string, e wine.Change) error {
	h := happening{Event: e.Kind, Name: fullName(name), Prefix: e.Prefix, Reason: e.Reason}
	if e.Attachment != nil {
		h.Size, h.Inode = e.Attachment.Section.Size(), e.Attachment.Inode
	}
	return a.json(h)
}
