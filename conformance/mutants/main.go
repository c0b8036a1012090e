// Command mutants breaks the library in one place at a time, and reports which tests notice. A test that nothing can
// make fail is worthless; here a change that should matter and that no test notices is a failure.
//
//	go run ./conformance/mutants                      # the list: each change, and the test that is to find it
//	go run ./conformance/mutants patrol seat          # those of the list whose names have one of these words in them
//	go run ./conformance/mutants -random 40           # that many changes in internal/kernel, against its tests
//	go run ./conformance/mutants -random 40 -seed 7 -limit 2m -files 'name*.go' -tests internal/kernel,win32
//	go run ./conformance/mutants -random 40 -files 'internal/waiting/*.go' -tests internal/waiting,conformance/waiting
//
// The list is list.txt beside this file, which says how it is written. Nothing in the tree is changed: the compiler is
// given another text in the place of one file's (go build -overlay). As root on Linux the tests run in namespaces of
// their own, so that what a broken library leaves goes with them.
//
// The exit status is 1 if fewer were noticed than -least asks for, in percent: all of the list, by default, and none of
// those at random. It is 2 if the list does not fit the tree any more, or if a test that is to find something fails on
// what is right.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"
)

// where are the directory whose lines are changed at random, and the one with the list.
const (
	target = "internal/kernel"
	list   = "conformance/mutants/list.txt"
)

func main() {
	random := flag.Int("random", 0, "make so many changes at random instead of those of the list")
	seed := flag.Uint64("seed", rand.Uint64(), "for -random: which changes")
	files := flag.String("files", "*.go",
		"for -random: a pattern of the files to change; without a directory, of those of "+target)
	tests := flag.String("tests", target, "for -random: packages whose tests are to notice, one after the other")
	limit := flag.Duration("limit", 2*time.Minute, "how long the tests of a package may take")
	least := flag.Float64("least", -1, "how many percent must be noticed (default 100, with -random 0)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := newBench(ctx, *limit)
	if err != nil {
		fail(err)
	}
	var s score
	if *random > 0 {
		fmt.Printf("seed %d\n", *seed)
		s, err = b.sow(os.Stdout, *random, *seed, *files, strings.Split(*tests, ","))
	} else {
		s, err = b.work(os.Stdout, flag.Args())
	}
	b.close()
	if err != nil {
		fail(err)
	}
	if *least < 0 && *random == 0 {
		*least = 100
	}
	fmt.Println(s)
	if s.percent() < *least {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "mutants:", err)
	os.Exit(2)
}

// score is how many changes were noticed.
type score struct{ noticed, survived, leftOut int }

func (s score) percent() float64 {
	if s.noticed+s.survived == 0 {
		return 100
	}
	return 100 * float64(s.noticed) / float64(s.noticed+s.survived)
}

func (s score) String() string {
	line := fmt.Sprintf("%d of %d noticed, %.0f %%", s.noticed, s.noticed+s.survived, s.percent())
	if s.leftOut > 0 {
		line += fmt.Sprintf("; %d left out", s.leftOut)
	}
	return line
}

// work makes the changes of the list whose names have one of the words in them; all, without words.
func (b *bench) work(to io.Writer, words []string) (s score, err error) {
	all, err := readList(b.root)
	if err != nil {
		return s, err
	}
	var chosen []*mutant
	for _, m := range all {
		if len(words) == 0 || hasWord(m.name, words) {
			chosen = append(chosen, m)
		}
	}
	right, err := b.right(chosen)
	if err != nil {
		return s, err
	}
	results := b.each(chosen)
	var wrong []string
	for _, m := range chosen {
		r := <-results[m]
		switch why := right[m.probe()]; {
		case r.err != nil:
			wrong = append(wrong, m.name)
		case r.noticed:
			s.noticed++
		case why != "":
			s.leftOut++
			r.text = "left out: " + why
		default:
			s.survived++
		}
		fmt.Fprintf(to, "%-26s %s\n", m.name, r)
	}
	if wrong != nil {
		return s, fmt.Errorf("the list does not fit the tree: %s", strings.Join(wrong, ", "))
	}
	return s, nil
}

func hasWord(name string, words []string) bool {
	for _, w := range words {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}
