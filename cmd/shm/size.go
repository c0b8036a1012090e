package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes on the command line: 256, 64KiB, 1GiB, 0x10000.
type size int64

var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// UnmarshalText reads a size. Decimal units are refused rather than guessed at: half the world means 1,000 by KB.
func (s *size) UnmarshalText(text []byte) error {
	number, factor := string(text), int64(1)
	for _, u := range units {
		if rest, found := strings.CutSuffix(number, u.suffix); found {
			number, factor = rest, u.bytes
			break
		}
	}
	base, digits := 10, number
	if rest, found := strings.CutPrefix(number, "0x"); found && factor == 1 {
		base, digits = 16, rest
	}
	n, err := strconv.ParseInt(digits, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > math.MaxInt64/factor:
		return fmt.Errorf("%q is larger than any size can be", text)
	case err != nil:
		return notASize(string(text))
	case n < 0:
		return fmt.Errorf("%q is negative", text)
	}
	*s = size(n * factor)
	return nil
}

// length is how many bytes are wanted. Its zero value stands for all there are, and so none can be asked for.
type length size

// UnmarshalText reads a length.
func (l *length) UnmarshalText(text []byte) error {
	if err := (*size)(l).UnmarshalText(text); err != nil {
		return err
	}
	if *l == 0 {
		return fmt.Errorf("%q is not a length; leave out the flag to get everything", text)
	}
	return nil
}

// notASize says what is wrong with a size, with a hint where it is clear what was meant.
func notASize(text string) error {
	digits := strings.TrimRight(text, "kKmMgGtTiIbB")
	suffix := text[len(digits):]
	if _, err := strconv.ParseUint(digits, 10, 64); err == nil && suffix != "" {
		for _, u := range units {
			if strings.EqualFold(suffix[:1], u.suffix[:1]) {
				return fmt.Errorf("%q has an unknown unit; %s%s is %s times %d bytes", text, digits, u.suffix, digits, u.bytes)
			}
		}
	}
	return fmt.Errorf("%q is not a size; write it as 256, 64KiB, 1MiB or 1GiB", text)
}

// humanSize is a number of bytes for people: exact where it is a round number of a unit, else with one decimal.
func humanSize(n int64) string {
	if n < 0 {
		return "?"
	}
	for i := len(units) - 1; i >= 0; i-- {
		u := units[i]
		switch {
		case n < u.bytes:
		case n%u.bytes == 0:
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		default:
			return fmt.Sprintf("%.1f%s", float64(n)/float64(u.bytes), u.suffix)
		}
	}
	return strconv.FormatInt(n, 10)
}

// plural is a number of things in words: "1 byte", "2 bytes".
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatInt(n, 10) + " " + thing + "s"
}
