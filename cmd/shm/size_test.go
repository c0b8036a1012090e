package main

import (
	"math"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "256": 256, "64KiB": 65536, "1MiB": 1 << 20, "1GiB": 1 << 30, "3TiB": 3 << 40,
		"0x10000": 65536, "0xFF": 255, "010": 10, "9223372036854775807": math.MaxInt64, "8388607TiB": 8388607 << 40,
	} {
		var s size
		if err := s.UnmarshalText([]byte(text)); err != nil || int64(s) != want {
			t.Errorf("%q: %d, %v; want %d", text, int64(s), err, want)
		}
	}
	for text, complaint := range map[string]string{
		"": "is not a size", "KiB": "is not a size", "x": "is not a size", "1 KiB": "is not a size",
		"1.5GiB": "is not a size",
		"64KB":   "64KiB is 64 times 1024 bytes", "64kb": "64KiB", "1M": "1MiB", "2g": "2GiB", "1tb": "1TiB", "5kib": "5KiB",
		"7B": "is not a size", "-1": "is negative", "-1KiB": "is negative", "0x": "is not a size", "0x-1": "is negative",
		"8388608TiB": "larger than any size can be", "9223372036854775808": "larger than any size can be",
	} {
		var s size
		if err := s.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%q: %d, %v; want %q", text, int64(s), err, complaint)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "?", 0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 4096: "4KiB", 1536: "1.5KiB", 65536: "64KiB",
		1 << 20: "1MiB", 1<<20 + 1: "1.0MiB", 1 << 30: "1GiB", 5 << 40: "5TiB", math.MaxInt64: "8388608.0TiB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
