package kernel

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// seatedSpec is what a creator asks for whose section has seats, and this content.
func seatedSpec(content string) Spec {
	return Spec{Size: 8192, Protection: PageReadWrite, Seats: true, Prepare: func(memory []byte) error {
		copy(memory, content)
		return nil
	}}
}

// TestSeatedSections: each handle that may write has a seat of its own as long as it is open; others see it, and see
// it go. The content is there before the name, and only its maker writes it.
func TestSeatedSections(t *testing.T) {
	globalRoot(t)
	for _, name := range []string{"Seated", `Global\Seated`} {
		t.Run(name, func(t *testing.T) {
			descriptors := settledDescriptors(t, name)
			made, existed, err := CreateSection(context.Background(), name, seatedSpec("first"), Read|Write, MayExist)
			if err != nil || existed {
				t.Fatal(existed, err)
			}
			second, existed, err := CreateSection(context.Background(), name, seatedSpec("second"), Read|Write, MayExist)
			if err != nil || !existed {
				t.Fatal(existed, err)
			}
			reader, err := OpenSeatedSection(context.Background(), name, Read, Stand)
			if err != nil {
				t.Fatal(err)
			}
			v, err := reader.Map(0, 0, Read)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(v.Bytes()[:6]); got != "first\x00" {
				t.Errorf("the content is %q", got)
			}
			v.Close()
			a, b := made.Seat(), second.Seat()
			if a == 0 || b == 0 || a == b || reader.Seat() != 0 {
				t.Errorf("seats %d, %d and %d", a, b, reader.Seat())
			}
			for _, s := range []*Section{made, second, reader} {
				if !s.SeatsSeen() || !s.SeatTaken(a) && s.Seat() != a || !s.SeatTaken(b) && s.Seat() != b || s.SeatTaken(a^b) ||
					s.SeatLost() {
					t.Errorf("the handle with seat %d sees %v %v %v, lost %v", s.Seat(), s.SeatTaken(a), s.SeatTaken(b),
						s.SeatTaken(a^b), s.SeatLost())
				}
			}
			made.Close()
			if second.SeatTaken(a) || reader.SeatTaken(a) || !reader.SeatTaken(b) {
				t.Error("a seat outlives its handle, or another goes with it")
			}
			second.Close()
			reader.Close()
			nothingLeft(t, descriptors)
		})
	}
}

// TestPrepareThatFails: the section is not made, and nothing is left of it.
func TestPrepareThatFails(t *testing.T) {
	globalRoot(t)
	for _, name := range []string{"Seated", `Global\Seated`} {
		descriptors := settledDescriptors(t, name)
		spec, wrong := seatedSpec(""), errors.New("it cannot be written")
		spec.Prepare = func([]byte) error { return wrong }
		if _, _, err := CreateSection(context.Background(), name, spec, Read|Write, MayExist); !errors.Is(err, wrong) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := OpenSection(context.Background(), name, Read); fault.CodeOf(err) != fault.FileNotFound {
			t.Errorf("%s: %v", name, err)
		}
		nothingLeft(t, descriptors)
	}
}

// TestSectionsWithoutSeats give none to those who ask.
func TestSectionsWithoutSeats(t *testing.T) {
	globalRoot(t)
	for _, name := range []string{"Plain", `Global\Plain`} {
		made, _, err := CreateSection(context.Background(), name, Spec{Size: 1, Protection: PageReadWrite}, Read|Write,
			MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenSeatedSection(context.Background(), name, Read|Write, SitDown)
		if err != nil {
			t.Fatal(err)
		}
		if s.Seat() != 0 || s.SeatsSeen() || made.Seat() != 0 {
			t.Errorf("%s: seat %d", name, s.Seat())
		}
		s.Close()
		made.Close()
	}
}

// settledDescriptors is how many are open when what stays open has been opened.
func settledDescriptors(t *testing.T, name string) int {
	t.Helper()
	s, _, err := CreateSection(context.Background(), name, seatedSpec(""), Read|Write, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return openDescriptors(t)
}

// nothingLeft: no file of names and seats, and no descriptor more than before.
func nothingLeft(t *testing.T, descriptors int) {
	t.Helper()
	for _, pattern := range []string{"[^.]*", ".seats-*"} {
		if left, _ := filepath.Glob(filepath.Join(root(), "namedshm-*", pattern)); len(left) != 0 {
			t.Errorf("left: %q", left)
		}
	}
	if got := openDescriptors(t); got > descriptors+1 { // the directory's stays open
		t.Errorf("%d descriptors, before there were %d", got, descriptors)
	}
}
