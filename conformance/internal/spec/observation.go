package spec

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Observation is what a call has shown, whatever it returned.
type Observation struct {
	Got      []byte // bytes that were read
	Seen     bool   // what was written in one place was seen in the other
	Numbers  []uint64
	Elapsed  time.Duration // of a wait
	Released int           // how many waits a pulse ended
	Taken    bool          // somebody has the mutex
}

// Patience is how long a driver waits for what must happen. It is a bound, not a measurement.
const Patience = 10 * time.Second

// sight is a result that an observation is judged by. wrote is what the run wrote last.
type sight = Phrase[func(o Observation, wrote []byte, m []string) error]

func shows(pattern string, judge func(o Observation, wrote []byte, m []string) error) sight {
	return Part(pattern, judge)
}

var sights = []sight{
	shows(`^(zeros|every byte 0|zero filled)\b`, func(o Observation, _ []byte, _ []string) error {
		if len(o.Got) == 0 || len(bytes.Trim(o.Got, "\x00")) > 0 {
			return fmt.Errorf("read %q", o.Got)
		}
		return nil
	}),
	shows(`^(child data|data survives|data kept|starts from shared data|private bytes are gone)\b`, func(o Observation, wrote []byte, _ []string) error {
		if len(o.Got) == 0 || !bytes.Equal(o.Got, wrote) {
			return fmt.Errorf("read %q, want %q", o.Got, wrote)
		}
		return nil
	}),
	shows(`^(same bytes|seen at the right offset|c sees the new bytes|parent reads it|parent sees it|data seen|shared$)`, func(o Observation, _ []byte, _ []string) error {
		if !o.Seen {
			return errors.New("what was written is not seen")
		}
		return nil
	}),
	shows(`^(independent memory|no effect on the other|c changes, shared data does not)\b`, func(o Observation, _ []byte, _ []string) error {
		if o.Seen {
			return errors.New("what was written in one place is seen in the other")
		}
		return nil
	}),
	shows(`^multiple of (\d+)`, func(o Observation, _ []byte, m []string) error {
		n, _ := strconv.ParseUint(m[1], 10, 64)
		if o.Numbers[0] == 0 || o.Numbers[0]%n != 0 {
			return fmt.Errorf("%#x", o.Numbers[0])
		}
		return nil
	}),
	shows(`^differ$`, func(o Observation, _ []byte, _ []string) error {
		if o.Numbers[0] == o.Numbers[1] {
			return fmt.Errorf("both %#x", o.Numbers[0])
		}
		return nil
	}),
	shows(`^page (\d+), allocation granularity (\d+)`, func(o Observation, _ []byte, m []string) error {
		return errors.Join(Number("page", o.Numbers[0], m[1]), Number("granularity", o.Numbers[1], m[2]))
	}),
	shows(`^(?:all|exactly) (\d+) released$`, func(o Observation, _ []byte, m []string) error {
		return Number("released", uint64(o.Released), m[1])
	}),
	shows(`^WAIT_TIMEOUT after about (\d+) ms$`, func(o Observation, _ []byte, m []string) error {
		n, err := strconv.Atoi(m[1])
		least := time.Duration(n) * time.Millisecond
		if err == nil && (o.Elapsed < least || o.Elapsed > least+Patience) {
			err = fmt.Errorf("after %v", o.Elapsed)
		}
		return err
	}),
	shows(`^(not taken|taken)\b`, func(o Observation, _ []byte, m []string) error {
		if want := m[1] == "taken"; o.Taken != want {
			return fmt.Errorf("taken: %v", o.Taken)
		}
		return nil
	}),
}

// IsShown reports a row whose result is one that a call shows.
func IsShown(r Row) bool {
	_, m := First(r.Result, sights)
	return m != nil
}

// Judge holds against the row's result what it says of an observation. wrote is what the run wrote last.
func (o Observation) Judge(r Row, wrote []byte) error {
	for judge, m := range All(r.Result, sights) {
		if err := judge(o, wrote, m); err != nil {
			return err
		}
	}
	return nil
}

// Number wants the number that a result has in decimal.
func Number(what string, got uint64, want string) error {
	if strconv.FormatUint(got, 10) != want {
		return fmt.Errorf("%s %d, want %s", what, got, want)
	}
	return nil
}
