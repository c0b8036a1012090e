package inspect

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/namedshm/namedshm/wine"
)

// Wine checks what package wine can reach from here: the running prefixes, and whether a container stands between them
// and this process. It enters none of them and changes nothing. On systems where package wine does not work it returns
// nothing.
func Wine() []Check {
	running, err := wine.Prefixes()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return []Check{{Topic: "Wine", Status: Warning, Detail: err.Error(), Advice: "prefixes are found by reading /proc"}}
	}
	checks := []Check{{Topic: "Wine", Status: OK,
		Detail: fmt.Sprintf("%d prefixes of this user are running", len(running))}}
	if where := sandbox(); where != "" {
		checks = append(checks, Check{
			Topic: "Wine", Status: Warning, Detail: "this process is inside " + where,
			Advice: "it can reach only prefixes in there: run it outside, or in the same container as the Windows program",
		})
	}
	for i := range running {
		checks = append(checks, prefixCheck(&running[i]))
	}
	return checks
}

// sandbox is the container that this process is in, of those that games are run in.
func sandbox() string {
	if _, err := os.Stat("/.flatpak-info"); err == nil {
		return "a Flatpak's sandbox"
	}
	if _, err := os.Stat("/run/pressure-vessel"); err == nil {
		return "Steam's container (pressure-vessel)"
	}
	return ""
}

// prefixCheck is whether a prefix can be entered. Differences are reported as they are; whether they get in the way
// shows only in a try.
func prefixCheck(p *wine.Prefix) Check {
	c := Check{Topic: "prefix " + p.String(), Status: OK, Detail: fmt.Sprintf("%s, wineserver %d", p.Flavor, p.Server)}
	apart := p.OtherNamespaces()
	if len(apart) > 0 {
		c.Detail += "; not in the same namespaces as this process: " + strings.Join(apart, ", ")
	}
	refused := p.Check()
	switch {
	case errors.Is(refused, wine.ErrEnded):
		c.Detail += "; it has just ended"
	case p.Loader == "":
		c.Status, c.Detail = Warning, c.Detail+"; its wine program cannot be found from here"
		c.Advice = "run shm where the Windows program runs: in a Flatpak's sandbox with 'flatpak enter', in Steam's " +
			"container as docs/wine.md says"
	case refused != nil:
		c.Status, c.Detail = Warning, c.Detail+"; "+refused.Error()
	case len(apart) > 0:
		c.Status, c.Advice = Warning, "it can be entered if "+p.Loader+
			" can run here too and the directory for temporary files is the same; try 'shm wine ls'"
	}
	return c
}
