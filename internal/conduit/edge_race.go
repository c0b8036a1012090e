//go:build race

package conduit

import (
	"sync"
	"sync/atomic"
)

// edge tells the race detector what it cannot see. It knows nothing of memory that is not Go's, so that of two
// goroutines, of which one hands something over to the other by a message (the index of an object, say), it believes
// that nothing orders them. One word for each name, in Go's memory, is written before a message is made visible and
// read before it is returned.
type edge struct{ word *atomic.Uint64 }

// edges are the words, by name. There are as many as there were names.
var edges sync.Map

// newEdge is that of a name; the empty one is of memory that the detector can see.
func newEdge(name string) edge {
	if name == "" {
		return edge{}
	}
	word, _ := edges.LoadOrStore(name, new(atomic.Uint64))
	return edge{word.(*atomic.Uint64)}
}

func (e edge) release() {
	if e.word != nil {
		e.word.Add(1)
	}
}

func (e edge) acquire() {
	if e.word != nil {
		e.word.Load()
	}
}
