package conduit

import "github.com/namedshm/namedshm/internal/fault"

// Ends over memory of one process, for tests and models: who lives is what they say. The memory begins at a multiple
// of 8. An end that is not closed is one whose owner died, once the seats say so.

// MakeRing is the memory of a new ring.
func MakeRing(s *Structure, shape Ring) ([]byte, error) {
	h, err := ringHead(s, shape.orUsual())
	return made(h, err)
}

// MakeFeed is the memory of a new feed.
func MakeFeed(s *Structure, shape Feed) ([]byte, error) {
	h, err := feedHead(s, shape.orUsual())
	return made(h, err)
}

func made(h *head, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	memory := alignedBytes(int(h.total))
	h.write(memory)
	return memory, nil
}

// ReceiverOver is the ring's receiving end.
func ReceiverOver(memory []byte, seats Seats) (*Receiver, error) {
	r := new(Receiver)
	if err := r.lieOver(memory, seats, KindRing, r.takeEnd); err != nil {
		return nil, err
	}
	return r, nil
}

// SenderOver is a sending end.
func SenderOver(memory []byte, seats Seats) (*Sender, error) {
	s := new(Sender)
	if err := s.lieOver(memory, seats, KindRing, s.takeEnd); err != nil {
		return nil, err
	}
	return s, nil
}

// WriterOver is the feed's writing end.
func WriterOver(memory []byte, seats Seats) (*Writer, error) {
	w := new(Writer)
	if err := w.lieOver(memory, seats, KindFeed, w.takeEnd); err != nil {
		return nil, err
	}
	return w, nil
}

// ReaderOver is a reading end.
func ReaderOver(memory []byte, seats Seats) (*Reader, error) {
	r := new(Reader)
	if err := r.lieOver(memory, seats, KindFeed, r.begin); err != nil {
		return nil, err
	}
	return r, nil
}

func (e *end) lieOver(memory []byte, seats Seats, kind Kind, take func() error) error {
	e.seats = seats
	if err := e.attach(memory); err != nil {
		return err
	}
	switch {
	case e.head.kind != kind:
		return fault.BadHandle("it is a %s, not a %s", e.head.kind, kind)
	case seats.Seat() != 0 && e.stands():
		return errSeatStands
	}
	err := take()
	if err != nil {
		e.goBack()
	}
	return err
}
