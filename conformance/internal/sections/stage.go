//go:build linux

package sections

import (
	"context"
	"fmt"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

// Stage is what an actor holds. Sections and views stand at the numbers that were answered; nothing stands at 0.
type Stage[Q, A any] struct {
	Sections []*namedshm.Section
	Views    []*namedshm.View
}

// NewStage is one with nothing on it.
func NewStage[Q, A any]() *Stage[Q, A] {
	return &Stage[Q, A]{[]*namedshm.Section{nil}, []*namedshm.View{nil}}
}

// Perform does one command. The suite has done its own.
func (s *Stage[Q, A]) Perform(r Request[Q]) (answer Reply[A], err error) {
	switch r.Op {
	case "create", "openorcreate", "open", "waitopen", "close":
		return s.handle(r)
	case "map", "unmap", "read", "write", "fill":
		return s.view(r)
	case "stat":
		info, err := inspect.Stat(r.Name)
		return Reply[A]{Number: int64(info.Handles), Text: fmt.Sprint(info.Resident)}, err
	case "list":
		found, err := inspect.List(r.Space)
		for _, i := range found {
			answer.List = append(answer.List, i.Name)
		}
		return answer, err
	case "bury":
		found, err := upkeep.Sweep(r.Space)
		for _, b := range found {
			answer.List = append(answer.List, fmt.Sprintf("%s: %s (%v) %s", b.Name, b.What, b.Swept, b.Reason))
		}
		return answer, err
	case "setup":
		if r.Marked {
			actors.BeginMark()
			defer actors.EndMark()
		}
		done, err := upkeep.SetupGlobal(r.Group)
		return Reply[A]{Text: done.Warning}, err
	}
	return answer, fmt.Errorf("unknown command %q", r.Op)
}

// handle does the commands that make and close handles.
func (s *Stage[Q, A]) handle(r Request[Q]) (answer Reply[A], err error) {
	var section *namedshm.Section
	if r.Size == 0 {
		r.Size = 4096
	}
	options := r.options()
	ctx, cancel := context.WithTimeout(context.Background(), actors.Prompt)
	defer cancel()
	if r.Marked {
		actors.BeginMark()
	}
	switch r.Op {
	case "create":
		section, err = namedshm.Create(r.Name, r.Size, r.access(), options...)
		answer.Created = err == nil
	case "openorcreate":
		section, answer.Created, err = namedshm.OpenOrCreate(r.Name, r.Size, r.access(), options...)
	case "open":
		section, err = namedshm.Open(r.Name, r.access())
	case "waitopen":
		section, err = namedshm.WaitOpen(ctx, r.Name, r.access())
	case "close":
		err = s.Sections[r.Handle].Close()
	}
	if r.Marked {
		actors.EndMark()
	}
	if section != nil {
		s.Sections = append(s.Sections, section)
		answer.Handle = len(s.Sections) - 1
	}
	return answer, err
}

// view does the commands that make, use and close views.
func (s *Stage[Q, A]) view(r Request[Q]) (answer Reply[A], err error) {
	if r.Op == "map" {
		v, err := s.Sections[r.Handle].Map(r.Offset, r.Length, r.access())
		if err != nil {
			return answer, err
		}
		s.Views = append(s.Views, v)
		return Reply[A]{Handle: len(s.Views) - 1}, nil
	}
	v := s.Views[r.Handle]
	switch r.Op {
	case "unmap":
		return answer, v.Close()
	case "read":
		b := make([]byte, r.Number)
		_, err := v.ReadAt(b, r.Offset)
		return Reply[A]{Text: string(b)}, err
	case "write":
		_, err := v.WriteAt([]byte(r.Text), r.Offset)
		return answer, err
	}
	for b := v.Bytes(); len(b) > 0; b = b[min(len(b), 4096):] {
		b[0] = 1
	}
	return answer, nil
}
