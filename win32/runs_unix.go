//go:build unix && !aix

package win32

import (
	"slices"
	"sort"
)

// run is the beginning of a range of offsets that have one value.
type run struct {
	from  uintptr
	value uint32
}

// runs are values of ranges: each run goes up to where the next one begins, the last one without end, and what lies
// before the first has 0. They are sorted, and neighbours differ. So a change costs what it changes, and not what it
// spans.
type runs []run

// after is the index of the first run that begins after an offset.
func (r runs) after(offset uintptr) int {
	return sort.Search(len(r), func(i int) bool { return r[i].from > offset })
}

// at is the value at an offset, and where it ends.
func (r runs) at(offset uintptr) (value uint32, end uintptr) {
	i := r.after(offset)
	end = ^uintptr(0)
	if i < len(r) {
		end = r[i].from
	}
	if i > 0 {
		value = r[i-1].value
	}
	return value, end
}

// set gives one value to a range.
func (r *runs) set(from, to uintptr, value uint32) {
	if from >= to {
		return
	}
	old := *r
	first := sort.Search(len(old), func(i int) bool { return old[i].from >= from })
	last := old.after(to)
	behind, _ := old.at(to)
	var before uint32
	if first > 0 {
		before = old[first-1].value
	}
	var between []run
	if before != value {
		between = append(between, run{from, value})
	}
	if behind != value {
		between = append(between, run{to, behind})
	}
	*r = slices.Replace(old, first, last, between...)
}
