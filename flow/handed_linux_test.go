package flow_test

import (
	"testing"

	"github.com/namedshm/namedshm/flow"
)

// TestHandedOver: what lies in Go's memory and is handed over by a message, its index for instance, is the other
// goroutine's when the message has come. The race detector, which sees nothing of the section, must not think
// otherwise; nor when it is handed back by the room that the receiver makes.
func TestHandedOver(t *testing.T) {
	r := mustReceive[uint32](t, `Local\`+t.Name(), flow.Ring{Capacity: 4096})
	s, err := flow.OpenSender[uint32](ctx, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	w, err := flow.NewWriter[uint32](t.Name()+"Feed", flow.Feed{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	reader, err := flow.OpenReader[uint32](ctx, t.Name()+"Feed")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	objects := make([][4]int, 1000)
	go func() {
		for i := range objects[:500] {
			objects[i] = [4]int{i, i, i, i}
			if err := s.Send(ctx, uint32(i)); err != nil {
				t.Error(err)
			}
		}
		if err := s.Drain(ctx); err != nil {
			t.Error(err)
		}
		for i := range objects[:500] { // they are its own again
			objects[i][0]++
		}
		s.Close()
		for i := 500; i < len(objects); i++ {
			objects[i] = [4]int{i, i, i, i}
			w.Write(uint32(i))
		}
	}()
	for m, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if o := &objects[m[0]]; o[0] != int(m[0]) {
			t.Errorf("%d is %d", m[0], o)
		}
		objects[m[0]][3]--
	}
	for last := uint32(0); last < 999; {
		m, _, err := reader.Next(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if last = m[0]; objects[last][0] != int(last) {
			t.Errorf("%d is %d", last, objects[last])
		}
	}
}
