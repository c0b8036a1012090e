package inspect

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/namedshm/namedshm/wine"
)

// Wine looks at what package wine can reach from here: the prefixes that run, and whether a container stands between them
// and this process. It enters none of them and changes nothing. Where there is no Wine to be reached it tells nothing.
func Wine() []Check {
	running, err := wine.Prefixes()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return []Check{{Topic: "Wine", Status: Warning, Detail: err.Error(), Advice: "the prefixes are found in /proc"}}
	}
	checks := []Check{{Topic: "Wine", Status: OK, Detail: fmt.Sprintf("%d prefixes of this user run", len(running))}}
	if where := sandbox(); where != "" {
		checks = append(checks, Check{
			Topic: "Wine", Status: Warning, Detail: "this process is inside " + where,
			Advice: "it reaches only prefixes in there: run it outside, or in the same container as the Windows program",
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

// prefixCheck is whether a prefix can be entered. What differs is told as it is; whether it stands in the way shows only
// when it is tried.
func prefixCheck(p *wine.Prefix) Check {
	c := Check{Topic: "prefix " + p.String(), Status: OK, Detail: fmt.Sprintf("%s, wineserver %d", p.Kind, p.Server)}
	apart := p.Apart()
	if len(apart) > 0 {
		c.Detail += "; in other namespaces than this process: " + strings.Join(apart, ", ")
	}
	switch {
	case p.Loader == "":
		c.Status, c.Detail = Warning, c.Detail+"; its wine program cannot be found from here"
		c.Advice = "run shm where the Windows program runs: in a Flatpak's sandbox with 'flatpak enter', in Steam's container from the launch options"
	case len(apart) > 0:
		c.Status, c.Advice = Warning, "it can be entered if "+p.Loader+" runs here too and the directory for temporary files is the same; try 'shm wine ls'"
	}
	return c
}
