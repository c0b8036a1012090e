package main

import (
	"fmt"
	"strings"
	"time"
)

// result is one comparison, and a row of the tables.
type result struct {
	What  string
	Peer  time.Duration // of a cycle, in the median round
	Ours  time.Duration
	Ratio float64 // of ours to the peer, the median of the rounds' ratios
	Note  string  `json:",omitempty"` // stands in place of the figures
}

type results []result

func (r results) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-74s %12s %12s %8s\n", "", "peer", "namedshm", "ratio")
	for _, x := range r {
		if x.Note != "" {
			fmt.Fprintf(&b, "%s: %s\n", x.What, x.Note)
			continue
		}
		fmt.Fprintf(&b, "%-74s %12v %12v %8s\n", x.What, legible(x.Peer), legible(x.Ours), x.ratio())
	}
	return b.String()
}

func (x result) ratio() string {
	decimals := 2
	switch {
	case x.Ratio < 0.001:
		decimals = 6
	case x.Ratio < 0.1:
		decimals = 4
	}
	return fmt.Sprintf("%.*f", decimals, x.Ratio)
}

// legible leaves away digits that say nothing.
func legible(d time.Duration) time.Duration {
	if d < time.Microsecond {
		return d
	}
	return d.Round(10 * time.Nanosecond)
}

// row is the one of that name.
func (r results) row(what string) (result, bool) {
	for _, x := range r {
		if x.What == what {
			return x, x.Note == ""
		}
	}
	return result{}, false
}
