//go:build linux

package namehistories

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/riot"
	"github.com/namedshm/namedshm/internal/depth"
)

func TestMain(m *testing.M) { actors.Main(m, riot.Act) }

// sections is a plan of a few names that are mostly used for sections, with events among them.
var sections = []riot.Kind{riot.Section, riot.Section, riot.Section, riot.AutoEvent}

const (
	processes  = 8
	partings   = 40
	judgeLimit = 20 * time.Second
)

// newPlan is a plan for a riot in a world of its own.
func newPlan(t *testing.T, host actors.Host, kinds []riot.Kind, space namedshm.Namespace, seed uint64) *riot.Plan {
	t.Helper()
	if space == namedshm.Global {
		actors.NeedRoot(t, "only root can make the Global directory")
	}
	w := actors.NewWorld(host)
	return &riot.Plan{World: w, Space: space, Kinds: kinds, Processes: processes,
		Duration: depth.Of(time.Second, 3*time.Second),
		Seed:     seed, Journal: filepath.Join(t.TempDir(), "journal")}
}

// judge fails the test if the history is not right.
func judge(t *testing.T, h *riot.History) {
	t.Helper()
	began := time.Now()
	problems, undecided := h.Judge(judgeLimit)
	t.Logf("judged in %v: %s", time.Since(began).Round(time.Millisecond), fmt.Sprint(h.Counts))
	for _, p := range problems {
		t.Error(p)
	}
	if undecided != nil {
		t.Errorf("not decided in %v: %q", judgeLimit, undecided)
	}
}

// TestNamespace: the names of sections are linearizable, whoever is killed and stopped meanwhile, in both namespaces.
func TestNamespace(t *testing.T) {
	for _, space := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		t.Run(strings.Trim(space.String(), `\`), func(t *testing.T) {
			p := newPlan(t, t, sections, space, actors.Seed(t))
			p.Sleeper = true
			judge(t, p.Run(t))
			t.Logf("%d buried", p.NothingLeft(t))
		})
	}
}

// TestParting: when the last two handles of a name are closed at the same moment, nothing is left.
func TestParting(t *testing.T) {
	for _, space := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		t.Run(strings.Trim(space.String(), `\`), func(t *testing.T) {
			if left := newPlan(t, t, sections, space, actors.Seed(t)).Part(t, partings); left != nil {
				t.Errorf("left in the directories: %q", left)
			}
		})
	}
}
