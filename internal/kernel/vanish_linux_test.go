package kernel

import (
	"context"
	"os"
	"strings"
	"testing"
)

// removing is a backing under which the directory vanishes each time new memory was made, as often as it says.
type removing struct {
	backing
	times int
	after bool // the memory was made, else before
}

func (r *removing) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if !r.after {
		r.remove(p)
	}
	m, err := r.backing.create(p, spec, access, h)
	if r.after {
		r.remove(p)
	}
	return m, err
}

func (r *removing) remove(p *place) {
	if r.times > 0 {
		r.times--
		os.RemoveAll(p.dir)
	}
}

// TestTheDirectoryVanishes: whoever creates never hears that the name is not found, wherever in the middle of it the
// directory is removed. It is made again; and if that does not help, the error says what is wrong.
func TestTheDirectoryVanishes(t *testing.T) {
	for _, n := range []Namespace{Local, Global} {
		for _, c := range []struct {
			name  string
			when  string
			times int
			want  Code
		}{
			{"before the memory is made", "before", 1, 0},
			{"before the entry is made", "after", 1, 0},
			{"before the entry gets its name", "prepare", 1, 0},
			{"three times", "prepare", 3, 0},
			{"again and again", "prepare", 1 << 30, Busy},
		} {
			t.Run(strings.Trim(n.String(), `\`)+" "+c.name, func(t *testing.T) {
				if n == Global {
					globalRoot(t)
				} else {
					ownRoot(t)
				}
				p, err := placeOf(n)
				if err != nil {
					t.Fatal(err)
				}
				m := &making{Spec: Spec{Size: 4096, Protection: PageReadWrite}, access: Read | Write, kind: KindSection}
				r := &removing{backing: p.backing, times: c.times, after: c.when == "after"}
				if c.when == "prepare" {
					m.prepare = func(*handle) error { r.remove(p); return nil }
				} else {
					p.backing = r
				}
				h, existed, err := createObject(context.Background(), Name{n, "Object"}, m, MustBeNew)
				if codeOf(err) != c.want || existed {
					t.Fatalf("existed: %v, %v; want %v", existed, err, c.want)
				}
				if err != nil {
					if !strings.Contains(err.Error(), p.dir) {
						t.Errorf("the error does not name the directory: %v", err)
					}
					return
				}
				defer h.close()
				opened, err := OpenSection(context.Background(), n.String()+"Object", Read)
				if err != nil {
					t.Fatalf("nobody can open what was made: %v", err)
				}
				opened.Close()
			})
		}
	}
}
