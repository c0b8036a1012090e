package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/namedshm/namedshm"
)

// demoProcessCmd is one of the demo's two processes. It reads verbs from standard input, does what they say and
// answers each with a step in JSON; at the end of input it ends.
type demoProcessCmd struct {
	Role string `arg:"" enum:"first,second"`
	Name string `arg:""`
}

// Run does what its parent says.
func (c *demoProcessCmd) Run(a *app) error {
	p := &demoProcess{role: c.Role, name: c.Name}
	acts := map[string]func() (step, error){
		"create": p.create, "open": p.open, "map": p.mapView, "write": p.write, "read": p.read,
		"unmap": p.unmap, "close": p.closeHandle,
		"create event": p.createEvent, "open event": p.openEvent, "set": p.set, "wait": p.wait, "close event": p.closeEvent,
	}
	verbs := bufio.NewScanner(a.stdin)
	for verbs.Scan() {
		act := acts[verbs.Text()]
		if act == nil {
			return usageError{fmt.Errorf("no act %q", verbs.Text())}
		}
		s, err := act()
		s.Process, s.PID = c.Role, os.Getpid()
		if err != nil {
			s.Error = err.Error()
		}
		if err := a.json(s); err != nil {
			return err
		}
	}
	return verbs.Err()
}

// demoProcess is what such a process has in hand.
type demoProcess struct {
	role, name string
	section    *namedshm.Section
	view       *namedshm.View
	event      *namedshm.Event
}

func (p *demoProcess) create() (s step, err error) {
	s.Go = fmt.Sprintf("s, err := namedshm.Create(`%s`, %d, namedshm.ReadWrite)", p.name, demoSize)
	s.Win32 = fmt.Sprintf("CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, %d, %s)", demoSize,
		cString(p.name))
	if p.section, err = namedshm.Create(p.name, demoSize, namedshm.ReadWrite); err != nil {
		return s, err
	}
	s.Result = fmt.Sprintf("a section of %d bytes (%d rounded up to whole pages), all zero", p.section.Size(), demoSize)
	return s, nil
}

func (p *demoProcess) open() (s step, err error) {
	s.Go = fmt.Sprintf("s, err := namedshm.Open(`%s`, namedshm.Read)", p.name)
	s.Win32 = fmt.Sprintf("OpenFileMapping(FILE_MAP_READ, FALSE, %s)", cString(p.name))
	if p.section, err = namedshm.Open(p.name, namedshm.Read); err != nil {
		return s, err
	}
	s.Result = fmt.Sprintf("the same section of %d bytes", p.section.Size())
	return s, nil
}

func (p *demoProcess) mapView() (s step, err error) {
	access, right := namedshm.Read, "FILE_MAP_READ"
	s.Go = "v, err := s.Map(0, 0, namedshm.Read)"
	if p.role == "first" {
		access, right = namedshm.ReadWrite, "FILE_MAP_READ | FILE_MAP_WRITE"
		s.Go = "v, err := s.Map(0, 0, namedshm.ReadWrite)"
	}
	s.Win32 = fmt.Sprintf("MapViewOfFile(mapping, %s, 0, 0, 0)", right)
	if p.view, err = p.section.Map(0, 0, access); err != nil {
		return s, err
	}
	s.Result = fmt.Sprintf("a view of all %d bytes", p.view.Len())
	return s, nil
}

func (p *demoProcess) write() (s step, err error) {
	s.Go = fmt.Sprintf("v.WriteAt([]byte(%q), 0)", demoMessage)
	s.Win32 = fmt.Sprintf("CopyMemory(view, %q, %d)", demoMessage, len(demoMessage))
	n, err := p.view.WriteAt([]byte(demoMessage), 0)
	s.Result = plural(int64(n), "byte") + " written"
	return s, err
}

func (p *demoProcess) read() (s step, err error) {
	s.Go = "v.ReadAt(b, 0)"
	s.Win32 = "CopyMemory(b, view, 256)"
	b := make([]byte, demoSize)
	if _, err := p.view.ReadAt(b, 0); err != nil {
		return s, err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	s.Result = strings.ToValidUTF8(string(text), "?")
	if s.Result != demoMessage {
		return s, fmt.Errorf("demo: the second process read %q", s.Result)
	}
	return s, nil
}

func (p *demoProcess) unmap() (step, error) {
	return step{Go: "v.Close()", Win32: "UnmapViewOfFile(view)", Result: "the view is gone"}, p.view.Close()
}

func (p *demoProcess) closeHandle() (step, error) {
	return step{Go: "s.Close()", Win32: "CloseHandle(mapping)", Result: "the handle is closed"}, p.section.Close()
}

func (p *demoProcess) createEvent() (s step, err error) {
	name := eventOf(p.name)
	s.Go = fmt.Sprintf("e, err := namedshm.CreateEvent(`%s`, namedshm.ManualReset, false)", name)
	s.Win32 = fmt.Sprintf("CreateEvent(NULL, TRUE, FALSE, %s)", cString(name))
	s.Result = "an event that is not set"
	p.event, err = namedshm.CreateEvent(name, namedshm.ManualReset, false)
	return s, err
}

func (p *demoProcess) openEvent() (s step, err error) {
	name := eventOf(p.name)
	s.Go = fmt.Sprintf("e, err := namedshm.OpenEvent(`%s`, namedshm.Synchronize)", name)
	s.Win32 = fmt.Sprintf("OpenEvent(SYNCHRONIZE, FALSE, %s)", cString(name))
	s.Result = "the same event"
	p.event, err = namedshm.OpenEvent(name, namedshm.Synchronize)
	return s, err
}

func (p *demoProcess) set() (step, error) {
	return step{Go: "e.Set()", Win32: "SetEvent(event)", Result: "the event is set"}, p.event.Set()
}

func (p *demoProcess) wait() (step, error) {
	ctx, cancel := context.WithTimeout(context.Background(), demoTime)
	defer cancel()
	return step{Go: "e.Wait(ctx)", Win32: "WaitForSingleObject(event, INFINITE)", Result: "the event was set"},
		p.event.Wait(ctx)
}

func (p *demoProcess) closeEvent() (step, error) {
	return step{Go: "e.Close()", Win32: "CloseHandle(event)", Result: "the handle is closed"}, p.event.Close()
}
