package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// point is what something costs beside so many.
type point struct {
	Count int           `json:"count"`
	Takes time.Duration `json:"takes"`
}

// curve is the cost of one thing against a number of others.
type curve struct {
	What   string  `json:"what"`
	Points []point `json:"points"`
}

// The curves of each of the two plots.
const (
	openAmong   = "open…close a section"
	createAmong = "create…close a section"
	namesAmong  = "Names, all of them"
	listAmong   = "List, with their holders"

	openShared  = "open…close a section with so many"
	openHolding = "open…close by a process with so many"
)

// These many objects there are, or handles.
var (
	objectCounts = []int{10, 100, 1000, 10_000, 100_000}
	handleCounts = []int{1, 10, 100, 1000, 10_000}
)

// measureObjects measures beside more and more objects, which other processes hold.
func measureObjects(counts []int) ([]curve, error) {
	curves := []curve{{What: openAmong}, {What: createAmong}, {What: namesAmong}, {What: listAmong}}
	there := 0
	for _, count := range counts {
		held, err := hold(there, count-there)
		if err != nil {
			return nil, err
		}
		defer held.end()
		there = count
		listed := func(n int) {
			if n != count {
				check(fmt.Errorf("%d of %d were listed", n, count))
			}
		}
		i := 0
		for c, cycle := range []func(){
			func() { sectionOpen(heldName(i * 7919 % count)); i++ }, // spread over all
			sectionCreate,
			func() { listed(len(must(inspect.Names(namedshm.Local)))) },
			func() { listed(len(must(inspect.List(namedshm.Local)))) },
		} {
			curves[c].Points = append(curves[c].Points, point{count, long(cycle)})
		}
	}
	return curves, nil
}

// measureHandles measures beside more and more handles: first other processes' to one object, then this process's own.
// Where a process may not have so many descriptors the curve ends.
func measureHandles(counts []int) ([]curve, error) {
	shared, own := curve{What: openShared}, curve{What: openHolding}
	there := 0
	for _, count := range counts {
		held, err := holdOne(count - there)
		if err != nil {
			return nil, err
		}
		defer held.end()
		there = count
		shared.Points = append(shared.Points, point{count, long(func() { sectionOpen(heldName(0)) })})
	}
	var limit syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	var mine []*namedshm.Section
	for _, count := range counts {
		if uint64(2*count+100) > limit.Cur {
			break
		}
		for len(mine) < count {
			s := must(namedshm.Create(fmt.Sprint("mine-", len(mine)), size, namedshm.ReadWrite))
			defer s.Close()
			mine = append(mine, s)
		}
		own.Points = append(own.Points, point{count, long(func() { sectionOpen("mine-0") })})
	}
	return []curve{shared, own}, nil
}

// long is how long something takes that may take microseconds or seconds: the median of stretches that are long enough
// for the clock, or of three times.
func long(cycle func()) time.Duration {
	const span = 2 * time.Millisecond
	start := time.Now()
	cycle()
	once := max(time.Since(start), time.Nanosecond)
	times, atOnce := 31, max(1, int(span/once))
	if once > 20*span {
		times = 3
	}
	took := make([]time.Duration, times)
	for i := range took {
		start := time.Now()
		for range atOnce {
			cycle()
		}
		took[i] = time.Since(start) / time.Duration(atOnce)
	}
	return median(took)
}

// holdOne has other processes take so many handles to one section.
func holdOne(count int) (holders, error) {
	os.Setenv(oneVariable, "true")
	defer os.Unsetenv(oneVariable)
	return hold(0, count)
}
