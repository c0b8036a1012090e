//go:build linux

package sections

import (
	"fmt"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// Request is one command to an actor: a line of JSON. Own is what only the commands of one suite need.
type Request[Own any] struct {
	Op     string
	Name   string             `json:",omitempty"`
	Size   int64              `json:",omitempty"` // 0 means a page
	Access uint32             `json:",omitempty"` // 0 means read and write
	Share  string             `json:",omitempty"` // "", "read", "write": with Group, else with everybody
	Group  string             `json:",omitempty"`
	Sealed bool               `json:",omitempty"` // a new section is for reading alone
	Sparse bool               `json:",omitempty"` // its pages are not reserved
	Now    bool               `json:",omitempty"` // all of its pages are there at once
	Space  namedshm.Namespace `json:",omitempty"`
	Handle int                `json:",omitempty"` // which handle or view; numbers as they were answered
	Offset int64              `json:",omitempty"`
	Length int64              `json:",omitempty"` // 0 means to the end
	Text   string             `json:",omitempty"`
	Number int64              `json:",omitempty"`
	// Marked puts marks around the library's system calls that a tracer finds.
	Marked bool `json:",omitempty"`
	Own    Own  `json:",omitzero"`
}

// String is what a test calls the command when it complains.
func (r Request[Own]) String() string { return r.Op + " " + r.Name }

// options are a creator's choices.
func (r *Request[Own]) options() (options []namedshm.SectionOption) {
	access := namedshm.Read
	if r.Share == "write" {
		access = namedshm.ReadWrite
	}
	switch {
	case r.Share == "":
	case r.Group != "":
		options = append(options, namedshm.ShareAccess(namedshm.Group(r.Group), access))
	default:
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), access))
	}
	if r.Sealed {
		options = append(options, namedshm.WithProtection(namedshm.PageReadOnly))
	}
	if r.Sparse {
		options = append(options, namedshm.NoCommit())
	}
	if r.Now {
		options = append(options, namedshm.CommitNow())
	}
	return options
}

func (r *Request[Own]) access() namedshm.Access {
	if r.Access == 0 {
		return namedshm.ReadWrite
	}
	return namedshm.Access(r.Access)
}

// Reply is an actor's answer: a line of JSON.
type Reply[Own any] struct {
	actors.Failure
	Handle  int      `json:",omitempty"`
	Created bool     `json:",omitempty"`
	Number  int64    `json:",omitempty"`
	Text    string   `json:",omitempty"`
	List    []string `json:",omitempty"`
	Own     Own      `json:",omitzero"`
}

// String is what a test calls the answer when it complains.
func (r Reply[Own]) String() string {
	if r.Error != "" {
		return r.Error
	}
	return fmt.Sprintf("success (handle %d, created %v, number %d, text %q, list %q, own %+v)", r.Handle, r.Created,
		r.Number, r.Text, r.List, r.Own)
}

// Actor is an actor for these commands. Q and A are what its suite adds to requests and replies.
type Actor[Q, A any] = actors.Actor[Request[Q], Reply[A]]

// NothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func NothingLeft[Q, A any](w *actors.World, by *Actor[Q, A]) {
	by.T.Helper()
	w.NothingLeft(by.T, actors.OnFileBacking(), func() {
		by.T.Helper()
		by.Must(Request[Q]{Op: "bury", Space: namedshm.Local})
		by.Must(Request[Q]{Op: "bury", Space: namedshm.Global})
	})
}
