package main

import "sync/atomic"

// The section's layout, which cpp/frames.cpp has too. The name says its version and the size of the pictures: whoever
// changes the layout changes the name, and old and new programs do not meet.
const (
	width, height = 64, 32
	name          = `Local\Frames v1 64x32`
)

type frame struct {
	number uint64 // from 1
	pixels [height][width]byte
}

// shared is what camera and viewer have in common: three frames, and one word that says which side owns each. The
// camera fills the back one and swaps it with the middle one; the viewer swaps the middle one with the front one, and
// looks at that as long as it likes. So neither ever waits for the other, and no frame is written while it is looked
// at.
//
// A swap is one compare-and-swap. A process killed with -9 at any point leaves a correct word, and the next process in
// its place continues with it.
type shared struct {
	word   atomic.Uint32
	_      [60]byte // the word has a cache line of its own
	frames [3]frame
}

const sharedSize = 64 + 3*(8+width*height)

// The word: the numbers of the three frames, and whether the middle one is fresh. A new section is all zero, which is
// not such a word.
const (
	backShift, middleShift, frontShift = 0, 2, 4

	fresh   = 1 << 6
	initial = 0<<backShift | 1<<middleShift | 2<<frontShift
)

// setUp makes the first word, if nobody has.
func (s *shared) setUp() { s.word.CompareAndSwap(0, initial) }

// back is the frame that the camera fills.
func (s *shared) back() *frame { return &s.frames[s.word.Load()>>backShift&3] }

// publish gives the back frame to the viewer.
func (s *shared) publish() { s.swap(backShift, fresh) }

// take is the newest frame, and whether it is another one than before. It is the viewer's until it takes again.
func (s *shared) take() (front *frame, isNew bool) {
	isNew = s.word.Load()&fresh != 0
	if isNew {
		s.swap(frontShift, 0)
	}
	return &s.frames[s.word.Load()>>frontShift&3], isNew
}

// swap exchanges the middle frame with another, and marks it.
func (s *shared) swap(shift int, mark uint32) {
	for {
		old := s.word.Load()
		middle, mine := old>>middleShift&3, old>>shift&3
		others := old &^ (fresh | 3<<middleShift | 3<<shift)
		if s.word.CompareAndSwap(old, others|mine<<middleShift|middle<<shift|mark) {
			return
		}
	}
}

// newest is the highest number there is: a camera continues where the last one stopped.
func (s *shared) newest() uint64 {
	return max(s.frames[0].number, s.frames[1].number, s.frames[2].number)
}
